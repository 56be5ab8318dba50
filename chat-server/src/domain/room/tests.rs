use std::time::Duration;

use chat_api::{MessageBody, MessageId, UnixMillis};

use super::*;

pub(super) fn at(millis: u64) -> Moment {
    Moment { unix: UnixMillis(0), uptime: Uptime(Duration::from_millis(millis)) }
}

pub(super) fn person(number: u64) -> Person {
    Person { id: UserId(number), name: Username::parse(&format!("user {number}")).unwrap() }
}

pub(super) fn room(limit: Option<u32>) -> Room {
    let limit = limit.and_then(NonZeroU32::new);
    Room::new(
        RoomPlan {
            name: RoomName::parse("rust").unwrap(),
            limit,
            password: None,
            incarnation: Incarnation::new(7),
            maker: Maker::User(UserId(1)),
        },
        at(0),
    )
}

pub(super) fn message(from: u64, to: Option<u64>, text: &str) -> Post {
    let to = to.map(|to| Recipient { name: person(to).name, id: Some(UserId(to)) });
    Post { from: UserId(from), to, body: MessageBody::parse(text).unwrap(), id: None }
}

pub(super) fn enter(room: &mut Room, number: u64) -> Joined {
    room.enter(&person(number), None, at(0)).unwrap()
}

pub(super) fn say(room: &mut Room, from: u64, text: &str) -> Seq {
    room.post(message(from, None, text), at(0)).unwrap()
}

fn whisper(room: &mut Room, from: u64, to: u64, text: &str) -> Seq {
    room.post(message(from, Some(to), text), at(0)).unwrap()
}

pub(super) fn fetch(room: &mut Room, number: u64) -> Vec<String> {
    words(&room.fetch(UserId(number), None).unwrap().events)
}

pub(super) fn words(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| word(&event.kind)).collect()
}

pub(super) fn word(kind: &EventKind) -> String {
    match kind {
        EventKind::Broadcast { body, .. } => body.to_string(),
        EventKind::Unicast { body, .. } => format!("({body})"),
        EventKind::Joined { username } => format!("+{username}"),
        EventKind::Left { username } => format!("-{username}"),
        _ => String::from("closed"),
    }
}

#[test]
fn a_newcomer_sees_himself_in_the_list_and_not_in_a_notice() {
    let mut room = room(None);
    enter(&mut room, 1);
    let joined = enter(&mut room, 2);
    assert_eq!(joined.users, [person(1).name, person(2).name]);
    assert_eq!(fetch(&mut room, 2), [""; 0]);
    assert_eq!(fetch(&mut room, 1), ["+user 2"]);
}

#[test]
fn a_sender_gets_his_public_messages_back_and_not_his_private_ones() {
    let mut room = room(None);
    for number in 1..=3 {
        enter(&mut room, number);
        fetch(&mut room, 1);
    }
    say(&mut room, 1, "hello");
    whisper(&mut room, 1, 2, "psst");
    whisper(&mut room, 1, 1, "note");
    assert_eq!(fetch(&mut room, 1), ["hello", "(note)"]);
    assert_eq!(fetch(&mut room, 2), ["+user 3", "hello", "(psst)"]);
    assert_eq!(fetch(&mut room, 3), ["hello"]);
}

/// What those are told who follow, and who is among them.
pub(super) fn announced(room: &Room, after: Mark) -> Vec<(String, Audience)> {
    let records = room.announcement(Some(after)).records.unwrap();
    records.iter().map(|record| (word(&record.event.kind), record.audience)).collect()
}

#[test]
fn everything_is_announced_once_in_order_and_says_for_whom_it_is() {
    let mut room = room(None);
    let start = room.announcement(None);
    assert!(start.records.unwrap().is_empty());
    let first = enter(&mut room, 1).mark;
    enter(&mut room, 2);
    say(&mut room, 1, "hello");
    whisper(&mut room, 1, 2, "psst");
    room.leave(UserId(2), at(0)).unwrap();
    let two = Audience::Two { from: UserId(1), to: UserId(2) };
    let told = [
        ("+user 2", Audience::Members),
        ("hello", Audience::Public),
        ("(psst)", two),
        ("-user 2", Audience::Remaining { gone: UserId(2) }),
    ];
    assert_eq!(announced(&room, first), told.map(|(text, audience)| (text.to_owned(), audience)));
    let now = room.announcement(Some(first)).mark;
    assert_eq!(announced(&room, now), []);
    let other = Mark { incarnation: Incarnation::new(8), ..first };
    assert!(room.announcement(Some(other)).records.is_none());
}

#[test]
fn who_begins_to_follow_finds_what_is_behind_him_from_his_mark_or_his_entry() {
    let mut room = room(None);
    enter(&mut room, 1);
    say(&mut room, 1, "before");
    let entry = enter(&mut room, 2).mark;
    say(&mut room, 1, "a");
    fetch(&mut room, 2);
    say(&mut room, 1, "b");
    let follow = |after| room.follow(Follow { user: UserId(2), after, announced: None }).unwrap();
    for (after, begins, behind) in [
        (None, entry, vec!["a", "b"]),
        (Some(entry), entry, vec!["a", "b"]),
        (Some(Mark { seq: Seq::new(4), ..entry }), Mark { seq: Seq::new(4), ..entry }, vec!["b"]),
        (Some(Mark { seq: Seq::new(6), ..entry }), entry, vec!["a", "b"]),
        (Some(Mark { incarnation: Incarnation::new(8), ..entry }), entry, vec!["a", "b"]),
    ] {
        let followed = follow(after);
        assert_eq!((followed.begins, words(&followed.received.events)), (begins, own(&behind)));
    }
    assert_eq!(fetch(&mut room, 2), ["b"]);
    let stranger = room.follow(Follow { user: UserId(3), after: None, announced: None });
    assert!(matches!(stranger, Err(ChatError::NotInRoom { .. })));
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn forgetting_leaves_newcomers_their_fifty_unless_it_is_everything() {
    let mut room = room(None);
    let start = enter(&mut room, 1).mark;
    for number in 0..60 {
        say(&mut room, 1, &number.to_string());
    }
    let id = Some(MessageId::new([5; 16]));
    room.post(Post { id, ..message(1, None, "with an id") }, at(0)).unwrap();
    let full = room.bytes();
    room.forget(Oblivion::AllButRecent, at(0));
    assert!(room.bytes() < full);
    assert_eq!(enter(&mut room, 2).history.len(), 50);
    assert_eq!(room.fetch(UserId(1), Some(start)).unwrap().missed, 61);
    assert!(room.announcement(Some(start)).records.is_none());
    room.forget(Oblivion::All, at(0));
    assert_eq!(room.bytes(), 0);
    assert!(enter(&mut room, 3).history.is_empty());
    assert_eq!(say(&mut room, 1, "on"), Seq::new(65));
}

#[test]
fn entering_again_changes_nothing_and_tells_nobody() {
    let mut room = room(None);
    let first = enter(&mut room, 1);
    enter(&mut room, 2);
    fetch(&mut room, 1);
    say(&mut room, 1, "hello");
    let before = room.announcement(None).mark;
    let joined = enter(&mut room, 2);
    assert_eq!(announced(&room, before), []);
    assert_eq!(joined.users, [person(1).name, person(2).name]);
    assert_eq!(words(&joined.history), ["hello"]);
    assert_eq!(fetch(&mut room, 2), ["hello"]);
    assert_eq!(fetch(&mut room, 1), ["hello"]);
    assert_eq!(first.mark.seq, Seq::new(1));
}

#[test]
fn who_left_is_no_member_and_starts_anew_when_he_comes_back() {
    let mut room = room(None);
    enter(&mut room, 1);
    enter(&mut room, 2);
    whisper(&mut room, 1, 2, "unread");
    room.leave(UserId(2), at(0)).unwrap();
    assert!(matches!(room.leave(UserId(2), at(0)), Err(ChatError::NotInRoom { .. })));
    assert!(matches!(room.fetch(UserId(2), None), Err(ChatError::NotInRoom { .. })));
    assert!(matches!(room.recent(UserId(2)), Err(ChatError::NotInRoom { .. })));
    assert!(matches!(room.post(message(2, None, "x"), at(0)), Err(ChatError::NotInRoom { .. })));
    say(&mut room, 1, "meanwhile");
    let joined = enter(&mut room, 2);
    assert_eq!(words(&joined.history), ["meanwhile"]);
    assert_eq!(fetch(&mut room, 2), [""; 0]);
}

#[test]
fn the_new_holder_of_a_name_sees_none_of_the_former_ones_private_messages() {
    let mut room = room(None);
    enter(&mut room, 1);
    enter(&mut room, 2);
    whisper(&mut room, 1, 2, "for the first one");
    room.leave(UserId(2), at(0)).unwrap();
    let second = Person { id: UserId(9), name: person(2).name };
    room.enter(&second, None, at(0)).unwrap();
    let from_the_start = Mark { incarnation: Incarnation::new(7), seq: Seq::START };
    assert!(room.fetch(second.id, Some(from_the_start)).unwrap().events.is_empty());
    assert!(room.recent(second.id).unwrap().is_empty());
}

#[test]
fn a_message_to_somebody_who_is_not_in_leaves_no_trace() {
    let mut room = room(None);
    enter(&mut room, 1);
    for to in [Some(UserId(2)), None] {
        let recipient = Some(Recipient { name: person(2).name, id: to });
        let post = Post { to: recipient, ..message(1, None, "psst") };
        let refused = room.post(post, at(0)).unwrap_err();
        assert_eq!(refused, ChatError::RecipientNotInRoom { recipient: person(2).name });
    }
    assert_eq!(say(&mut room, 1, "next"), Seq::new(2));
}

#[test]
fn an_answer_lost_on_its_way_is_given_again() {
    let mut room = room(None);
    let mark = enter(&mut room, 1).mark;
    say(&mut room, 1, "a");
    say(&mut room, 1, "b");
    let lost = room.fetch(UserId(1), None).unwrap();
    assert_eq!(room.fetch(UserId(1), Some(mark)).unwrap(), lost);
    say(&mut room, 1, "c");
    assert_eq!(fetch(&mut room, 1), ["c"]);
    assert_eq!(words(&room.fetch(UserId(1), Some(lost.mark)).unwrap().events), ["c"]);
}

#[test]
fn marks_of_another_room_of_the_future_or_from_before_the_entry_mean_from_the_entry() {
    let mut room = room(None);
    enter(&mut room, 1);
    say(&mut room, 1, "before");
    let entry = enter(&mut room, 2).mark;
    say(&mut room, 1, "after");
    let all = room.fetch(UserId(2), Some(entry)).unwrap();
    assert_eq!(words(&all.events), ["after"]);
    let other = Incarnation::new(8);
    for (incarnation, seq) in [(other, 0), (other, 3), (entry.incarnation, 0), (entry.incarnation, 1)] {
        let mark = Mark { incarnation, seq: Seq::new(seq) };
        assert_eq!(room.fetch(UserId(2), Some(mark)).unwrap(), all);
    }
    for seq in [5, u64::MAX] {
        let mark = Mark { incarnation: entry.incarnation, seq: Seq::new(seq) };
        assert_eq!(room.fetch(UserId(2), Some(mark)).unwrap(), all);
    }
}

#[test]
fn the_last_place_goes_to_one_and_a_place_left_can_be_taken() {
    let mut room = room(Some(2));
    enter(&mut room, 1);
    enter(&mut room, 2);
    let full = ChatError::RoomFull { room: RoomName::parse("rust").unwrap(), limit: 2 };
    assert_eq!(room.enter(&person(3), None, at(0)).unwrap_err(), full);
    assert_eq!(enter(&mut room, 2).users.len(), 2);
    room.leave(UserId(1), at(0)).unwrap();
    assert_eq!(enter(&mut room, 3).users, [person(2).name, person(3).name]);
    assert_eq!(room.report(1).unwrap().users, 2);
}

#[test]
fn the_largest_limit_limits_nobody() {
    let mut room = room(Some(u32::MAX));
    enter(&mut room, 1);
    assert_eq!(room.report(1).unwrap().limit, Some(u32::MAX));
}

#[test]
fn a_message_sent_again_is_recorded_once_even_by_who_has_left() {
    let mut room = room(None);
    enter(&mut room, 1);
    enter(&mut room, 2);
    let id = Some(MessageId::new([5; 16]));
    let first = room.post(Post { id, ..message(1, Some(2), "once") }, at(0)).unwrap();
    room.leave(UserId(2), at(1)).unwrap();
    room.leave(UserId(1), at(1)).unwrap();
    let again = room.post(Post { id, ..message(1, Some(2), "another text") }, at(599_999)).unwrap();
    assert_eq!(again, first);
    let late = room.post(Post { id, ..message(1, Some(2), "once") }, at(600_000));
    assert!(matches!(late, Err(ChatError::NotInRoom { .. })));
}

#[test]
fn two_senders_with_one_id_send_two_messages() {
    let mut room = room(None);
    enter(&mut room, 1);
    enter(&mut room, 2);
    let id = Some(MessageId::new([5; 16]));
    let first = room.post(Post { id, ..message(1, None, "a") }, at(0)).unwrap();
    let second = room.post(Post { id, ..message(2, None, "b") }, at(0)).unwrap();
    assert_ne!(first, second);
}

#[test]
fn an_empty_room_is_over_after_five_minutes_to_the_millisecond() {
    let five = Duration::from_secs(300);
    let mut room = room(None);
    assert!(!room.is_over(at(299_999), five));
    assert!(room.is_over(at(300_000), five));
    room.enter(&person(1), None, at(299_999)).unwrap();
    assert!(!room.is_over(at(u64::from(u32::MAX)), five));
    room.leave(UserId(1), at(400_000)).unwrap();
    assert!(!room.is_over(at(699_999), five));
    assert!(room.is_over(at(700_000), five));
}

#[test]
fn a_clock_read_late_ends_no_room() {
    let mut room = room(None);
    room.enter(&person(1), None, at(0)).unwrap();
    room.leave(UserId(1), at(5_000)).unwrap();
    assert!(!room.is_over(at(4_000), Duration::from_secs(300)));
}
