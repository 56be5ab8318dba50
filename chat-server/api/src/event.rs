//! What happens in a room.

use serde::{Deserialize, Serialize};

use crate::body::MessageBody;
use crate::mark::Seq;
use crate::name::Username;

/// A time as people see it: milliseconds since 1970-01-01T00:00:00Z, before it if negative. Never used for order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixMillis(pub i64);

/// One record of a room, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the room. A member may see holes: private messages of others have numbers too.
    pub seq: Seq,
    /// The server's clock when it was recorded.
    pub sent_at: UnixMillis,
    /// What it is.
    pub kind: EventKind,
}

/// The kinds of events. The first two are messages, the others notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EventKind {
    /// A public message.
    Broadcast {
        /// Who sent it.
        from: Username,
        /// What it says.
        body: MessageBody,
    },
    /// A private message; only its two people ever see it.
    Unicast {
        /// Who sent it.
        from: Username,
        /// Whom it is for.
        to: Username,
        /// What it says.
        body: MessageBody,
    },
    /// Somebody came in.
    Joined {
        /// Who.
        username: Username,
    },
    /// Somebody left, or was put out after being silent too long.
    Left {
        /// Who.
        username: Username,
    },
    /// The room was closed; nobody is in it any more.
    Closed,
}

impl Event {
    /// Whether somebody said this, publicly or privately; everything else is a notice.
    pub fn is_message(&self) -> bool {
        matches!(self.kind, EventKind::Broadcast { .. } | EventKind::Unicast { .. })
    }

    /// How much of an answer it takes: its texts, and more than its numbers need on the wire.
    pub fn bytes(&self) -> usize {
        const NUMBERS: usize = 48;
        let texts = match &self.kind {
            EventKind::Broadcast { from, body } => from.as_str().len() + body.as_str().len(),
            EventKind::Unicast { from, to, body } => {
                from.as_str().len() + to.as_str().len() + body.as_str().len()
            }
            EventKind::Joined { username } | EventKind::Left { username } => username.as_str().len(),
            EventKind::Closed => 0,
        };
        NUMBERS + texts
    }
}
