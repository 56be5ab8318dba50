//! What the procedures take and answer, beside plain text and numbers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::identity::SessionToken;
use crate::mark::{Mark, Seq};
use crate::name::{RoomName, Username};

/// The answer of `register_user`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The secret that makes calls this user's, under the metadata key [`SESSION_KEY`](crate::SESSION_KEY).
    pub token: SessionToken,
    /// The name as others see it.
    pub username: Username,
    /// A user without any call for this long is unregistered: call `heartbeat` well before.
    pub idle_after: Duration,
}

/// The answer of `join_room`, taken in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room's name as its maker wrote it.
    pub room: RoomName,
    /// Who is in, the newcomer included, by order of entry.
    pub users: Vec<Username>,
    /// The last 50 public messages, oldest first.
    pub history: Vec<Event>,
    /// Where the first fetch begins. For somebody who was in already it is where his last fetch ended.
    pub mark: Mark,
}

/// The answer of `send_message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The number of the message in its room; that of the first sending, if it was sent again with the same id.
    pub seq: Seq,
}

/// What is new in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Public messages, private ones to this user, and notices about others, in the order of the room.
    pub events: Vec<Event>,
    /// Where the next fetch begins.
    pub mark: Mark,
    /// Records after the reader's mark that the room no longer keeps: he may have lost up to this many.
    pub missed: u64,
    /// Whether there is more at once; an answer holds at most 2 MiB.
    pub more: bool,
}

/// One item of the stream of `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// Always the first item, and only the first.
    Begins {
        /// Where the stream begins: it brings what came after this, and its events are of this incarnation.
        mark: Mark,
        /// Records before that which the room no longer keeps: the reader may have lost up to this many.
        missed: u64,
    },
    /// Something that happened.
    Event(Event),
}

/// One line of `describe_rooms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomDescription {
    /// The room's name as its maker wrote it.
    pub name: RoomName,
    /// How many are in.
    pub users: u32,
    /// How many may be in; `None` is no limit.
    pub limit: Option<u32>,
    /// Whether it is entered with a password.
    pub private: bool,
}

/// One line of `list_rooms`: what there was to tell of a room before there were private ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// The room's name as its maker wrote it.
    pub name: RoomName,
    /// How many are in.
    pub users: u32,
    /// How many may be in; `None` is no limit.
    pub limit: Option<u32>,
}
