use std::thread;
use std::time::{Duration, Instant};

use chat_api::{
    AFTER_KEY, Chat, ChatError, Incarnation, MESSAGE_ID_KEY, Mark, MessageId, NameError, RoomName,
    SESSION_KEY, Seq, UnixMillis, Username,
};
use rpc_core::{Code, Context};

use super::rig::{Guest, Rig, news, status, until, words};

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
        ("wait", |guest| guest.wait(&[]).map(drop)),
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
fn a_wait_ends_with_the_first_news_and_moves_no_mark() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mark = ana.receive("rust").unwrap().mark;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ana.wait(&[("rust", mark)]));
        until(|| rig.lobby.waits.is_waited_for());
        let posted = Instant::now();
        bia.say("rust", "news").unwrap();
        let answer = waiting.join().unwrap().unwrap();
        assert!(posted.elapsed() < SECOND, "woken at once, not at the end of the wait");
        assert_eq!(news(&answer), [(String::from("rust"), vec![String::from("bia: news")])]);
    });
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["bia: news"]);
}

#[test]
fn what_came_before_a_wait_is_answered_at_once_also_from_a_room_not_named() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    bia.say("rust", "news").unwrap();
    let all = vec![(String::from("rust"), vec![String::from("+bia"), String::from("bia: news")])];
    assert_eq!(news(&ana.wait(&[]).unwrap()), all);
    let mark = Mark { incarnation: Incarnation::new(0), seq: Seq::new(99) };
    assert_eq!(news(&ana.wait(&[("RUST", mark)]).unwrap()), all);
}

#[test]
fn others_private_messages_wake_nobody_else() {
    let rig = Rig::new();
    let [ana, bia, _zoe] = rig.guests_in("rust", ["ana", "bia", "zoe"]);
    let mark = ana.receive("rust").unwrap().mark;
    bia.tell("rust", "zoe", "not for ana").unwrap();
    let waited = ana.wait_until(&[("rust", mark)], Instant::now() + Duration::from_millis(600));
    assert_eq!(waited.unwrap(), []);
}

#[test]
fn a_wait_without_news_ends_empty_before_its_deadline() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let end = Instant::now() + Duration::from_millis(600);
    assert_eq!(ana.wait_until(&[], end).unwrap(), []);
    assert!(Instant::now() < end);
}

#[test]
fn a_named_room_that_one_is_not_in_is_told_at_once() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let mark = ana.receive("rust").unwrap().mark;
    ana.leave("rust").unwrap();
    for name in ["rust", "nowhere"] {
        let answer = ana.wait(&[(name, mark)]).unwrap();
        assert_eq!(news(&answer), [(name.to_owned(), vec![String::from("not in")])]);
    }
}

#[test]
fn a_wait_ends_when_its_user_enters_or_leaves_a_room() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    ana.create("rust").unwrap();
    for change in [|ana: &Guest<'_>| ana.join("rust").map(drop), |ana: &Guest<'_>| ana.leave("rust")] {
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ana.wait(&[]));
            until(|| rig.lobby.waits.is_waited_for());
            let changed = Instant::now();
            change(&ana).unwrap();
            assert_eq!(waiting.join().unwrap().unwrap(), []);
            assert!(changed.elapsed() < 5 * SECOND, "ended by the change, not by its deadline");
        });
    }
}

#[test]
fn a_wait_ends_when_its_user_unregisters() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ana.wait(&[]));
        until(|| rig.lobby.waits.is_waited_for());
        ana.unregister().unwrap();
        assert!(matches!(waiting.join().unwrap(), Err(ChatError::NotRegistered { .. })));
    });
}

#[test]
fn closing_the_chat_answers_all_waits_and_those_to_come() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mark = ana.receive("rust").unwrap().mark;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ana.wait(&[("rust", mark)]));
        until(|| rig.lobby.waits.is_waited_for());
        rig.lobby.close();
        assert_eq!(status(waiting.join().unwrap()), Code::Unavailable);
    });
    assert_eq!(status(bia.wait(&[])), Code::Unavailable);
}

#[test]
fn who_waits_is_there_however_long_and_for_a_minute_after() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ana.wait(&[]));
        until(|| rig.lobby.waits.is_waited_for());
        rig.clock.advance(600 * SECOND);
        rig.lobby.sweep();
        ana.say("rust", "still here").unwrap();
        waiting.join().unwrap().unwrap();
    });
    rig.clock.advance(59 * SECOND);
    rig.lobby.sweep();
    ana.heartbeat().unwrap();
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
fn more_rooms_than_a_user_can_be_in_are_too_many_to_wait_for() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let mark = ana.receive("rust").unwrap().mark;
    let rooms = vec![("rust", mark); 257];
    assert_eq!(status(ana.wait(&rooms)), Code::InvalidArgument);
    assert!(matches!(ana.wait(&[("\0", mark)]), Err(ChatError::InvalidName(_))));
}

#[test]
fn one_wait_too_many_ends_the_oldest_with_an_empty_answer() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    thread::scope(|scope| {
        let begun = Instant::now();
        let oldest = scope.spawn(|| ana.wait(&[]));
        until(|| rig.lobby.waits.is_waited_for());
        let others: Vec<_> = (0..8).map(|_| scope.spawn(|| ana.wait(&[]))).collect();
        assert_eq!(oldest.join().unwrap().unwrap(), []);
        assert!(begun.elapsed() < 5 * SECOND, "ended by a newer one, not by its deadline");
        ana.say("rust", "done").unwrap();
        for other in others {
            assert_eq!(other.join().unwrap().unwrap().len(), 1);
        }
    });
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

#[test]
fn a_member_who_slept_through_more_than_is_kept_is_told_how_much() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mark = ana.receive("rust").unwrap().mark;
    for number in 0..10_003 {
        bia.say("rust", &number.to_string()).unwrap();
    }
    let waited = ana.wait(&[("rust", mark)]).unwrap();
    assert!(matches!(&waited[0].news, chat_api::News::Events(received) if received.missed == 3));
    let received = ana.receive("rust").unwrap();
    assert_eq!((received.events.len(), received.missed, received.more), (10_000, 3, false));
    assert_eq!(ana.receive("rust").unwrap().missed, 0);
}
