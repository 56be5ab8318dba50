mod doors;
mod ending;
mod small_chat;
mod stage;

use std::time::Duration;

use super::*;
use crate::event::{ConnectionState, NoticeKind};
use stage::Stage;

/// Nothing that is expected takes longer.
const SOON: Duration = Duration::from_secs(20);

#[track_caller]
fn next(session: &ChatSession) -> ChatEvent {
    session.events().recv_timeout(SOON).expect("an event was expected")
}

/// The next event, in a few words.
#[track_caller]
fn told(session: &ChatSession) -> String {
    match next(session) {
        ChatEvent::Message(message) => format!("{}: {}", message.from, message.body),
        ChatEvent::Notice(notice) => match (notice.kind, notice.username) {
            (NoticeKind::Joined, username) => format!("+{}", username.unwrap()),
            (NoticeKind::Left, username) => format!("-{}", username.unwrap()),
            (NoticeKind::Closed, _) => format!("closed {}", notice.room),
        },
        ChatEvent::Left { room } => format!("out of {room}"),
        ChatEvent::Gap { room } => format!("gap in {room}"),
        ChatEvent::Connection { state: ConnectionState::Lost } => "lost".to_owned(),
        ChatEvent::Connection { state: ConnectionState::Restored } => "restored".to_owned(),
        ChatEvent::Error { code, .. } => code.to_owned(),
        other => panic!("not expected: {other:?}"),
    }
}

/// `ana` and `bia` in one room, which both follow, and neither has anything left to be told.
fn two_in_rust(stage: &Stage) -> (ChatSession, ChatSession) {
    let ana = stage.user("ana");
    ana.create("rust", None).unwrap();
    ana.join("rust").unwrap();
    let bia = stage.user("bia");
    bia.join("rust").unwrap();
    assert_eq!(told(&ana), "+bia");
    until_followed(stage, 2);
    (ana, bia)
}

/// Waits until so many streams of events have begun.
#[track_caller]
fn until_followed(stage: &Stage, streams: u64) {
    let until = Instant::now() + SOON;
    while stage.chat.world().streams < streams {
        assert!(Instant::now() < until, "{streams} streams did not begin");
        std::thread::yield_now();
    }
}

/// Waits until no further event has a place.
#[track_caller]
fn until_full(session: &ChatSession) {
    let until = Instant::now() + SOON;
    while !session.events().is_full() {
        assert!(Instant::now() < until, "there is still a place");
        std::thread::yield_now();
    }
}

#[track_caller]
fn check_nothing_more(session: &ChatSession) {
    assert!(session.settle(SOON));
    assert_eq!(session.events().try_recv().ok(), None);
}

#[test]
fn what_is_said_arrives_at_everybody_once_and_in_order() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    let texts: Vec<String> = (0..50).map(|number| format!("text {number}")).collect();
    texts.iter().for_each(|text| drop(ana.send("rust", text).unwrap()));
    for session in [&ana, &bia] {
        texts.iter().for_each(|text| assert_eq!(told(session), format!("ana: {text}")));
        check_nothing_more(session);
    }
}

#[test]
fn a_private_message_arrives_at_its_recipient_only() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    assert_eq!(bia.send_to("rust", "ana", "psiu").unwrap().room, "rust");
    assert_eq!(told(&ana), "bia: psiu");
    check_nothing_more(&bia);
}

#[test]
fn a_join_is_announced_before_anything_of_the_room_arrives() {
    let stage = Stage::new();
    let (ana, _bia) = two_in_rust(&stage);
    let caio = stage.user("caio");
    let entry = caio
        .join_announced("rust", None, |_| {
            ana.send("rust", "early").unwrap();
            assert_eq!(told(&ana), "+caio");
            assert_eq!(told(&ana), "ana: early");
            assert!(caio.events().is_empty());
        })
        .unwrap();
    assert_eq!(entry.users, ["ana", "bia", "caio"]);
    assert_eq!(told(&caio), "ana: early");
}

#[test]
fn rooms_are_entered_left_and_listed() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    ana.create(" c ", Some(3)).unwrap();
    ana.join("c").unwrap();
    assert_eq!(ana.joined(), ["rust", "c"]);
    let rooms = bia.rooms().unwrap();
    assert_eq!(
        rooms.iter().map(|room| (room.users, room.limit)).collect::<Vec<_>>(),
        [(1, Some(3)), (2, None)]
    );
    assert_eq!(bia.users("rust").unwrap(), ["ana", "bia"]);
    assert_eq!(bia.leave("rust").unwrap(), "rust");
    assert_eq!(told(&ana), "-bia");
    assert_eq!(bia.leave("rust").unwrap_err().code(), "not_in_room");
    assert_eq!(bia.send("rust", "x").unwrap_err().code(), "not_in_room");
    assert!(bia.joined().is_empty());
    check_nothing_more(&bia);
}

#[test]
fn a_taken_name_can_be_tried_again_and_a_session_has_one_name() {
    let stage = Stage::new();
    let _ana = stage.user("ana");
    let session = stage.session();
    assert_eq!(session.register("ana").unwrap_err().code(), "name_taken");
    assert_eq!(session.join("rust").unwrap_err().code(), "unavailable");
    assert_eq!(session.register("bia").unwrap(), "bia");
    assert_eq!(session.register("caio").unwrap_err().code(), "unavailable");
}

#[test]
fn what_was_missed_while_the_connection_was_lost_is_shown_once() {
    let mut stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    ana.send("rust", "before").unwrap();
    assert_eq!(told(&bia), "ana: before");
    assert_eq!(told(&ana), "ana: before");
    stage.shut();
    assert_eq!(told(&bia), "lost");
    assert_eq!(told(&ana), "lost");
    stage.open();
    ana.send("rust", "after").unwrap();
    for session in [&ana, &bia] {
        assert_eq!(told(session), "restored");
        assert_eq!(told(session), "ana: after");
        check_nothing_more(session);
    }
}

#[test]
fn a_command_waits_for_the_connection() {
    let mut stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    stage.shut();
    assert_eq!(told(&ana), "lost");
    std::thread::scope(|scope| {
        let (begin, begun) = crossbeam_channel::bounded(1);
        let ana = &ana;
        let sending = scope.spawn(move || {
            begin.send(()).unwrap();
            ana.send("rust", "patient")
        });
        begun.recv_timeout(SOON).unwrap();
        assert!(!sending.is_finished(), "it has nothing to wait with");
        stage.open();
        assert_eq!(sending.join().unwrap().unwrap().room, "rust");
    });
    assert_eq!([told(&bia), told(&bia), told(&bia)], ["lost", "restored", "ana: patient"]);
}

#[test]
fn a_command_gives_up_at_its_deadline() {
    let mut stage = Stage::new();
    stage.shut();
    let options = SessionOptions::new("unused").with_deadline(Duration::from_millis(300));
    let session = ChatSession::open(Arc::new(Nowhere), &options).unwrap();
    assert_eq!(session.rooms().unwrap_err().code(), "unavailable");
}

struct Nowhere;

impl Resolve for Nowhere {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<rpc_core::Endpoints, Status> {
        Err(Status::not_found("nobody serves it").not_run())
    }

    fn reject(&self, _procedure: &str, _endpoint: &rpc_core::Endpoint, _why: &Status) {}
}

#[test]
fn a_message_whose_answer_was_lost_is_one_message() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    stage.chat.world().lost_answers = 2;
    let receipt = ana.send("rust", "once").unwrap();
    assert_eq!(receipt.seq, 3);
    assert_eq!(told(&bia), "ana: once");
    check_nothing_more(&bia);
}

#[test]
fn a_server_without_memory_is_told_again_who_we_are_and_where() {
    let mut stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    ana.create("c", Some(7)).unwrap();
    ana.join("c").unwrap();
    until_followed(&stage, 3);
    stage.shut();
    stage.chat.forget_everything();
    stage.open();
    assert_eq!(ana.send("rust", "still here").unwrap().room, "rust");
    assert_eq!([told(&ana), told(&ana)], ["lost", "restored"]);
    assert_eq!([told(&ana), told(&ana)], ["gap in rust", "gap in c"]);
    assert_eq!([told(&bia), told(&bia), told(&bia)], ["lost", "restored", "gap in rust"]);
    assert_eq!(stage.chat.limit_of("c"), Some(7));
    assert_eq!(ana.joined(), ["rust", "c"]);
    bia.send("rust", "me too").unwrap();
    let mut last = told(&ana);
    while last != "bia: me too" {
        last = told(&ana);
    }
}

#[test]
fn who_was_away_too_long_is_shown_the_unseen_part_of_the_last_messages() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    ana.send("rust", "seen").unwrap();
    assert_eq!(told(&bia), "ana: seen");
    stage.chat.expire("bia");
    ana.send("rust", "unseen").unwrap();
    // Whichever came first, the message or bia's return, it is shown once and after the gap.
    assert_eq!(told(&bia), "gap in rust");
    assert_eq!(told(&bia), "ana: unseen");
    check_nothing_more(&bia);
    assert_eq!(bia.username().as_deref(), Some("bia"));
}

#[test]
fn a_command_of_who_was_away_too_long_is_made_after_coming_back() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    stage.chat.expire("bia");
    assert_eq!(bia.send("rust", "back").unwrap().room, "rust");
    assert_eq!([told(&ana), told(&ana), told(&ana)], ["-bia", "+bia", "bia: back"]);
}

#[test]
fn a_name_taken_meanwhile_is_told_once_and_taken_again_when_free() {
    let stage = Stage::new();
    let bia = stage.user("bia");
    stage.chat.give_away("bia");
    assert_eq!(told(&bia), "name_taken");
    stage.chat.expire("bia");
    bia.create("rust", None).unwrap();
    bia.join("rust").unwrap();
    check_nothing_more(&bia);
}

#[test]
fn who_is_put_out_of_a_room_is_told() {
    let stage = Stage::new();
    let (_ana, bia) = two_in_rust(&stage);
    stage.chat.put_out("bia", "rust");
    assert_eq!(told(&bia), "out of rust");
    assert!(bia.joined().is_empty());
}

#[test]
fn a_closed_room_is_left() {
    let stage = Stage::new();
    let (_ana, bia) = two_in_rust(&stage);
    stage.chat.close_room("rust");
    assert_eq!(told(&bia), "closed rust");
    let until = Instant::now() + SOON;
    while !bia.joined().is_empty() {
        assert!(Instant::now() < until, "the room is still there");
        std::thread::yield_now();
    }
}

#[test]
fn messages_that_the_server_no_longer_has_leave_one_gap() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    {
        let mut world = stage.chat.world();
        (world.missed, world.lagging) = (3, 2);
    }
    let mut heard = crossbeam_channel::Select::new();
    let feeds = [ana.events(), bia.events()];
    for feed in &feeds {
        heard.recv(feed);
    }
    let first = heard.ready_timeout(SOON).unwrap();
    assert_eq!(feeds[first].try_recv(), Ok(ChatEvent::Gap { room: "rust".to_owned() }));
    stage.chat.world().lagging = 2;
    check_nothing_more(&ana);
    check_nothing_more(&bia);
}

/// The story: a name whose registration was answered into a broken connection was taken until the idle time was over.
#[test]
fn a_name_whose_registration_was_not_answered_is_ours() {
    let stage = Stage::new();
    stage.chat.world().lost_registrations = 2;
    let ana = stage.user("ana");
    ana.create("rust", None).unwrap();
    ana.join("rust").unwrap();
    assert_eq!(stage.chat.users(), ["ana"]);
}

#[test]
fn a_stream_that_ends_since_there_is_more_is_resumed_where_it_was() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    let streams = stage.chat.world().streams;
    for number in 0..50 {
        stage.chat.world().lagging = 2;
        ana.send("rust", &number.to_string()).unwrap();
        assert_eq!(told(&bia), format!("ana: {number}"));
    }
    check_nothing_more(&bia);
    assert!(stage.chat.world().streams > streams, "no stream was resumed");
}

#[test]
fn rooms_do_not_wait_for_each_other_and_each_keeps_its_order() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    ana.create("c", None).unwrap();
    for session in [&ana, &bia] {
        session.join("c").unwrap();
    }
    assert_eq!(told(&ana), "+bia");
    for number in 0..50 {
        ana.send("rust", &format!("rust {number}")).unwrap();
        ana.send("c", &format!("c {number}")).unwrap();
    }
    let heard: Vec<String> = (0..100).map(|_| told(&bia)).collect();
    for room in ["rust", "c"] {
        let of_room = heard.iter().filter(|line| line.starts_with(&format!("ana: {room} ")));
        assert!(of_room.eq((0..50).map(|number| format!("ana: {room} {number}")).collect::<Vec<_>>().iter()));
    }
    bia.leave("rust").unwrap();
    ana.send("rust", "unheard").unwrap();
    ana.send("c", "heard").unwrap();
    assert_eq!(told(&bia), "ana: heard");
    check_nothing_more(&bia);
}

#[test]
fn an_unread_session_loses_nothing_and_stays_registered() {
    let stage = Stage::new();
    stage.chat.world().idle_after = Some(Duration::from_millis(600));
    let (ana, bia) = two_in_rust(&stage);
    let count = EVENTS_WAITING + 100;
    (0..count).for_each(|number| drop(bia.send("rust", &number.to_string()).unwrap()));
    until_full(&ana);
    // Hers, while nobody reads: bia's say nothing about her.
    let beats = stage.chat.beats_of("ana");
    let until = Instant::now() + SOON;
    while stage.chat.beats_of("ana") < beats + 2 {
        assert!(Instant::now() < until, "no heartbeat came");
        std::thread::yield_now();
    }
    (0..count).for_each(|number| assert_eq!(told(&ana), format!("bia: {number}")));
}
