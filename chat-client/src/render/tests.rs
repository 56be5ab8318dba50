use chrono::{FixedOffset, Utc};
use proptest::prelude::*;

use super::*;

fn message(from: &str, body: &str) -> Message {
    Message {
        room: "rust".into(),
        seq: 7,
        kind: MessageKind::Broadcast,
        from: from.into(),
        to: None,
        body: body.into(),
        sent_at: SentAt::from_unix_millis(1_795_255_200_123),
    }
}

fn private(from: &str, to: &str, body: &str) -> Message {
    Message { kind: MessageKind::Unicast, to: Some(to.into()), ..message(from, body) }
}

fn in_rust() -> ChatEvent {
    ChatEvent::Joined { room: "rust".into(), users: vec![], history: vec![] }
}

fn renderer(paint: Paint, screen: Screen) -> Renderer<Utc> {
    let mut renderer = Renderer::new(Utc, paint, screen);
    renderer.render(&ChatEvent::Registered { username: "ana".into() }, Width::Unbounded);
    renderer.render(&in_rust(), Width::Unbounded);
    renderer
}

#[track_caller]
fn check(event: &ChatEvent, expected: &str) {
    assert_eq!(renderer(Paint::Plain, Screen::Log).render(event, Width::Unbounded), expected);
}

#[test]
fn messages_show_time_speaker_and_text() {
    check(&ChatEvent::Message(message("bia", "oi")), "10:00 bia: oi\n");
    check(&ChatEvent::Message(private("bia", "ana", "psiu")), "10:00 (private) bia to ana: psiu\n");
    let elsewhere = Message { room: "c".into(), ..message("bia", "oi") };
    check(&ChatEvent::Message(elsewhere), "10:00 [c] bia: oi\n");
}

#[test]
fn the_room_entered_last_and_not_left_needs_no_mention() {
    let mut renderer = renderer(Paint::Plain, Screen::Log);
    let mut shown = |event: ChatEvent| renderer.render(&event, Width::Unbounded);
    shown(ChatEvent::Joined { room: "c".into(), users: vec![], history: vec![] });
    assert_eq!(shown(ChatEvent::Message(message("bia", "oi"))), "10:00 [rust] bia: oi\n");
    shown(ChatEvent::Left { room: "c".into() });
    assert_eq!(shown(ChatEvent::Message(message("bia", "oi"))), "10:00 bia: oi\n");
}

#[test]
fn times_are_those_of_the_zone() {
    let east = FixedOffset::east_opt(3600 * 5 + 1800).unwrap();
    let mut renderer = Renderer::new(east, Paint::Plain, Screen::Log);
    renderer.render(&in_rust(), Width::Unbounded);
    let line = renderer.render(&ChatEvent::Message(message("bia", "oi")), Width::Unbounded);
    assert_eq!(line, "15:30 bia: oi\n");
}

#[test]
fn a_name_that_reads_like_punctuation_stands_in_quotes() {
    check(&ChatEvent::Message(message("bob: hi", "x")), "10:00 \"bob: hi\": x\n");
    check(&ChatEvent::Message(message("bob (private)", "x")), "10:00 \"bob (private)\": x\n");
    check(&ChatEvent::Message(message("Ana Maria", "x")), "10:00 Ana Maria: x\n");
}

#[test]
fn a_message_of_several_lines_stands_behind_a_gutter() {
    check(
        &ChatEvent::Message(message("bia", "one\n10:01 ana: forged\r\n┆ three")),
        "10:00 bia: one\n      ┆ 10:01 ana: forged\n      ┆ ┆ three\n",
    );
}

#[test]
fn a_long_message_is_wrapped_behind_the_gutter() {
    let mut renderer = renderer(Paint::Plain, Screen::Log);
    let event = ChatEvent::Message(message("bia", "a few words and a verylongwordthatfitsnowhere"));
    assert_eq!(
        renderer.render(&event, Width::Columns(24)),
        "10:00 bia: a few words \n      ┆ and a verylongwo\n      ┆ rdthatfitsnowher\n      ┆ e\n"
    );
}

#[test]
fn rooms_users_and_notices_are_sentences() {
    let rooms = vec![
        RoomLine { name: "rust".into(), users: 2, limit: None, private: Some(false) },
        RoomLine { name: "c".into(), users: 0, limit: Some(5), private: None },
        RoomLine { name: "vault".into(), users: 1, limit: None, private: Some(true) },
        RoomLine { name: "safe".into(), users: 1, limit: Some(2), private: Some(true) },
    ];
    check(
        &ChatEvent::Rooms { rooms },
        "* rooms: rust (2), c (0/5), vault (1, private), safe (1/2, private)\n",
    );
    check(&ChatEvent::Rooms { rooms: vec![] }, "* there are no rooms yet\n");
    let users = ChatEvent::Users { room: "rust".into(), users: vec!["ana".into(), "bia".into()] };
    check(&users, "* in rust: ana, bia\n");
    let notice = |kind, username: Option<&str>| {
        let sent_at = SentAt::from_unix_millis(1_795_255_200_123);
        ChatEvent::Notice(Notice {
            room: "rust".into(),
            seq: 8,
            kind,
            username: username.map(Into::into),
            sent_at,
        })
    };
    check(&notice(NoticeKind::Joined, Some("bia")), "10:00 * bia joined rust\n");
    check(&notice(NoticeKind::Closed, None), "10:00 * rust was closed\n");
    check(&ChatEvent::Error { code: "no_such_room", message: "no room".into() }, "! no room\n");
    check(&ChatEvent::Sent { room: "rust".into(), seq: 9 }, "* sent to rust as number 9\n");
}

#[test]
fn a_conversation_folds_what_was_typed_and_marks_the_day_once() {
    let mut renderer = renderer(Paint::Plain, Screen::Conversation);
    let mut shown = |event: ChatEvent| renderer.render(&event, Width::Unbounded);
    assert_eq!(shown(ChatEvent::Message(message("ana", "typed"))), "");
    assert_eq!(shown(ChatEvent::Sent { room: "rust".into(), seq: 7 }), "");
    assert_eq!(shown(ChatEvent::Message(message("bia", "oi"))), "--- 2026-11-21 ---\n10:00 bia: oi\n");
    assert_eq!(shown(ChatEvent::Message(message("bia", "oi"))), "10:00 bia: oi\n");
    let joined =
        ChatEvent::Joined { room: "rust".into(), users: vec![], history: vec![message("ana", "before")] };
    assert!(shown(joined).ends_with("10:00 ana: before\n"));
}

#[test]
fn colours_are_asked_for_by_the_terminal_and_refused_by_its_user() {
    assert_eq!(Paint::for_terminal(None, Some("xterm")), Paint::Colours);
    assert_eq!(Paint::for_terminal(Some(""), Some("xterm")), Paint::Colours);
    assert_eq!(Paint::for_terminal(Some("1"), Some("xterm")), Paint::Plain);
    assert_eq!(Paint::for_terminal(None, Some("dumb")), Paint::Plain);
    assert_eq!(Paint::for_terminal(None, None), Paint::Plain);
}

#[test]
fn a_name_has_one_colour() {
    assert_eq!(Paint::Colours.name("bia"), Paint::Colours.name("bia"));
    assert_ne!(Paint::Colours.name("bia"), Paint::Plain.name("bia"));
}

/// The events through which others' texts reach the screen.
fn events_with(text: &str) -> Vec<ChatEvent> {
    let notice = Notice {
        room: text.into(),
        seq: 1,
        kind: NoticeKind::Left,
        username: Some(text.into()),
        sent_at: SentAt::from_unix_millis(0),
    };
    let hostile = Message { room: text.into(), ..private(text, text, text) };
    vec![
        ChatEvent::Registered { username: text.into() },
        ChatEvent::RoomCreated { room: text.into() },
        ChatEvent::Message(hostile.clone()),
        ChatEvent::Message(message(text, text)),
        ChatEvent::Joined { room: text.into(), users: vec![text.into()], history: vec![hostile] },
        ChatEvent::Notice(notice),
        ChatEvent::Rooms {
            rooms: vec![RoomLine { name: text.into(), users: 1, limit: None, private: Some(true) }],
        },
        ChatEvent::Me { username: text.into(), room: None, rooms: vec![text.into()] },
        ChatEvent::Gap { room: text.into() },
        ChatEvent::Error { code: "unavailable", message: text.into() },
    ]
}

/// Without the colours that `Paint` may write.
fn without_colours(line: &str) -> String {
    let mut plain = line.to_owned();
    for code in ["0", "1", "2", "31", "32", "33", "34", "35", "36", "92", "94", "95", "96"] {
        plain = plain.replace(&format!("\x1b[{code}m"), "");
    }
    plain
}

proptest! {
    #[test]
    fn no_text_of_others_puts_a_control_character_on_the_screen(text in crate::hostile::text(), columns in 0..90_usize) {
        for event in events_with(&text) {
            let mut renderer = renderer(Paint::Colours, Screen::Conversation);
            let screen = renderer.render(&event, Width::Columns(columns));
            for line in screen.split_terminator('\n') {
                let plain = without_colours(line);
                prop_assert!(!plain.chars().any(sanitise::is_control), "{plain:?}");
            }
        }
    }

    #[test]
    fn no_text_of_others_begins_a_line(text in crate::hostile::text(), columns in 0..90_usize) {
        let mut renderer = renderer(Paint::Plain, Screen::Log);
        let screen = renderer.render(&ChatEvent::Message(message("bia", &text)), Width::Columns(columns));
        for (index, line) in screen.split_terminator('\n').enumerate() {
            let start = if index == 0 { "10:00 bia: " } else { GUTTER };
            prop_assert!(line.starts_with(start), "{line:?}");
        }
    }

    #[test]
    fn a_wrapped_text_loses_nothing(text in "[^\\p{C}\\p{M}\\p{Z}]{0,200}", columns in 30..90_usize) {
        let mut renderer = renderer(Paint::Plain, Screen::Log);
        let screen = renderer.render(&ChatEvent::Message(message("bia", &text)), Width::Columns(columns));
        let joined: String = screen
            .split_terminator('\n')
            .map(|line| line.strip_prefix(GUTTER).or_else(|| line.strip_prefix("10:00 bia: ")).unwrap())
            .collect();
        prop_assert_eq!(joined, sanitise::one_line(&text));
    }
}

#[test]
fn what_the_client_says_is_said_in_portuguese_and_what_others_say_as_they_said_it() {
    let mut renderer =
        Renderer::new(Utc, Paint::Plain, Screen::Conversation).in_language(Language::Portuguese);
    let mut render = |event: &ChatEvent| renderer.render(event, Width::Unbounded);
    let joined = ChatEvent::Joined { room: "Aula".into(), users: vec!["ana".into()], history: vec![] };
    assert_eq!(render(&joined), "* em Aula: ana\n* Para sair, digite o comando /SAIR.\n");
    let notice = |kind, username: Option<&str>| {
        ChatEvent::Notice(Notice {
            room: "Aula".into(),
            seq: 1,
            kind,
            username: username.map(str::to_owned),
            sent_at: SentAt::from_unix_millis(0),
        })
    };
    render(&notice(NoticeKind::Left, Some("eva")));
    let came = render(&notice(NoticeKind::Joined, Some("bia")));
    assert_eq!(came, "00:00 * bia > *** ENTROU NA SALA *** (Aula)\n");
    let closed = render(&notice(NoticeKind::Closed, None));
    assert_eq!(closed, "00:00 * Sistema > *** ESTA SALA FOI ENCERRADA *** (Aula)\n");
    assert_eq!(render(&ChatEvent::Rooms { rooms: vec![] }), "* ainda não há salas\n");
}
