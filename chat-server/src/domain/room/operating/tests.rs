use std::time::Duration;

use chat_api::{Incarnation, MessageId, RoomName};

use super::super::tests::{announced, at, enter, fetch, message, person, room, say, words};
use super::super::{Follow, Maker, Post, RoomPlan};
use super::*;
use crate::domain::lock::PasswordHash;

fn text(text: &str) -> MessageBody {
    MessageBody::parse(text).unwrap()
}

fn closed<T: std::fmt::Debug>(result: Result<T, ChatError>) {
    assert_eq!(result.unwrap_err(), ChatError::RoomClosed { room: RoomName::parse("rust").unwrap() });
}

#[test]
fn a_closed_room_is_read_to_its_end_and_refuses_everything_else() {
    let mut room = room(None);
    enter(&mut room, 1);
    enter(&mut room, 2);
    let before = room.announcement(None).mark;
    say(&mut room, 1, "unread");
    let members = room.close(Some(text("the class is over")), at(0)).unwrap();
    assert_eq!(members, [UserId(1), UserId(2)]);
    let told = [
        ("unread", Audience::Public),
        ("the class is over", Audience::Members),
        ("closed", Audience::Members),
    ];
    assert_eq!(announced(&room, before), told.map(|(text, audience)| (text.to_owned(), audience)));
    closed(room.close(None, at(0)));
    closed(room.enter(&person(3), None, at(0)));
    closed(room.enter(&person(1), None, at(0)));
    closed(room.post(message(1, None, "x"), at(0)));
    closed(room.leave(UserId(1), at(0)));
    closed(room.kick(UserId(1), None, at(0)));
    closed(room.tell(text("x"), at(0)));
    closed(room.users());
    closed(room.recent(UserId(1)));
    closed(room.fetch(UserId(3), None));
    assert_eq!(room.report(1), None);
    assert_eq!(fetch(&mut room, 2), ["unread", "the class is over", "closed"]);
    closed(room.fetch(UserId(2), None));
    let follow = |after| room.follow(Follow { user: UserId(2), after: Some(after), announced: None });
    assert_eq!(words(&follow(before).unwrap().received.events).len(), 3, "a lost answer is given again");
    closed(follow(room.announcement(None).mark).map(drop));
}

#[test]
fn a_message_that_was_recorded_before_the_end_is_acknowledged_behind_it() {
    let mut room = room(None);
    enter(&mut room, 1);
    let id = Some(MessageId::new([5; 16]));
    let first = room.post(Post { id, ..message(1, None, "once") }, at(0)).unwrap();
    room.close(None, at(0)).unwrap();
    assert_eq!(room.post(Post { id, ..message(1, None, "once") }, at(1)), Ok(first));
}

#[test]
fn a_closed_room_goes_after_a_minute_or_at_once_if_nobody_was_in() {
    let five = Duration::from_secs(300);
    let mut empty = room(None);
    empty.close(None, at(0)).unwrap();
    assert!(empty.is_over(at(0), five));
    let mut room = room(None);
    enter(&mut room, 1);
    room.close(None, at(0)).unwrap();
    assert!(!room.is_over(at(59_999), five));
    assert!(room.is_over(at(60_000), five));
}

#[test]
fn an_operators_room_stays_though_it_is_empty() {
    let plan = RoomPlan {
        name: RoomName::parse("aula").unwrap(),
        limit: None,
        password: None,
        incarnation: Incarnation::new(7),
        maker: Maker::Operator,
    };
    assert!(!Room::new(plan, at(0)).is_over(at(u64::from(u32::MAX)), Duration::from_secs(300)));
}

#[test]
fn who_is_put_out_is_told_why_alone_and_the_others_that_he_left() {
    let mut room = room(None);
    let before = enter(&mut room, 1).mark;
    enter(&mut room, 2);
    room.kick(UserId(2), Some(text("no spam")), at(0)).unwrap();
    let us = Audience::Two { from: UserId(2), to: UserId(2) };
    let told = [
        ("+user 2", Audience::Members),
        ("(no spam)", us),
        ("-user 2", Audience::Remaining { gone: UserId(2) }),
    ];
    assert_eq!(announced(&room, before), told.map(|(text, audience)| (text.to_owned(), audience)));
    assert!(matches!(room.kick(UserId(2), None, at(0)), Err(ChatError::NotInRoom { .. })));
    assert_eq!(fetch(&mut room, 1), ["+user 2", "-user 2"]);
    assert_eq!(enter(&mut room, 2).users.len(), 2, "he may come back");
}

#[test]
fn what_an_operator_says_is_for_those_who_are_in() {
    let mut room = room(None);
    enter(&mut room, 1);
    room.tell(text("restart at noon"), at(0)).unwrap();
    assert_eq!(fetch(&mut room, 1), ["restart at noon"]);
    assert!(enter(&mut room, 2).history.is_empty());
    assert!(room.recent(UserId(1)).unwrap().is_empty());
}

fn private() -> Room {
    let password = Some(PasswordHash { salt: [1; 16], digest: [2; 32] });
    Room { password, ..room(None) }
}

fn key(door: Door) -> Option<Key> {
    match door {
        Door::Locked { key, .. } => Some(key),
        Door::Open => None,
    }
}

#[test]
fn a_private_room_is_entered_with_the_key_of_its_own_making() {
    let mut room = private();
    let refused = ChatError::PasswordNeeded { room: RoomName::parse("rust").unwrap() };
    assert_eq!(room.enter(&person(1), None, at(0)).unwrap_err(), refused);
    let other = Key(Incarnation::new(8));
    assert_eq!(room.enter(&person(1), Some(other), at(0)).unwrap_err(), refused);
    let key = key(room.knock(UserId(1), at(0)).unwrap());
    room.enter(&person(1), key, at(0)).unwrap();
    assert!(matches!(room.knock(UserId(1), at(0)), Ok(Door::Open)), "who is in needs no key");
    assert!(room.enter(&person(1), None, at(0)).is_ok());
    assert!(room.report(1).unwrap().private);
}

#[test]
fn wrong_passwords_are_limited_and_a_right_one_gives_the_tries_back() {
    let mut room = private();
    let knock = |room: &mut Room| key(room.knock(UserId(1), at(0)).unwrap());
    for _ in 0..4 {
        knock(&mut room);
    }
    let right = knock(&mut room);
    let again_after = Duration::from_secs(10);
    let refused = ChatError::TooManyTries { room: RoomName::parse("rust").unwrap(), again_after };
    assert_eq!(room.knock(UserId(1), at(0)).unwrap_err(), refused);
    room.enter(&person(1), right, at(0)).unwrap();
    room.leave(UserId(1), at(0)).unwrap();
    for _ in 0..5 {
        knock(&mut room);
    }
}
