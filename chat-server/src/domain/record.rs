//! One entry of a room's history: the event, and who may see it.

use std::mem::size_of;

use chat_api::{Event, EventKind, MessageBody, Username};

use super::person::UserId;

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) event: Event,
    pub(crate) audience: Audience,
}

/// Who may see a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A public message: everybody, newcomers too.
    Public,
    /// A notice: those who are in.
    Members,
    /// A private message: its two people.
    Two { from: UserId, to: UserId },
}

impl Record {
    /// Whether a fetch brings it to this member: a sender gets his public messages back, not his private ones.
    pub(crate) fn is_delivered_to(&self, reader: UserId) -> bool {
        match self.audience {
            Audience::Public | Audience::Members => true,
            Audience::Two { to, .. } => to == reader,
        }
    }

    /// Whether it is a message that this member may look up again.
    pub(crate) fn is_message_known_to(&self, reader: UserId) -> bool {
        match self.audience {
            Audience::Public => true,
            Audience::Members => false,
            Audience::Two { from, to } => from == reader || to == reader,
        }
    }

    /// At least its size on the wire.
    pub(crate) fn bytes(&self) -> usize {
        let (from, to, body): (Option<&Username>, Option<&Username>, Option<&MessageBody>) =
            match &self.event.kind {
                EventKind::Broadcast { from, body } => (Some(from), None, Some(body)),
                EventKind::Unicast { from, to, body } => (Some(from), Some(to), Some(body)),
                EventKind::Joined { username } | EventKind::Left { username } => (Some(username), None, None),
                _ => (None, None, None),
            };
        let name = |name: Option<&Username>| name.map_or(0, |name| name.as_str().len());
        size_of::<Event>() + name(from) + name(to) + body.map_or(0, |body| body.as_str().len())
    }
}
