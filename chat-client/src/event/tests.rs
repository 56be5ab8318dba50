use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(event: &ChatEvent, expected: &str) {
    assert_eq!(event.to_json(), expected);
}

fn message(body: &str) -> Message {
    Message {
        room: "rust".into(),
        seq: 7,
        kind: MessageKind::Broadcast,
        from: "ana".into(),
        to: None,
        body: body.into(),
        sent_at: SentAt::from_unix_millis(1_795_255_200_123),
    }
}

#[test]
fn events_have_the_fields_of_the_contract_in_its_order() {
    let room = || "rust".to_owned();
    check(&ChatEvent::Registered { username: "ana".into() }, r#"{"event":"registered","username":"ana"}"#);
    check(&ChatEvent::RoomCreated { room: room() }, r#"{"event":"room_created","room":"rust"}"#);
    check(&ChatEvent::Sent { room: room(), seq: 9 }, r#"{"event":"sent","room":"rust","seq":9}"#);
    check(
        &ChatEvent::Rooms {
            rooms: vec![RoomLine { name: room(), users: 2, limit: None, private: Some(true) }],
        },
        r#"{"event":"rooms","rooms":[{"name":"rust","users":2,"limit":null,"private":true}]}"#,
    );
    check(
        &ChatEvent::Users { room: room(), users: vec!["ana".into(), "bia".into()] },
        r#"{"event":"users","room":"rust","users":["ana","bia"]}"#,
    );
    check(&ChatEvent::Left { room: room() }, r#"{"event":"left","room":"rust"}"#);
    check(&ChatEvent::Gap { room: room() }, r#"{"event":"gap","room":"rust"}"#);
    check(
        &ChatEvent::Connection { state: ConnectionState::Lost },
        r#"{"event":"connection","state":"lost"}"#,
    );
    check(
        &ChatEvent::Error { code: "room_exists", message: "taken".into() },
        r#"{"event":"error","code":"room_exists","message":"taken"}"#,
    );
}

#[test]
fn messages_and_notices_carry_the_time_in_utc_with_milliseconds() {
    check(
        &ChatEvent::Message(message("oi")),
        r#"{"event":"message","room":"rust","seq":7,"kind":"broadcast","from":"ana","to":null,"body":"oi","sent_at":"2026-11-21T10:00:00.123Z"}"#,
    );
    let notice = |kind, username: Option<&str>| Notice {
        room: "rust".into(),
        seq: 8,
        kind,
        username: username.map(Into::into),
        sent_at: SentAt::from_unix_millis(0),
    };
    check(
        &ChatEvent::Notice(notice(NoticeKind::Joined, Some("bia"))),
        r#"{"event":"notice","room":"rust","seq":8,"kind":"joined","username":"bia","sent_at":"1970-01-01T00:00:00.000Z"}"#,
    );
    check(
        &ChatEvent::Notice(notice(NoticeKind::Closed, None)),
        r#"{"event":"notice","room":"rust","seq":8,"kind":"closed","username":null,"sent_at":"1970-01-01T00:00:00.000Z"}"#,
    );
}

#[test]
fn a_join_holds_its_history() {
    let joined =
        ChatEvent::Joined { room: "rust".into(), users: vec!["ana".into()], history: vec![message("oi")] };
    check(
        &joined,
        r#"{"event":"joined","room":"rust","users":["ana"],"history":[{"room":"rust","seq":7,"kind":"broadcast","from":"ana","to":null,"body":"oi","sent_at":"2026-11-21T10:00:00.123Z"}]}"#,
    );
}

#[test]
fn a_moment_past_the_end_of_the_calendar_is_still_a_line() {
    for unix_millis in [i64::MIN, i64::MAX] {
        let sent_at = SentAt::from_unix_millis(unix_millis);
        check_parses(&ChatEvent::Message(Message { sent_at, ..message("oi") }));
    }
}

#[track_caller]
fn check_parses(event: &ChatEvent) -> serde_json::Value {
    let line = event.to_json();
    assert!(!line.chars().any(crate::sanitise::is_control), "{line:?}");
    serde_json::from_str(&line).unwrap()
}

proptest! {
    #[test]
    fn a_body_is_intact_after_parsing_and_harmless_before(body in crate::hostile::text()) {
        let parsed = check_parses(&ChatEvent::Message(message(&body)));
        prop_assert_eq!(parsed["body"].as_str(), Some(body.as_str()));
    }
}
