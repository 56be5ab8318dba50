use std::time::Duration;

use chat_api::{
    AFTER_KEY, Chat, ChatError, MESSAGE_ID_KEY, MessageId, NameError, RoomName, SESSION_KEY, UnixMillis,
    Username,
};
use rpc_core::{Code, Context};

use super::rig::{Guest, Rig, status, words};

const SECOND: Duration = Duration::from_secs(1);

type Call = fn(&Guest<'_>) -> Result<(), ChatError>;

fn user(name: &str) -> Username {
    Username::parse(name).unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

#[test]
fn a_chat_of_two_goes_as_people_expect() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["Ana", "bia"]);
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["+bia"]);
    ana.say("rust", "oi").unwrap();
    bia.tell("rust", "ANA", "só para ti").unwrap();
    assert_eq!(words(&bia.receive("rust").unwrap().events), ["Ana: oi"]);
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["Ana: oi", "bia to Ana: só para ti"]);
    assert_eq!(words(&bia.history("rust").unwrap()), ["Ana: oi", "bia to Ana: só para ti"]);
    bia.leave("rust").unwrap();
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["-bia"]);
    assert_eq!(ana.lobby.list_users(String::from("RUST")).unwrap(), ["Ana"]);
    let listed = ana.lobby.list_rooms().unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].users, listed[0].limit), ("rust", 1, None));
}

#[test]
fn every_procedure_with_a_username_wants_its_holders_token() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let calls: [(&str, Call); 8] = [
        ("heartbeat", |guest| guest.heartbeat()),
        ("join", |guest| guest.join("rust").map(drop)),
        ("leave", |guest| guest.leave("rust")),
        ("say", |guest| guest.say("rust", "x").map(drop)),
        ("receive", |guest| guest.receive("rust").map(drop)),
        ("history", |guest| guest.history("rust").map(drop)),
        ("follow", |guest| guest.follow("rust", None).map(drop)),
        ("unregister", |guest| guest.unregister()),
    ];
    for (name, call) in calls {
        let stolen = Guest { token: bia.token.clone(), ..ana.clone() };
        assert_eq!(status(call(&stolen)), Code::PermissionDenied, "{name}");
        let guessed = Guest { token: chat_api::SessionToken::new([0; 16]), ..ana.clone() };
        assert_eq!(status(call(&guessed)), Code::Unauthenticated, "{name}");
        let nobody = Guest { name: String::from("zoe"), ..ana.clone() };
        assert_eq!(call(&nobody), Err(ChatError::NotRegistered { username: user("zoe") }), "{name}");
        let nameless = Guest { name: String::from("\u{1b}[2J"), ..ana.clone() };
        assert!(matches!(call(&nameless), Err(ChatError::InvalidName(_))), "{name}");
    }
    assert_eq!(status(rig.lobby.heartbeat(String::from("ana"))), Code::Unauthenticated);
    assert_eq!(status(rig.lobby.create_room(String::from("x"))), Code::Unauthenticated);
    assert_eq!(status(rig.lobby.create_room_with_limit(String::from("x"), 1)), Code::Unauthenticated);
    assert_eq!(rig.lobby.list_users(String::from("rust")).unwrap().len(), 2);
}

#[test]
fn wrong_names_limits_and_texts_are_refused_each_in_its_own_way() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let refused = |name: &str| rig.lobby.register_user(name.to_owned()).unwrap_err();
    assert_eq!(refused("ANA"), ChatError::NameTaken { username: user("ANA") });
    assert_eq!(refused("  "), ChatError::InvalidName(NameError::Empty));
    assert_eq!(refused(&"x".repeat(33)), ChatError::InvalidName(NameError::TooLong { limit: 32 }));
    assert_eq!(refused("Sistema"), ChatError::InvalidName(NameError::Reserved));
    assert_eq!(ana.create("Rust"), Err(ChatError::RoomExists { room: room("Rust") }));
    assert_eq!(ana.create(&"x".repeat(65)), Err(ChatError::InvalidName(NameError::TooLong { limit: 64 })));
    assert_eq!(ana.create_with_limit("none", 0), Err(ChatError::InvalidLimit));
    assert_eq!(ana.join("nowhere"), Err(ChatError::NoSuchRoom { room: room("nowhere") }));
    assert_eq!(rig.lobby.list_users(String::from("none")), Err(ChatError::NoSuchRoom { room: room("none") }));
    assert_eq!(ana.say("rust", ""), Err(ChatError::EmptyMessage));
    assert_eq!(ana.say("rust", " \n "), Err(ChatError::EmptyMessage));
    assert_eq!(ana.say("rust", &"x".repeat(4097)), Err(ChatError::TooLong { bytes: 4097 }));
    assert_eq!(ana.tell("rust", "", "x"), Err(ChatError::InvalidName(NameError::Empty)));
    assert_eq!(ana.tell("rust", "bia", "x"), Err(ChatError::RecipientNotInRoom { recipient: user("bia") }));
    rig.guest("bia");
    assert_eq!(ana.tell("rust", "bia", "x"), Err(ChatError::RecipientNotInRoom { recipient: user("bia") }));
    assert!(ana.receive("rust").unwrap().events.is_empty());
}

#[test]
fn a_full_room_takes_the_next_when_one_leaves() {
    let rig = Rig::new();
    let (ana, bia) = (rig.guest("ana"), rig.guest("bia"));
    ana.create_with_limit("small", 1).unwrap();
    ana.join("small").unwrap();
    assert_eq!(bia.join("small"), Err(ChatError::RoomFull { room: room("small"), limit: 1 }));
    ana.leave("small").unwrap();
    assert_eq!(bia.join("small").unwrap().users, ["bia"]);
}

#[test]
fn metadata_of_another_length_is_an_invalid_argument() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let context = ana.context().with_metadata(AFTER_KEY, [1; 15]).unwrap();
    let received = context.scope(|| rig.lobby.receive_messages(String::from("ana"), String::from("rust")));
    assert_eq!(status(received), Code::InvalidArgument);
    let context = ana.context().with_metadata(MESSAGE_ID_KEY, [1; 17]).unwrap();
    let sent = context.scope(|| rig.lobby.send_message("ana".into(), "rust".into(), "x".into(), None));
    assert_eq!(status(sent), Code::InvalidArgument);
}

#[test]
fn a_lost_answer_loses_nothing_and_a_message_sent_again_is_one() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let before = ana.receive("rust").unwrap().mark;
    let id = MessageId::new([3; 16]);
    let first = ana.say_once("rust", "once", id).unwrap();
    assert_eq!(ana.say_once("rust", "once", id).unwrap(), first);
    let lost = ana.receive("rust").unwrap();
    assert_eq!(words(&lost.events), ["ana: once"]);
    assert_eq!(ana.receive_after("rust", before).unwrap(), lost);
    assert!(ana.receive("rust").unwrap().events.is_empty());
}

#[test]
fn a_vanished_user_is_out_of_his_rooms_after_a_minute_and_the_others_are_told() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    ana.receive("rust").unwrap();
    rig.clock.advance(59 * SECOND);
    ana.heartbeat().unwrap();
    rig.lobby.sweep();
    assert_eq!(rig.lobby.list_users("rust".into()).unwrap(), ["ana", "bia"]);
    rig.clock.advance(SECOND);
    rig.lobby.sweep();
    assert_eq!(rig.lobby.list_users("rust".into()).unwrap(), ["ana"]);
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["-bia"]);
    assert_eq!(bia.heartbeat(), Err(ChatError::NotRegistered { username: user("bia") }));
    rig.guest("bia");
}

#[test]
fn the_name_of_a_vanished_user_is_free_before_any_sweep_and_he_is_out_of_his_rooms() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    ana.tell("rust", "bia", "for the first bia").unwrap();
    rig.clock.advance(59 * SECOND);
    ana.receive("rust").unwrap();
    rig.clock.advance(SECOND);
    assert!(bia.receive("rust").is_err());
    let second = rig.guest("BIA");
    assert_eq!(rig.lobby.list_users("rust".into()).unwrap(), ["ana"]);
    assert!(second.join("rust").unwrap().history.is_empty());
    assert!(second.history("rust").unwrap().is_empty());
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["-bia", "+BIA"]);
    assert_eq!(status(bia.heartbeat()), Code::Unauthenticated);
}

#[test]
fn who_unregisters_leaves_every_room_and_frees_his_name() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    ana.receive("rust").unwrap();
    bia.unregister().unwrap();
    assert_eq!(bia.unregister(), Err(ChatError::NotRegistered { username: user("bia") }));
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["-bia"]);
    rig.guest("bia");
}

#[test]
fn who_shows_his_token_takes_up_his_session_again() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let session = ana.context().scope(|| rig.lobby.register_user("ANA".into())).unwrap();
    assert_eq!((session.token.as_bytes(), session.username.as_str()), (ana.token.as_bytes(), "ana"));
    assert_eq!(session.idle_after, Duration::from_secs(60));
    assert!(ana.receive("rust").is_ok());
}

#[test]
fn an_empty_room_goes_after_five_minutes_to_the_millisecond_and_comes_back_empty() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    ana.say("rust", "old news").unwrap();
    ana.leave("rust").unwrap();
    for _ in 0..5 {
        rig.clock.advance(59 * SECOND);
        ana.heartbeat().unwrap();
    }
    rig.clock.advance(Duration::from_millis(4_999));
    rig.lobby.sweep();
    assert_eq!(rig.lobby.list_rooms().unwrap().len(), 1);
    rig.clock.advance(Duration::from_millis(1));
    assert!(rig.lobby.list_rooms().unwrap().is_empty());
    assert_eq!(ana.join("rust"), Err(ChatError::NoSuchRoom { room: room("rust") }));
    ana.create("rust").unwrap();
    assert!(ana.join("rust").unwrap().history.is_empty());
}

#[test]
fn a_wall_clock_that_jumps_moves_no_limit() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    for unix in [0, -1, i64::MAX, i64::MIN, 253_402_300_800_000] {
        rig.clock.set_wall(UnixMillis(unix));
        rig.lobby.sweep();
        ana.say("rust", "tick").unwrap();
    }
    let received = ana.receive("rust").unwrap();
    let numbers: Vec<u64> = received.events.iter().map(|event| event.seq.number()).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6]);
    assert_eq!(received.events[2].sent_at, UnixMillis(i64::MAX));
}

#[test]
fn calls_that_name_no_user_keep_a_session_too() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    for _ in 0..3 {
        rig.clock.advance(59 * SECOND);
        ana.context().scope(|| rig.lobby.list_rooms()).unwrap();
    }
    ana.heartbeat().unwrap();
}

#[test]
fn the_session_key_of_the_contract_is_the_one_that_counts() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    let context = Context::background().with_metadata("chat-session", ana.token.as_bytes()).unwrap();
    assert_eq!(SESSION_KEY, "chat-session");
    context.scope(|| rig.lobby.heartbeat("ana".into())).unwrap();
}

#[test]
fn a_thousand_who_vanish_in_the_same_moment_leave_one_after_the_other() {
    let rig = Rig::new();
    let host = rig.guest("host");
    host.create("rust").unwrap();
    for number in 0..1000 {
        rig.guest(&format!("u{number}")).join("rust").unwrap();
    }
    rig.clock.advance(30 * SECOND);
    host.join("rust").unwrap();
    rig.clock.advance(30 * SECOND);
    rig.lobby.sweep();
    assert_eq!(rig.lobby.list_users("rust".into()).unwrap(), ["host"]);
    let received = host.receive("rust").unwrap();
    assert_eq!((received.events.len(), received.missed), (1000, 0));
}
