//! One entry of a room's history: the event, and who may see it.

use chat_api::Event;

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

    /// Whether it is a message at all, and not a notice.
    pub(crate) fn is_message(&self) -> bool {
        self.audience != Audience::Members
    }

    /// Whether it is a message that this member may look up again.
    pub(crate) fn is_message_known_to(&self, reader: UserId) -> bool {
        match self.audience {
            Audience::Public => true,
            Audience::Members => false,
            Audience::Two { from, to } => from == reader || to == reader,
        }
    }
}
