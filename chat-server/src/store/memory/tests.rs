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
    RoomPlan { name: name(text), limit: None, incarnation: Incarnation::new(incarnation) }
}

fn person(number: u64) -> Person {
    Person { id: UserId(number), name: Username::parse(&format!("u{number}")).unwrap() }
}

fn names(rooms: &RoomsInMemory, now: Moment) -> Vec<String> {
    rooms.list(now).into_iter().map(|room| room.name.to_string()).collect()
}

#[test]
fn rooms_are_listed_by_order_of_making_and_named_once() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    for text in ["zebra", "Ant", "mole"] {
        rooms.create(plan(text, 1), at(0)).unwrap();
    }
    assert_eq!(names(&rooms, at(0)), ["zebra", "Ant", "mole"]);
    for text in ["ant", "ＡＮＴ", "аnt", "ΖΕΒRΑ"] {
        assert_eq!(rooms.create(plan(text, 2), at(0)), Err(ChatError::RoomExists { room: name(text) }));
    }
    rooms.enter(&name("ANT"), &person(1), at(0)).unwrap();
    assert_eq!(rooms.rooms_of(UserId(1)), [name("Ant")]);
}

#[test]
fn an_empty_room_is_gone_at_five_minutes_for_everybody_without_a_sweep() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    assert_eq!(names(&rooms, at(299_999)), ["rust"]);
    assert_eq!(rooms.users(&name("rust"), at(299_999)), Ok(vec![]));
    assert!(names(&rooms, at(300_000)).is_empty());
    let gone = ChatError::NoSuchRoom { room: name("rust") };
    assert_eq!(rooms.users(&name("rust"), at(300_000)), Err(gone.clone()));
    assert_eq!(rooms.enter(&name("rust"), &person(1), at(300_000)).unwrap_err(), gone);
    assert!(rooms.rooms_of(UserId(1)).is_empty());
    rooms.create(plan("rust", 2), at(300_000)).unwrap();
    assert_eq!(names(&rooms, at(300_000)), ["rust"]);
}

#[test]
fn looking_at_a_room_is_no_activity_and_a_join_in_between_is() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    names(&rooms, at(200_000));
    rooms.users(&name("rust"), at(200_000)).unwrap();
    rooms.enter(&name("rust"), &person(1), at(299_999)).unwrap();
    assert!(rooms.sweep(at(300_000)).is_empty());
    assert!(rooms.sweep(at(9_000_000)).is_empty());
    rooms.leave(&name("rust"), UserId(1), at(9_000_000)).unwrap();
    assert!(rooms.sweep(at(9_299_999)).is_empty());
    assert_eq!(rooms.sweep(at(9_300_000)), [name("rust")]);
    assert!(rooms.sweep(at(9_300_000)).is_empty());
}

#[test]
fn a_room_made_anew_has_no_history_and_another_mark() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    let old = rooms.enter(&name("rust"), &person(1), at(0)).unwrap().joined.mark;
    let body = chat_api::MessageBody::parse("old news").unwrap();
    rooms.post(&name("rust"), Post { from: UserId(1), to: None, body, id: None }, at(0)).unwrap();
    rooms.leave(&name("rust"), UserId(1), at(0)).unwrap();
    rooms.create(plan("Rust", 2), at(300_000)).unwrap();
    let joined = rooms.enter(&name("rust"), &person(1), at(300_000)).unwrap().joined;
    assert!(joined.history.is_empty());
    assert_ne!(joined.mark.incarnation, old.incarnation);
    let received = rooms.fetch(&name("rust"), UserId(1), Some(old), at(300_000)).unwrap();
    assert_eq!((received.events.len(), received.mark), (0, joined.mark));
}

#[test]
fn who_comes_with_an_older_clock_finds_a_removed_room_gone() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    rooms.create(plan("rust", 1), at(0)).unwrap();
    let slot = rooms.read().find(&name("rust").key()).unwrap();
    rooms.sweep(at(300_000));
    assert!(slot.lock().is_none());
    assert!(rooms.enter(&name("rust"), &person(1), at(299_999)).is_err());
}

#[test]
fn a_refused_entry_leaves_no_membership() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    let limit = std::num::NonZeroU32::new(1);
    rooms.create(RoomPlan { limit, ..plan("small", 1) }, at(0)).unwrap();
    rooms.enter(&name("small"), &person(1), at(0)).unwrap();
    assert!(matches!(rooms.enter(&name("small"), &person(2), at(0)), Err(ChatError::RoomFull { .. })));
    assert!(rooms.rooms_of(UserId(2)).is_empty());
    assert_eq!(rooms.rooms_of(UserId(1)), [name("small")]);
}

#[test]
fn a_user_is_in_256_rooms_at_most() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    for number in 0..=ROOMS_OF_A_USER {
        rooms.create(plan(&format!("r{number}"), 1), at(0)).unwrap();
    }
    for number in 0..ROOMS_OF_A_USER {
        rooms.enter(&name(&format!("r{number}")), &person(1), at(0)).unwrap();
    }
    let last = name(&format!("r{ROOMS_OF_A_USER}"));
    assert!(matches!(rooms.enter(&last, &person(1), at(0)), Err(ChatError::Status(_))));
    assert!(rooms.users(&last, at(0)).unwrap().is_empty());
    rooms.enter(&name("r0"), &person(1), at(0)).unwrap();
    rooms.leave(&name("r0"), UserId(1), at(0)).unwrap();
    rooms.enter(&last, &person(1), at(0)).unwrap();
}

#[test]
fn a_full_server_makes_no_room_until_one_is_over() {
    let rooms = RoomsInMemory::new(FIVE_MINUTES);
    for number in 0..ROOMS {
        rooms.create(plan(&format!("r{number}"), 1), at(0)).unwrap();
    }
    assert!(matches!(rooms.create(plan("one more", 1), at(299_999)), Err(ChatError::Status(_))));
    rooms.create(plan("one more", 1), at(300_000)).unwrap();
    assert_eq!(rooms.read().slots.len(), 1);
}

#[test]
fn entering_racing_with_removal_never_leaves_a_member_in_a_room_that_is_gone() {
    for _ in 0..200 {
        let rooms = RoomsInMemory::new(FIVE_MINUTES);
        rooms.create(plan("rust", 1), at(0)).unwrap();
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                rooms.enter(&name("rust"), &person(1), at(299_999)).ok()
            });
            start.wait();
            rooms.create(plan("rust", 2), at(300_000)).ok();
        });
        let inside = rooms.users(&name("rust"), at(300_000)).unwrap().len();
        assert_eq!(rooms.rooms_of(UserId(1)).len(), inside);
    }
}
