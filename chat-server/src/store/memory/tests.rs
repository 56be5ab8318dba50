use std::sync::Barrier;

use chat_api::{Incarnation, UnixMillis};

use super::*;
use crate::domain::Uptime;

const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn at(millis: u64) -> Moment {
    Moment { unix: UnixMillis(0), uptime: Uptime(Duration::from_millis(millis)) }
}

fn name(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn plan(text: &str, incarnation: u64) -> RoomPlan {
    RoomPlan {
        name: name(text),
        limit: None,
        password: None,
        incarnation: Incarnation::new(incarnation),
        maker: Maker::User(UserId(incarnation)),
    }
}

fn person(number: u64) -> Person {
    Person { id: UserId(number), name: Username::parse(&format!("u{number}")).unwrap() }
}

const PLENTY: usize = 64 << 20;

fn rooms_of(history_bytes: usize) -> RoomsInMemory {
    RoomsInMemory::new(FIVE_MINUTES, history_bytes)
}

fn names(rooms: &RoomsInMemory, now: Moment) -> Vec<String> {
    rooms.list(now).into_iter().map(|room| room.name.to_string()).collect()
}

#[test]
fn rooms_are_listed_by_order_of_making_and_named_once() {
    let rooms = rooms_of(PLENTY);
    for text in ["zebra", "Ant", "mole"] {
        rooms.create(plan(text, 1), at(0)).unwrap();
    }
    assert_eq!(names(&rooms, at(0)), ["zebra", "Ant", "mole"]);
    for text in ["ant", "ＡＮＴ", "аnt", "ΖΕΒRΑ"] {
        assert_eq!(rooms.create(plan(text, 2), at(0)), Err(ChatError::RoomExists { room: name(text) }));
    }
    rooms.enter(&name("ANT"), &person(1), None, at(0)).unwrap();
    assert_eq!(rooms.rooms_of(UserId(1)), [name("Ant")]);
}

#[test]
fn an_empty_room_is_gone_at_five_minutes_for_everybody_without_a_sweep() {
    let rooms = rooms_of(PLENTY);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    assert_eq!(names(&rooms, at(299_999)), ["rust"]);
    assert_eq!(rooms.users(&name("rust"), at(299_999)), Ok(vec![]));
    assert!(names(&rooms, at(300_000)).is_empty());
    let gone = ChatError::NoSuchRoom { room: name("rust") };
    assert_eq!(rooms.users(&name("rust"), at(300_000)), Err(gone.clone()));
    assert_eq!(rooms.enter(&name("rust"), &person(1), None, at(300_000)).unwrap_err(), gone);
    assert!(rooms.rooms_of(UserId(1)).is_empty());
    rooms.create(plan("rust", 2), at(300_000)).unwrap();
    assert_eq!(names(&rooms, at(300_000)), ["rust"]);
}

#[test]
fn looking_at_a_room_is_no_activity_and_a_join_in_between_is() {
    let rooms = rooms_of(PLENTY);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    names(&rooms, at(200_000));
    rooms.users(&name("rust"), at(200_000)).unwrap();
    rooms.enter(&name("rust"), &person(1), None, at(299_999)).unwrap();
    assert!(rooms.sweep(at(300_000)).is_empty());
    assert!(rooms.sweep(at(9_000_000)).is_empty());
    rooms.leave(&name("rust"), UserId(1), at(9_000_000)).unwrap();
    assert!(rooms.sweep(at(9_299_999)).is_empty());
    assert_eq!(rooms.sweep(at(9_300_000)), [name("rust")]);
    assert!(rooms.sweep(at(9_300_000)).is_empty());
}

#[test]
fn a_room_made_anew_has_no_history_and_another_mark() {
    let rooms = rooms_of(PLENTY);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    let old = rooms.enter(&name("rust"), &person(1), None, at(0)).unwrap().mark;
    let body = MessageBody::parse("old news").unwrap();
    rooms.post(&name("rust"), Post { from: UserId(1), to: None, body, id: None }, at(0)).unwrap();
    rooms.leave(&name("rust"), UserId(1), at(0)).unwrap();
    rooms.create(plan("Rust", 2), at(300_000)).unwrap();
    let joined = rooms.enter(&name("rust"), &person(1), None, at(300_000)).unwrap();
    assert!(joined.history.is_empty());
    assert_ne!(joined.mark.incarnation, old.incarnation);
    let received = rooms.fetch(&name("rust"), UserId(1), Some(old), at(300_000)).unwrap();
    assert_eq!((received.events.len(), received.mark), (0, joined.mark));
}

#[test]
fn who_comes_with_an_older_clock_finds_a_removed_room_gone() {
    let rooms = rooms_of(PLENTY);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    let slot = rooms.read().find(&name("rust").key()).unwrap();
    rooms.sweep(at(300_000));
    assert!(slot.lock().is_none());
    assert!(rooms.enter(&name("rust"), &person(1), None, at(299_999)).is_err());
}

#[test]
fn a_refused_entry_leaves_no_membership() {
    let rooms = rooms_of(PLENTY);
    let limit = std::num::NonZeroU32::new(1);
    rooms.create(RoomPlan { limit, ..plan("small", 1) }, at(0)).unwrap();
    rooms.enter(&name("small"), &person(1), None, at(0)).unwrap();
    assert!(matches!(rooms.enter(&name("small"), &person(2), None, at(0)), Err(ChatError::RoomFull { .. })));
    assert!(rooms.rooms_of(UserId(2)).is_empty());
    assert_eq!(rooms.rooms_of(UserId(1)), [name("small")]);
}

#[test]
fn a_user_is_in_256_rooms_at_most() {
    let rooms = rooms_of(PLENTY);
    for number in 0..=ROOMS_OF_A_USER {
        rooms.create(plan(&format!("r{number}"), number as u64), at(0)).unwrap();
    }
    for number in 0..ROOMS_OF_A_USER {
        rooms.enter(&name(&format!("r{number}")), &person(1), None, at(0)).unwrap();
    }
    let last = name(&format!("r{ROOMS_OF_A_USER}"));
    assert!(matches!(rooms.enter(&last, &person(1), None, at(0)), Err(ChatError::Status(_))));
    assert!(rooms.users(&last, at(0)).unwrap().is_empty());
    rooms.enter(&name("r0"), &person(1), None, at(0)).unwrap();
    rooms.leave(&name("r0"), UserId(1), at(0)).unwrap();
    rooms.enter(&last, &person(1), None, at(0)).unwrap();
}

#[test]
fn a_full_server_makes_no_room_until_one_is_over() {
    let rooms = rooms_of(PLENTY);
    for number in 0..ROOMS {
        rooms.create(plan(&format!("r{number}"), number as u64), at(0)).unwrap();
    }
    assert!(matches!(rooms.create(plan("one more", 1), at(299_999)), Err(ChatError::Status(_))));
    rooms.create(plan("one more", 1), at(300_000)).unwrap();
    assert_eq!(rooms.read().slots.len(), 1);
}

#[test]
fn entering_racing_with_removal_never_leaves_a_member_in_a_room_that_is_gone() {
    for _ in 0..200 {
        let rooms = rooms_of(PLENTY);
        rooms.create(plan("rust", 1), at(0)).unwrap();
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                rooms.enter(&name("rust"), &person(1), None, at(299_999)).ok()
            });
            start.wait();
            rooms.create(plan("rust", 2), at(300_000)).ok();
        });
        let inside = rooms.users(&name("rust"), at(300_000)).unwrap().len();
        assert_eq!(rooms.rooms_of(UserId(1)).len(), inside);
    }
}

#[test]
fn one_user_has_made_256_rooms_at_most_that_are_still_there() {
    let rooms = rooms_of(PLENTY);
    for number in 0..ROOMS_MADE_BY_A_USER {
        rooms.create(plan(&format!("r{number}"), 1), at(0)).unwrap();
    }
    let refused = rooms.create(plan("one more", 1), at(299_999)).unwrap_err();
    assert!(refused.to_string().contains("at most 256"), "{refused}");
    rooms.create(plan("of another", 2), at(0)).unwrap();
    rooms.sweep(at(300_000));
    rooms.create(plan("one more", 1), at(300_000)).unwrap();
    let made_by = |user| rooms.read().made_by(Maker::User(UserId(user)));
    assert_eq!([made_by(1), made_by(2)], [1, 0]);
}

fn say(rooms: &RoomsInMemory, room: &str, text: &str) {
    let body = MessageBody::parse(text).unwrap();
    rooms.post(&name(room), Post { from: UserId(1), to: None, body, id: None }, at(0)).unwrap();
}

/// A budget of 1 MiB, and rooms of this many messages of 4 KiB, used one after the other.
fn filled(rooms: usize, messages: usize) -> RoomsInMemory {
    let filled = rooms_of(1 << 20);
    for number in 0..rooms {
        let room = format!("r{number}");
        filled.create(plan(&room, 1), at(0)).unwrap();
        filled.enter(&name(&room), &person(1), None, at(0)).unwrap();
        (0..messages).for_each(|_| say(&filled, &room, &"x".repeat(4096)));
    }
    filled
}

fn history(rooms: &RoomsInMemory, number: usize) -> usize {
    rooms.recent(&name(&format!("r{number}")), UserId(1), at(0)).unwrap().len()
}

#[test]
fn within_the_budget_nobody_forgets_and_above_it_the_least_recently_used_do_first() {
    let rooms = filled(3, 80);
    assert_eq!(rooms.fetch(&name("r0"), UserId(1), None, at(0)).unwrap().missed, 0);
    rooms.create(plan("r3", 1), at(0)).unwrap();
    rooms.enter(&name("r3"), &person(1), None, at(0)).unwrap();
    (0..20).for_each(|_| say(&rooms, "r3", &"x".repeat(4096)));
    assert!(rooms.fetch(&name("r1"), UserId(1), None, at(0)).unwrap().missed > 0, "used longest ago");
    for number in [0, 2, 3] {
        let received = rooms.fetch(&name(&format!("r{number}")), UserId(1), None, at(0)).unwrap();
        assert_eq!(received.missed, 0, "r{number}");
    }
    assert_eq!(history(&rooms, 1), 50, "what newcomers are shown goes last");
}

#[test]
fn where_the_last_fifty_of_all_rooms_are_too_much_the_oldest_of_them_go_too() {
    let rooms = filled(10, 60);
    let kept: Vec<usize> = (0..10).map(|number| history(&rooms, number)).collect();
    assert_eq!((kept[0], kept[9]), (0, 50), "{kept:?}");
    assert!(kept.is_sorted(), "{kept:?}");
    assert!(!rooms.budget.is_exceeded());
}

#[test]
fn rooms_that_are_gone_take_nothing_of_the_budget() {
    let rooms = filled(1, 20);
    rooms.leave(&name("r0"), UserId(1), at(0)).unwrap();
    rooms.sweep(at(300_000));
    assert_eq!(rooms.budget.used(), 0);
}

/// What was just acknowledged was forgotten before anybody could read it, while a room that nobody used kept its last fifty.
#[test]
fn who_keeps_up_in_a_room_in_use_misses_nothing_while_unused_rooms_have_something_to_forget() {
    let rooms = filled(4, 50);
    rooms.create(plan("busy", 1), at(0)).unwrap();
    rooms.enter(&name("busy"), &person(1), None, at(0)).unwrap();
    for _ in 0..100 {
        say(&rooms, "busy", &"x".repeat(4096));
        let received = rooms.fetch(&name("busy"), UserId(1), None, at(0)).unwrap();
        assert_eq!(received.missed, 0);
    }
    assert!(history(&rooms, 0) < 50);
}

#[test]
fn a_closed_rooms_name_is_free_at_once_and_its_number_is_never_given_again() {
    let rooms = rooms_of(PLENTY);
    assert_eq!(rooms.create(plan("rust", 1), at(0)), Ok(1));
    assert_eq!(rooms.create(plan("c", 2), at(0)), Ok(2));
    rooms.enter(&name("rust"), &person(1), None, at(0)).unwrap();
    assert_eq!(rooms.close(&RoomChoice::Number(1), None, at(0)), Ok(name("rust")));
    let closed = Err(ChatError::RoomClosed { room: name("rust") });
    assert_eq!(rooms.close(&RoomChoice::Name("RUST".into()), None, at(0)), closed);
    assert_eq!(names(&rooms, at(0)), ["c"]);
    assert!(rooms.rooms_of(UserId(1)).is_empty());
    assert_eq!(rooms.fetch(&name("rust"), UserId(1), None, at(0)).unwrap().events.len(), 1);
    assert_eq!(rooms.create(plan("Rust", 3), at(0)), Ok(2), "the closed one does not count");
    assert!(matches!(rooms.fetch(&name("rust"), UserId(1), None, at(0)), Err(ChatError::NotInRoom { .. })));
    let numbers: Vec<u64> = rooms.list(at(0)).iter().map(|room| room.number).collect();
    assert_eq!(numbers, [2, 3]);
    let gone = Err(ChatError::NoSuchNumber { number: 1 });
    assert_eq!(rooms.close(&RoomChoice::Number(1), None, at(0)), gone);
    assert_eq!(rooms.named(&RoomChoice::Name("rust".into()), at(0)), Ok(name("Rust")));
}

#[test]
fn a_closed_room_is_swept_away_in_silence_and_gives_its_memory_back() {
    let rooms = rooms_of(PLENTY);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    rooms.enter(&name("rust"), &person(1), None, at(0)).unwrap();
    rooms.close(&RoomChoice::Name("rust".into()), None, at(0)).unwrap();
    assert!(rooms.sweep(at(59_999)).is_empty() && rooms.read().slots.len() == 1);
    assert!(rooms.sweep(at(60_000)).is_empty() && rooms.read().slots.is_empty());
    assert_eq!((rooms.budget.used(), rooms.read().open()), (0, 0));
}

#[test]
fn closing_and_entering_at_once_leave_nobody_in_a_room_that_is_gone() {
    for _ in 0..50 {
        let rooms = rooms_of(PLENTY);
        rooms.create(plan("rust", 1), at(0)).unwrap();
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                rooms.enter(&name("rust"), &person(1), None, at(0)).ok();
            });
            start.wait();
            rooms.close(&RoomChoice::Number(1), None, at(0)).unwrap();
        });
        assert!(rooms.rooms_of(UserId(1)).is_empty());
    }
}
