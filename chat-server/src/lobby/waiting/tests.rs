use std::thread;
use std::time::{Duration, Instant};

use chat_api::{ChatError, Incarnation, Mark, News, Seq};
use rpc_core::Code;

use crate::lobby::rig::{Guest, Rig, news, status, until, words};

const SECOND: Duration = Duration::from_secs(1);

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
fn a_member_who_slept_through_more_than_is_kept_is_told_how_much() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mark = ana.receive("rust").unwrap().mark;
    for number in 0..10_003 {
        bia.say("rust", &number.to_string()).unwrap();
    }
    let waited = ana.wait(&[("rust", mark)]).unwrap();
    assert!(matches!(&waited[0].news, News::Events(received) if received.missed == 3));
    let received = ana.receive("rust").unwrap();
    assert_eq!((received.events.len(), received.missed, received.more), (10_000, 3, false));
    assert_eq!(ana.receive("rust").unwrap().missed, 0);
}
