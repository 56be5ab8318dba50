//! What a chat's operators read of what happened: the log of rooms.

use serde::{Deserialize, Serialize};

use crate::body::MessageBody;
use crate::event::UnixMillis;
use crate::name::{RoomName, Username};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// Its number: 1, 2, 3 … without holes since the server's start.
    pub number: u64,
    /// The server's clock when it was made.
    pub at: UnixMillis,
    /// What happened.
    pub entry: LogEntry,
}

/// What happened. Private messages are not in the log, nor what is said in private rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LogEntry {
    /// The server waits for connections.
    Listening {
        /// `IP:PORT`.
        address: String,
    },
    /// A room was made.
    RoomMade {
        /// The room.
        room: RoomName,
        /// How many rooms there are now.
        rooms: u32,
    },
    /// Somebody is in a room.
    Entered {
        /// Who.
        user: Username,
        /// Where.
        room: RoomName,
    },
    /// Somebody wanted to enter a room that there is not.
    NoSuchRoom {
        /// Who.
        user: Username,
    },
    /// Somebody wanted to enter a room that has no place.
    RoomFull {
        /// Who.
        user: Username,
        /// Where.
        room: RoomName,
    },
    /// Somebody wanted to enter a private room with a wrong password.
    WrongPassword {
        /// Who.
        user: Username,
        /// Where.
        room: RoomName,
    },
    /// Somebody said something to a whole room.
    Said {
        /// Who.
        user: Username,
        /// Where.
        room: RoomName,
        /// What.
        text: MessageBody,
    },
    /// Somebody is not registered any more.
    Gone {
        /// Who.
        user: Username,
    },
    /// An operator put somebody out of a room.
    Kicked {
        /// Whom.
        user: Username,
        /// Out of which.
        room: RoomName,
    },
    /// An operator told something to a room, or to all.
    Announced {
        /// The room; `None` is all of them.
        room: Option<RoomName>,
        /// What.
        text: MessageBody,
    },
    /// An operator closed a room.
    RoomClosed {
        /// The room.
        room: RoomName,
    },
    /// A room is gone that nobody was in for too long.
    RoomDeserted {
        /// The room.
        room: RoomName,
    },
    /// Those who follow a room could not be told something.
    Undelivered {
        /// Why.
        why: String,
    },
}

/// A piece of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// In order.
    pub entries: Vec<Logged>,
    /// Entries before them that the log no longer keeps.
    pub missed: u64,
    /// Whether there are more behind them.
    pub more: bool,
}

impl LogEntry {
    /// How much of an answer it takes: its texts, and more than the rest needs on the wire.
    pub fn bytes(&self) -> usize {
        const AROUND: usize = 32;
        let of = |user: &Username, room: &RoomName| user.as_str().len() + room.as_str().len();
        let texts = match self {
            LogEntry::Listening { address } => address.len(),
            LogEntry::RoomMade { room, .. }
            | LogEntry::RoomClosed { room }
            | LogEntry::RoomDeserted { room } => room.as_str().len(),
            LogEntry::NoSuchRoom { user } | LogEntry::Gone { user } => user.as_str().len(),
            LogEntry::Entered { user, room }
            | LogEntry::RoomFull { user, room }
            | LogEntry::WrongPassword { user, room }
            | LogEntry::Kicked { user, room } => of(user, room),
            LogEntry::Said { user, room, text } => of(user, room) + text.as_str().len(),
            LogEntry::Announced { room, text } => {
                room.as_ref().map_or(0, |room| room.as_str().len()) + text.as_str().len()
            }
            LogEntry::Undelivered { why } => why.len(),
        };
        AROUND + texts
    }
}
