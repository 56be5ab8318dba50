//! From the contract's types to those of the events.

use chat_api::{ChatError, Event, EventKind, Joined, RoomName, RoomSummary, Seq, Username};

use super::Entry;
use crate::event::{ChatEvent, Message, MessageKind, Notice, NoticeKind, RoomLine, SentAt};

/// A room's name as a person typed it.
pub(super) fn room_name(typed: &str) -> Result<RoomName, ChatError> {
    Ok(RoomName::parse(typed)?)
}

/// What is shown of an entry: of the history what no stream will bring, which is everything up to `shown_up_to`.
pub(super) fn entry(joined: &Joined, shown_up_to: Seq) -> Entry {
    let room = joined.room.to_string();
    let history = joined.history.iter().filter(|event| event.seq <= shown_up_to);
    Entry {
        users: joined.users.iter().map(ToString::to_string).collect(),
        history: history.filter_map(|event| message(&room, event)).collect(),
        room,
    }
}

/// A room in the list of rooms, and whether it is private, if that was told.
pub(super) fn room_line((room, private): (RoomSummary, Option<bool>)) -> RoomLine {
    RoomLine { name: room.name.into(), users: room.users, limit: room.limit, private }
}

/// Whether a refusal means that we are in the room no longer.
pub(super) fn is_out(refusal: &ChatError) -> bool {
    matches!(
        refusal,
        ChatError::NotInRoom { .. } | ChatError::NoSuchRoom { .. } | ChatError::RoomClosed { .. }
    )
}

/// Whether this is a message of this user's.
pub(super) fn is_from(username: &Username, event: &Event) -> bool {
    matches!(&event.kind, EventKind::Broadcast { from, .. } | EventKind::Unicast { from, .. } if from == username)
}

/// What a client shows of an event; `None` for kinds that this client is too old to know.
pub(super) fn chat_event(room: &str, event: &Event) -> Option<ChatEvent> {
    message(room, event).map(ChatEvent::Message).or_else(|| notice(room, event).map(ChatEvent::Notice))
}

pub(super) fn message(room: &str, event: &Event) -> Option<Message> {
    let (kind, from, to, body) = match &event.kind {
        EventKind::Broadcast { from, body } => (MessageKind::Broadcast, from, None, body),
        EventKind::Unicast { from, to, body } => (MessageKind::Unicast, from, Some(to.to_string()), body),
        _ => return None,
    };
    Some(Message {
        room: room.to_owned(),
        seq: event.seq.number(),
        kind,
        from: from.to_string(),
        to,
        body: body.to_string(),
        sent_at: SentAt::from_unix_millis(event.sent_at.0),
    })
}

fn notice(room: &str, event: &Event) -> Option<Notice> {
    let (kind, username) = match &event.kind {
        EventKind::Joined { username } => (NoticeKind::Joined, Some(username.to_string())),
        EventKind::Left { username } => (NoticeKind::Left, Some(username.to_string())),
        EventKind::Closed => (NoticeKind::Closed, None),
        _ => return None,
    };
    Some(Notice {
        room: room.to_owned(),
        seq: event.seq.number(),
        kind,
        username,
        sent_at: SentAt::from_unix_millis(event.sent_at.0),
    })
}
