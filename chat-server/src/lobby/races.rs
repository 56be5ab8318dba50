//! Many threads at one thing: exactly one wins, and nothing is lost or doubled.

use std::sync::Barrier;
use std::thread;

use chat_api::{Chat, ChatError, Event, EventKind, MessageId};

use super::rig::{Guest, Rig, words};

const THREADS: usize = 64;

/// Runs `step` with 0, 1, … 63 on that many threads, all let go at once.
fn at_once<T: Send>(step: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    let run = &|number| {
        start.wait();
        step(number)
    };
    thread::scope(|scope| {
        let racers: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || run(number))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    })
}

fn guests(rig: &Rig) -> Vec<Guest<'_>> {
    (0..THREADS).map(|number| rig.guest(&format!("guest-{number}"))).collect()
}

#[test]
fn one_of_many_gets_a_name_in_whatever_spelling() {
    let rig = Rig::new();
    let spellings = ["ana", "Ana", "ＡＮＡ", "аna", "ANA "];
    let outcomes = at_once(|number| rig.lobby.register_user(spellings[number % spellings.len()].to_owned()));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|error| error.code() == "name_taken")
    );
}

#[test]
fn one_of_many_makes_a_room() {
    let rig = Rig::new();
    let guests = guests(&rig);
    let outcomes = at_once(|number| guests[number].create(if number % 2 == 0 { "rust" } else { "RUST" }));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(rig.lobby.list_rooms().unwrap().len(), 1);
}

#[test]
fn one_of_many_gets_the_last_place() {
    let rig = Rig::new();
    let guests = guests(&rig);
    guests[0].create_with_limit("small", 10).unwrap();
    let outcomes = at_once(|number| guests[number].join("small"));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
    let largest = outcomes.iter().flatten().map(|joined| joined.users.len()).max();
    assert_eq!(largest, Some(10));
    assert_eq!(rig.lobby.list_users("small".into()).unwrap().len(), 10);
}

#[test]
fn places_that_are_left_and_taken_all_the_time_are_never_too_few() {
    let rig = Rig::new();
    let guests = guests(&rig);
    guests[0].create_with_limit("small", 5).unwrap();
    at_once(|number| {
        for _ in 0..50 {
            if let Ok(joined) = guests[number].join("small") {
                assert!(joined.users.len() <= 5);
                guests[number].leave("small").unwrap();
            }
        }
    });
    assert!(rig.lobby.list_users("small".into()).unwrap().is_empty());
    guests[0].join("small").unwrap();
}

#[test]
fn one_message_sent_many_times_at_once_is_recorded_once() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let sent = at_once(|_| ana.say_once("rust", "once", MessageId::new([1; 16])).unwrap().seq);
    assert!(sent.iter().all(|seq| *seq == sent[0]));
    assert_eq!(words(&ana.receive("rust").unwrap().events), ["ana: once"]);
}

#[test]
fn fetches_at_once_share_the_messages_without_loss_or_double() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let fetched = at_once(|number| {
        ana.say("rust", &number.to_string()).unwrap();
        ana.receive("rust").unwrap().events
    });
    let mut all: Vec<u64> = fetched.iter().flatten().map(|event| event.seq.number()).collect();
    all.extend(ana.receive("rust").unwrap().events.iter().map(|event| event.seq.number()));
    all.sort_unstable();
    assert_eq!(all, (2..2 + 64).collect::<Vec<u64>>());
}

#[test]
fn what_is_joined_into_the_middle_of_continues_without_hole_or_overlap() {
    let rig = Rig::new();
    let [speaker] = rig.guests_in("rust", ["speaker"]);
    let guests = guests(&rig);
    let seen = at_once(|number| {
        for round in 0..10 {
            speaker.say("rust", &format!("{number}.{round}")).unwrap();
        }
        let guest = &guests[number];
        let joined = guest.join("rust").unwrap();
        for round in 10..20 {
            speaker.say("rust", &format!("{number}.{round}")).unwrap();
        }
        let mut seen = joined.history;
        seen.extend(guest.receive("rust").unwrap().events);
        seen
    });
    let first = speaker.receive("rust").unwrap();
    assert_eq!(first.missed, 0);
    let is_public = |event: &&Event| matches!(event.kind, EventKind::Broadcast { .. });
    let order: Vec<u64> = first.events.iter().filter(is_public).map(|event| event.seq.number()).collect();
    assert_eq!(order.len(), THREADS * 20);
    for events in seen {
        let public: Vec<u64> = events.iter().filter(is_public).map(|event| event.seq.number()).collect();
        let from = order.iter().position(|seq| Some(seq) == public.first()).unwrap();
        assert_eq!(public, order[from..from + public.len()]);
    }
}

#[test]
fn who_leaves_the_chat_while_he_enters_a_room_is_in_no_room_afterwards() {
    for _ in 0..20 {
        let rig = Rig::new();
        let host = rig.guest("host");
        host.create("rust").unwrap();
        let ana = rig.guest("ana");
        at_once(|number| match number {
            0 => ana.unregister(),
            _ => ana.join("rust").map(drop),
        });
        assert!(rig.lobby.list_users("rust".into()).unwrap().is_empty());
        let again = rig.guest("ana");
        assert_eq!(again.join("rust").unwrap().users, ["ana"]);
    }
}

#[test]
fn everybody_who_follows_sees_every_message_once_and_in_one_order() {
    let rig = Rig::new();
    let guests = guests(&rig);
    guests[0].create("rust").unwrap();
    let marks: Vec<_> = guests.iter().map(|guest| guest.join("rust").unwrap().mark).collect();
    let heard = at_once(|number| {
        let guest = &guests[number];
        guest.say("rust", &format!("before {number}")).unwrap();
        let mut following = guest.follow("rust", Some(marks[number])).unwrap();
        guest.say("rust", &format!("after {number}")).unwrap();
        let mut heard = Vec::new();
        while heard.len() < 2 * THREADS {
            heard.extend(following.take(1).into_iter().filter(Event::is_message));
        }
        heard
    });
    assert!(heard.iter().all(|events| *events == heard[0]));
    assert!(heard[0].is_sorted_by_key(|event| event.seq));
}

/// Streams that are opened, resumed and dropped while others write: each brings the room's own order without a hole.
#[test]
fn a_stream_resumed_again_and_again_has_no_hole_and_no_double() {
    let rig = Rig::new();
    let guests = guests(&rig);
    guests[0].create("rust").unwrap();
    let marks: Vec<_> = guests.iter().map(|guest| guest.join("rust").unwrap().mark).collect();
    let seen = at_once(|number| {
        let (guest, mut mark, mut seen) = (&guests[number], marks[number], Vec::new());
        for round in 0..8 {
            let to = format!("guest-{}", (number + round) % THREADS);
            guest.say("rust", "public").unwrap();
            guest.tell("rust", &to, "private").unwrap();
            let mut following = guest.follow("rust", Some(mark)).unwrap();
            assert_eq!((following.mark, following.missed), (mark, 0));
            seen.extend(following.take(round % 5));
            mark = following.mark;
        }
        (seen, mark)
    });
    for (number, (mut seen, mark)) in seen.into_iter().enumerate() {
        seen.extend(guests[number].receive_after("rust", mark).unwrap().events);
        assert_eq!(seen, guests[number].receive_after("rust", marks[number]).unwrap().events);
    }
}

#[test]
fn names_of_idle_users_are_won_by_one() {
    let rig = Rig::new();
    rig.guests_in("rust", ["ana"]);
    rig.clock.advance(std::time::Duration::from_secs(60));
    let outcomes = at_once(|_| rig.lobby.register_user("Ana".into()));
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1);
    assert!(matches!(outcomes.iter().find_map(|o| o.as_ref().err()), Some(ChatError::NameTaken { .. })));
    assert!(rig.lobby.list_users("rust".into()).unwrap().is_empty());
}
