//! What a chat client tells its user: the events, and their JSON form.
//!
//! Pure data. One event is one JSON object on one line, with the fields in the order in which they are declared here;
//! programs depend on every byte of it. Beyond the twelve, `gap`, `me` and `help` are additions of this client.

mod json;
mod sent_at;

use serde::Serialize;

pub use sent_at::SentAt;

/// Something that happened, or the outcome of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ChatEvent {
    /// The name is ours.
    Registered {
        /// The name as the server shows it.
        username: String,
    },
    /// A room was made.
    RoomCreated {
        /// Its name.
        room: String,
    },
    /// We are in a room.
    Joined {
        /// Its name.
        room: String,
        /// Who is in it, in order of entry, ourselves included.
        users: Vec<String>,
        /// Its last public messages, oldest first.
        history: Vec<Message>,
    },
    /// Somebody said something.
    Message(Message),
    /// Something happened to a room.
    Notice(Notice),
    /// The server has a message of ours.
    Sent {
        /// Where it was sent.
        room: String,
        /// The number it was given there.
        seq: u64,
    },
    /// All rooms.
    Rooms {
        /// In order of creation.
        rooms: Vec<RoomLine>,
    },
    /// Who is in a room.
    Users {
        /// The room's name.
        room: String,
        /// In order of entry.
        users: Vec<String>,
    },
    /// We are no longer in a room.
    Left {
        /// Its name.
        room: String,
    },
    /// The last messages of a room that we may see.
    History {
        /// The room's name.
        room: String,
        /// Oldest first.
        messages: Vec<Message>,
    },
    /// Messages of this room may be missing between what came before this event and what comes after.
    Gap {
        /// The room's name.
        room: String,
    },
    /// The connection to the server was lost, is there again, or will not be any more.
    Connection {
        /// Which of these.
        state: ConnectionState,
    },
    /// A command failed, or something did that no command asked for.
    Error {
        /// One word of the contract's list, as `no_such_room`.
        code: &'static str,
        /// One sentence for people.
        message: String,
    },
    /// The answer to `/me`.
    Me {
        /// Our name.
        username: String,
        /// The current room.
        room: Option<String>,
        /// All rooms that we are in, in order of entry.
        rooms: Vec<String>,
    },
    /// The answer to `/help`.
    Help {
        /// Several lines.
        text: String,
    },
}

/// One message of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The room's name.
    pub room: String,
    /// Its number in the room.
    pub seq: u64,
    /// To everybody or to one.
    pub kind: MessageKind,
    /// Who sent it.
    pub from: String,
    /// The recipient of a private message.
    pub to: Option<String>,
    /// The text as it was sent, control characters and all.
    pub body: String,
    /// When the server received it.
    pub sent_at: SentAt,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Everybody in the room.
    Broadcast,
    /// One person.
    Unicast,
}

/// What happened to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The room's name.
    pub room: String,
    /// Its number in the room.
    pub seq: u64,
    /// What it was.
    pub kind: NoticeKind,
    /// Who came or went; nobody when the room was closed.
    pub username: Option<String>,
    /// When it happened.
    pub sent_at: SentAt,
}

/// The kinds of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Somebody came.
    Joined,
    /// Somebody went.
    Left,
    /// The room is no more.
    Closed,
}

/// One room in the list of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomLine {
    /// Its name.
    pub name: String,
    /// How many are in it.
    pub users: u32,
    /// How many may be in it.
    pub limit: Option<u32>,
    /// Whether it is entered with a password; nothing if the server is of before and does not say.
    pub private: Option<bool>,
}

/// The state of the connection to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Calls do not get through; the client keeps trying.
    Lost,
    /// They do again.
    Restored,
    /// The chat's operator has ended it: the client does not try again.
    Ended,
}

impl ChatEvent {
    /// This event as one line of JSON, without the line's end.
    ///
    /// Texts come out of a JSON parser as they went in. Characters that would mean something to a terminal or to a reader
    /// of lines (C0, C1, bidirectional controls, U+2028 and their like) are written as `\u` escapes.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::line(self)
    }
}

#[cfg(test)]
mod tests;
