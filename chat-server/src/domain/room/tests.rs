use std::time::Duration;

use chat_api::UnixMillis;

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
        RoomPlan { name: RoomName::parse("rust").unwrap(), limit, incarnation: Incarnation::new(7) },
        at(0),
    )
}

pub(super) fn message(from: u64, to: Option<u64>, text: &str) -> Post {
    let to = to.map(|to| Recipient { name: person(to).name, id: Some(UserId(to)) });
    Post { from: UserId(from), to, body: MessageBody::parse(text).unwrap(), id: None }
}

fn enter(room: &mut Room, number: u64) -> Joined {
    room.enter(&person(number), at(0)).unwrap().joined
}

fn say(room: &mut Room, from: u64, text: &str) -> Seq {
    room.post(message(from, None, text), at(0)).unwrap().seq
}

fn whisper(room: &mut Room, from: u64, to: u64, text: &str) -> Posted {
    room.post(message(from, Some(to), text), at(0)).unwrap()
}

fn fetch(room: &mut Room, number: u64) -> Vec<String> {
    words(&room.fetch(UserId(number), None).unwrap().events)
}

fn words(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| word(&event.kind)).collect()
}

fn word(kind: &EventKind) -> String {
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

#[test]
fn a_private_message_wakes_its_reader_only_and_a_public_one_everybody() {
    let mut room = room(None);
    for number in 1..=3 {
        enter(&mut room, number);
    }
    assert_eq!(whisper(&mut room, 1, 2, "psst").audience, [UserId(2)]);
    let posted = room.post(message(1, None, "all"), at(0)).unwrap();
    assert_eq!(posted.audience, [UserId(1), UserId(2), UserId(3)]);
    assert_eq!(room.leave(UserId(2), at(0)).unwrap(), [UserId(1), UserId(3)]);
    assert_eq!(room.enter(&person(2), at(0)).unwrap().audience, [UserId(1), UserId(3)]);
}

#[test]
fn entering_again_changes_nothing_and_tells_nobody() {
    let mut room = room(None);
    let first = enter(&mut room, 1);
    enter(&mut room, 2);
    fetch(&mut room, 1);
    say(&mut room, 1, "hello");
    let entered = room.enter(&person(2), at(0)).unwrap();
    assert_eq!(entered.audience, []);
    assert_eq!(entered.joined.users, [person(1).name, person(2).name]);
    assert_eq!(words(&entered.joined.history), ["hello"]);
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
    room.enter(&second, at(0)).unwrap();
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
fn looking_ahead_moves_no_mark() {
    let mut room = room(None);
    enter(&mut room, 1);
    say(&mut room, 1, "a");
    for _ in 0..2 {
        assert_eq!(words(&room.peek(UserId(1), None, ANSWER_BYTES).unwrap().events), ["a"]);
    }
    assert_eq!(fetch(&mut room, 1), ["a"]);
}

#[test]
fn the_last_place_goes_to_one_and_a_place_left_can_be_taken() {
    let mut room = room(Some(2));
    enter(&mut room, 1);
    enter(&mut room, 2);
    let full = ChatError::RoomFull { room: RoomName::parse("rust").unwrap(), limit: 2 };
    assert_eq!(room.enter(&person(3), at(0)).unwrap_err(), full);
    assert_eq!(enter(&mut room, 2).users.len(), 2);
    room.leave(UserId(1), at(0)).unwrap();
    assert_eq!(enter(&mut room, 3).users, [person(2).name, person(3).name]);
    assert_eq!(room.summary().users, 2);
}

#[test]
fn the_largest_limit_limits_nobody() {
    let mut room = room(Some(u32::MAX));
    enter(&mut room, 1);
    assert_eq!(room.summary().limit, Some(u32::MAX));
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
    assert_eq!(again, Posted { seq: first.seq, audience: vec![] });
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
    assert_ne!(first.seq, second.seq);
}

#[test]
fn an_empty_room_is_over_after_five_minutes_to_the_millisecond() {
    let five = Duration::from_secs(300);
    let mut room = room(None);
    assert!(!room.is_over(at(299_999), five));
    assert!(room.is_over(at(300_000), five));
    room.enter(&person(1), at(299_999)).unwrap();
    assert!(!room.is_over(at(u64::from(u32::MAX)), five));
    room.leave(UserId(1), at(400_000)).unwrap();
    assert!(!room.is_over(at(699_999), five));
    assert!(room.is_over(at(700_000), five));
}

#[test]
fn a_clock_read_late_ends_no_room() {
    let mut room = room(None);
    room.enter(&person(1), at(0)).unwrap();
    room.leave(UserId(1), at(5_000)).unwrap();
    assert!(!room.is_over(at(4_000), Duration::from_secs(300)));
}
