//! One entry of a room's history: the event, and who may see it.

use chat_api::Event;

use super::person::UserId;

/// What was recorded once, shared by all that keep or announce it.
#[derive(Debug)]
pub struct Record {
    /// What happened.
    pub event: Event,
    /// Who may see it.
    pub audience: Audience,
}

/// Who may see a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A public message: everybody, newcomers too.
    Public,
    /// A notice: those who are in.
    Members,
    /// A notice that somebody is out: those who remain.
    Remaining {
        /// Who is out, by this record.
        gone: UserId,
    },
    /// A private message: its two people.
    Two {
        /// Its sender, who is not brought it.
        from: UserId,
        /// Its recipient.
        to: UserId,
    },
}

impl Record {
    /// Whether a fetch brings it to this member: a sender gets his public messages back, not his private ones.
    pub(crate) fn is_delivered_to(&self, reader: UserId) -> bool {
        match self.audience {
            Audience::Public | Audience::Members => true,
            Audience::Remaining { gone } => gone != reader,
            Audience::Two { to, .. } => to == reader,
        }
    }

    /// Whether it is a message at all, and not a notice.
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.audience, Audience::Public | Audience::Two { .. })
    }

    /// Whether it is a message that this member may look up again.
    pub(crate) fn is_message_known_to(&self, reader: UserId) -> bool {
        match self.audience {
            Audience::Public => true,
            Audience::Members | Audience::Remaining { .. } => false,
            Audience::Two { from, to } => from == reader || to == reader,
        }
    }

    /// About how much memory it takes: its texts, and what stands around them.
    pub(crate) fn footprint(&self) -> usize {
        const AROUND: usize = 128;
        AROUND + self.event.bytes()
    }
}
