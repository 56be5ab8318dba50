//! What an operator does, as users and he himself see it.

use chat_api::limits::{CLOSED_ROOM_KEPT, MESSAGE_BYTES};
use chat_api::{Chat, ChatError, LogEntry, RoomChoice, RoomName, Username, is_chat_ended};
use rpc_core::Code;

use super::rig::{Rig, status, words};

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn named(name: &str) -> RoomChoice {
    RoomChoice::Name(name.to_owned())
}

#[test]
fn a_room_that_is_closed_tells_why_ends_its_streams_in_order_and_is_gone() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mut following = ana.follow("rust", Some(ana.receive("rust").unwrap().mark)).unwrap();
    bia.say("rust", "last words").unwrap();
    assert_eq!(rig.admin().close_room(named("RUST"), Some("the class is over".into())), Ok(room("rust")));
    let (events, end) = following.end();
    assert_eq!(
        (words(&events), end),
        (own(&["bia: last words", "Sistema: the class is over", "Closed"]), Ok(()))
    );
    assert_eq!(words(&bia.receive("rust").unwrap().events).last().unwrap(), "Closed");
    let closed = ChatError::RoomClosed { room: room("rust") };
    assert_eq!(bia.receive("rust").unwrap_err(), closed);
    assert_eq!(bia.say("rust", "x").unwrap_err(), closed);
    assert_eq!(bia.join("rust").unwrap_err(), closed);
    assert_eq!(rig.admin().close_room(named("rust"), None).unwrap_err(), closed);
    assert!(Chat::list_rooms(&rig.lobby).unwrap().is_empty());
    bia.create("rust").unwrap();
    assert!(bia.join("rust").unwrap().history.is_empty());
}

#[test]
fn who_follows_a_closed_room_again_finds_its_end_and_then_nothing() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let mark = ana.receive("rust").unwrap().mark;
    rig.admin().close_room(named("rust"), None).unwrap();
    let mut late = ana.follow("rust", Some(mark)).unwrap();
    let (events, end) = late.end();
    assert_eq!((words(&events), end), (own(&["Closed"]), Ok(())));
    assert!(matches!(ana.follow("rust", Some(late.mark)).err(), Some(ChatError::RoomClosed { .. })));
    rig.clock.advance(CLOSED_ROOM_KEPT);
    rig.lobby.sweep();
    assert!(matches!(
        ana.follow("rust", Some(mark)).err(),
        Some(ChatError::NoSuchRoom { .. } | ChatError::NotRegistered { .. })
    ));
}

#[test]
fn who_is_put_out_is_told_why_and_his_stream_ends_in_order() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let (mut anas, mut bias) = (ana.follow("rust", None).unwrap(), bia.follow("rust", None).unwrap());
    rig.admin().kick(named("rust"), "BIA".into(), Some("no spam".into())).unwrap();
    let (events, end) = bias.end();
    assert_eq!((words(&events), end), (own(&["Sistema to bia: no spam"]), Ok(())));
    assert_eq!(anas.read(2), ["+bia", "-bia"]);
    assert!(matches!(bia.say("rust", "x"), Err(ChatError::NotInRoom { .. })));
    let absent = |name: &str| ChatError::RecipientNotInRoom { recipient: Username::parse(name).unwrap() };
    for name in ["bia", "nobody"] {
        assert_eq!(rig.admin().kick(named("rust"), name.into(), None), Err(absent(name)));
    }
    assert!(matches!(rig.admin().kick(named("rust"), "todos".into(), None), Err(ChatError::InvalidName(_))));
    assert!(matches!(
        rig.admin().kick(named("nowhere"), "bia".into(), None),
        Err(ChatError::NoSuchRoom { .. })
    ));
    bia.join("rust").unwrap();
}

#[test]
fn an_announcement_goes_to_one_room_or_to_all_and_newcomers_do_not_see_it() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    ana.create("c").unwrap();
    ana.join("c").unwrap();
    assert_eq!(rig.admin().broadcast(Some(RoomChoice::Number(2)), "only here".into()), Ok(1));
    assert_eq!(rig.admin().broadcast(None, "restart at noon".into()), Ok(2));
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["Sistema: restart at noon"]);
    assert_eq!(words(&ana.receive("c").unwrap().events), ["Sistema: only here", "Sistema: restart at noon"]);
    assert!(rig.guest("bia").join("rust").unwrap().history.is_empty());
    assert_eq!(rig.admin().broadcast(None, " ".into()), Err(ChatError::EmptyMessage));
    let long = "x".repeat(MESSAGE_BYTES + 1);
    assert_eq!(rig.admin().broadcast(None, long.clone()), Err(ChatError::TooLong { bytes: 4097 }));
    assert_eq!(rig.admin().close_room(named("c"), Some(long)), Err(ChatError::TooLong { bytes: 4097 }));
    let nowhere = Some(RoomChoice::Number(3));
    assert_eq!(rig.admin().broadcast(nowhere, "x".into()), Err(ChatError::NoSuchNumber { number: 3 }));
}

#[test]
fn an_operators_room_has_a_limit_a_number_and_stays() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    rig.admin().create_room("Aula".into(), Some(1), None).unwrap();
    assert_eq!(
        rig.admin().create_room("AULA".into(), None, None),
        Err(ChatError::RoomExists { room: room("AULA") })
    );
    assert_eq!(rig.admin().create_room("none".into(), Some(0), None), Err(ChatError::InvalidLimit));
    for bad in [" ", &"x".repeat(65), "a\u{202e}b", "\u{1b}[2J"] {
        assert!(
            matches!(rig.admin().create_room(bad.into(), None, None), Err(ChatError::InvalidName(_))),
            "{bad:?}"
        );
    }
    rig.admin().create_room("Cofre".into(), None, Some("sésamo".into())).unwrap();
    ana.join("aula").unwrap();
    let rooms = rig.admin().list_rooms().unwrap();
    let told: Vec<_> = rooms.iter().map(|room| (room.number, room.users, room.limit, room.private)).collect();
    assert_eq!(told, [(1, 1, Some(1), false), (2, 0, None, true)]);
    assert_eq!(rig.admin().list_users(RoomChoice::Number(1)).unwrap(), ["ana"]);
    rig.clock.advance(std::time::Duration::from_secs(86_400));
    rig.lobby.sweep();
    assert_eq!(rig.admin().list_rooms().unwrap().len(), 2);
}

#[test]
fn the_log_tells_what_happened_in_order() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    rig.admin().create_room("rust".into(), Some(1), None).unwrap();
    ana.join("nowhere").unwrap_err();
    ana.join("rust").unwrap();
    ana.join("rust").unwrap();
    rig.guest("bia").join("rust").unwrap_err();
    let id = chat_api::MessageId::new([1; 16]);
    assert_eq!(ana.say_once("rust", "oi", id), ana.say_once("rust", "oi", id));
    rig.admin().close_room(named("rust"), None).unwrap();
    ana.unregister().unwrap();
    let (user, rust) = (|name| Username::parse(name).unwrap(), room("rust"));
    let expected = [
        LogEntry::RoomMade { room: rust.clone(), rooms: 1 },
        LogEntry::NoSuchRoom { user: user("ana") },
        LogEntry::Entered { user: user("ana"), room: rust.clone() },
        LogEntry::RoomFull { user: user("bia"), room: rust.clone() },
        LogEntry::Said { user: user("ana"), room: rust.clone(), text: "oi".parse().unwrap() },
        LogEntry::RoomClosed { room: rust },
        LogEntry::Gone { user: user("ana") },
    ];
    let logged = rig.admin().logs(0).unwrap().entries;
    assert!(logged.iter().map(|logged| logged.number).eq(1..=7));
    assert!(logged.iter().map(|logged| &logged.entry).eq(&expected), "{logged:?}");
}

/// The story: the stream of somebody who had left and read no more stayed until its connection ended.
#[test]
fn a_leavers_stream_that_nobody_reads_is_cut_after_a_minute() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mut unread = ana.follow("rust", None).unwrap();
    bia.say("rust", "unread").unwrap();
    ana.leave("rust").unwrap();
    rig.lobby.sweep();
    assert_eq!(rig.lobby.announcers.streams(), 1);
    for _ in 0..2 {
        rig.clock.advance(CLOSED_ROOM_KEPT / 2);
        ana.heartbeat().unwrap();
        rig.lobby.sweep();
    }
    assert_eq!(rig.lobby.announcers.streams(), 0);
    assert_eq!(unread.end().1, Err(Code::Aborted));
}

#[test]
fn nothing_an_operator_does_needs_a_session_and_no_user_does_it_by_one() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    assert_eq!(status(rig.lobby.heartbeat("ana".into())), Code::Unauthenticated);
    rig.admin().close_room(RoomChoice::Number(1), None).unwrap();
    assert!(matches!(ana.leave("rust"), Err(ChatError::RoomClosed { .. })));
}

#[test]
fn a_chat_that_ends_for_good_says_so_behind_the_last_word_of_every_room() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    ana.create("c").unwrap();
    ana.join("c").unwrap();
    let following = ["rust", "c"].map(|room| ana.follow(room, None).unwrap());
    rig.lobby.end();
    for mut following in following {
        let (events, end) = following.end();
        assert_eq!(words(&events), own(&["Closed"]));
        assert_eq!(end, Err(Code::Unavailable));
    }
    assert!(Chat::list_rooms(&rig.lobby).unwrap().is_empty());
    for refused in [ana.create("new").unwrap_err(), ana.join("rust").unwrap_err()] {
        assert!(matches!(refused, ChatError::Status(ref end) if is_chat_ended(end)), "{refused}");
    }
    rig.lobby.end();
}

/// The story: a stream that was opened behind the close ended in order, and its client waited for a server that was gone.
#[test]
fn who_follows_a_room_again_after_the_chat_has_ended_is_told_that_too() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let mark = ana.join("rust").unwrap().mark;
    rig.lobby.end();
    let (events, end) = ana.follow("rust", Some(mark)).unwrap().end();
    assert_eq!((words(&events), end), (own(&["Closed"]), Err(Code::Unavailable)));
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
