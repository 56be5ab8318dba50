//! Why the chat refuses a call.

use std::time::Duration;

use rpc_core::{Code, Status};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::body::BodyError;
use crate::limits::MESSAGE_BYTES;
use crate::name::{RoomName, Username};
use crate::password::PasswordError;
use crate::rules::NameError;

/// A refused or failed call. Texts in it are parsed names only, so its sentences are harmless on a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ChatError {
    /// Somebody has this name, or one that looks like it.
    #[error("the name \"{username}\" is taken")]
    NameTaken {
        /// The name asked for.
        username: Username,
    },
    /// An argument is no name.
    #[error(transparent)]
    InvalidName(#[from] NameError),
    /// Nobody is registered under this name (any more).
    #[error("nobody is registered as \"{username}\"")]
    NotRegistered {
        /// The name in the call.
        username: Username,
    },
    /// A room has this name, or one that looks like it.
    #[error("the room \"{room}\" exists already")]
    RoomExists {
        /// The name asked for.
        room: RoomName,
    },
    /// There is no such room (any more).
    #[error("there is no room \"{room}\"")]
    NoSuchRoom {
        /// The name in the call.
        room: RoomName,
    },
    /// The caller is not in the room.
    #[error("you are not in the room \"{room}\"")]
    NotInRoom {
        /// The room.
        room: RoomName,
    },
    /// The recipient of a private message is not in the room.
    #[error("\"{recipient}\" is not in the room")]
    RecipientNotInRoom {
        /// The name in the call.
        recipient: Username,
    },
    /// The room has no place left.
    #[error("the room \"{room}\" is full: it has {limit} places")]
    RoomFull {
        /// The room.
        room: RoomName,
        /// How many may be in.
        limit: u32,
    },
    /// The room was closed.
    #[error("the room \"{room}\" was closed")]
    RoomClosed {
        /// The room.
        room: RoomName,
    },
    /// A limit of no places.
    #[error("a room needs at least one place")]
    InvalidLimit,
    /// A message of nothing, or of blanks.
    #[error("a message needs some text")]
    EmptyMessage,
    /// A message with too many bytes.
    #[error("a message has at most {MESSAGE_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// The call did not come to an answer: a wrong token, a lost connection, a limit of the server.
    #[error(transparent)]
    Status(Status),
    /// The room is private, and the call shows no password.
    #[error("the room \"{room}\" is private: it is entered with its password")]
    PasswordNeeded {
        /// The room.
        room: RoomName,
    },
    /// The password is not the room's.
    #[error("this is not the password of the room \"{room}\"")]
    WrongPassword {
        /// The room.
        room: RoomName,
    },
    /// Too many wrong passwords were shown.
    #[error("too many wrong passwords were tried for the room \"{room}\": try again in {} s", again_after.as_secs() + 1)]
    TooManyTries {
        /// The room.
        room: RoomName,
        /// When one more is looked at.
        again_after: Duration,
    },
    /// The text is no password.
    #[error(transparent)]
    InvalidPassword(#[from] PasswordError),
    /// There is no room of this number (any more).
    #[error("there is no room number {number}")]
    NoSuchNumber {
        /// The number in the call.
        number: u64,
    },
}

impl ChatError {
    /// The word for programs, as in the client's JSON events.
    ///
    /// A limit of 0 is `unknown_command`, as an argument that cannot be read is; a status that is neither about who
    /// calls nor about what he asks for is `unavailable`.
    pub fn code(&self) -> &'static str {
        match self {
            ChatError::NameTaken { .. } => "name_taken",
            ChatError::InvalidName(_) => "invalid_name",
            ChatError::NotRegistered { .. } => "not_registered",
            ChatError::RoomExists { .. } => "room_exists",
            ChatError::NoSuchRoom { .. } => "no_such_room",
            ChatError::NotInRoom { .. } => "not_in_room",
            ChatError::RecipientNotInRoom { .. } => "recipient_not_in_room",
            ChatError::RoomFull { .. } => "room_full",
            ChatError::RoomClosed { .. } => "room_closed",
            ChatError::InvalidLimit => "unknown_command",
            ChatError::EmptyMessage => "empty_message",
            ChatError::TooLong { .. } => "too_long",
            ChatError::Status(status) => status_code(status.code()),
            ChatError::PasswordNeeded { .. } => "password_needed",
            ChatError::WrongPassword { .. } => "wrong_password",
            ChatError::TooManyTries { .. } => "too_many_tries",
            ChatError::InvalidPassword(_) => "invalid_password",
            ChatError::NoSuchNumber { .. } => "no_such_room",
        }
    }
}

fn status_code(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "unauthenticated",
        Code::PermissionDenied => "permission_denied",
        Code::InvalidArgument | Code::Unimplemented => "unknown_command",
        _ => "unavailable",
    }
}

impl From<Status> for ChatError {
    fn from(status: Status) -> ChatError {
        ChatError::Status(status)
    }
}

impl From<BodyError> for ChatError {
    fn from(error: BodyError) -> ChatError {
        match error {
            BodyError::Empty => ChatError::EmptyMessage,
            BodyError::TooLong { bytes } => ChatError::TooLong { bytes },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_word_that_says_what_to_do() {
        for (status, word) in [
            (Status::unauthenticated(""), "unauthenticated"),
            (Status::permission_denied(""), "permission_denied"),
            (Status::unavailable(""), "unavailable"),
            (Status::deadline_exceeded(""), "unavailable"),
            (Status::resource_exhausted(""), "unavailable"),
            (Status::invalid_argument(""), "unknown_command"),
        ] {
            assert_eq!(ChatError::from(status).code(), word);
        }
    }

    #[test]
    fn every_refusal_has_its_own_word() {
        let username = Username::parse("ana").unwrap();
        let room = RoomName::parse("rust").unwrap();
        let words = [
            ChatError::NameTaken { username: username.clone() },
            ChatError::InvalidName(NameError::Empty),
            ChatError::NotRegistered { username: username.clone() },
            ChatError::RoomExists { room: room.clone() },
            ChatError::NoSuchRoom { room: room.clone() },
            ChatError::NotInRoom { room: room.clone() },
            ChatError::RecipientNotInRoom { recipient: username },
            ChatError::RoomFull { room: room.clone(), limit: 2 },
            ChatError::RoomClosed { room: room.clone() },
            ChatError::PasswordNeeded { room: room.clone() },
            ChatError::WrongPassword { room: room.clone() },
            ChatError::TooManyTries { room, again_after: Duration::ZERO },
            ChatError::InvalidPassword(PasswordError),
            ChatError::EmptyMessage,
            ChatError::TooLong { bytes: 4097 },
        ]
        .map(|error| error.code());
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len());
    }
}
