//! Why the chat refuses a call.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use rpc_core::{Code, Status};
use serde::{Deserialize, Serialize};

use crate::body::BodyError;
use crate::language::Language;
use crate::name::{RoomName, Username};
use crate::password::PasswordError;
use crate::rules::NameError;

/// A refused or failed call. Texts in it are parsed names only, so its sentences are harmless on a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ChatError {
    /// Somebody has this name, or one that looks like it.
    NameTaken {
        /// The name asked for.
        username: Username,
    },
    /// An argument is no name.
    InvalidName(NameError),
    /// Nobody is registered under this name (any more).
    NotRegistered {
        /// The name in the call.
        username: Username,
    },
    /// A room has this name, or one that looks like it.
    RoomExists {
        /// The name asked for.
        room: RoomName,
    },
    /// There is no such room (any more).
    NoSuchRoom {
        /// The name in the call.
        room: RoomName,
    },
    /// The caller is not in the room.
    NotInRoom {
        /// The room.
        room: RoomName,
    },
    /// The recipient of a private message is not in the room.
    RecipientNotInRoom {
        /// The name in the call.
        recipient: Username,
    },
    /// The room has no place left.
    RoomFull {
        /// The room.
        room: RoomName,
        /// How many may be in.
        limit: u32,
    },
    /// The room was closed.
    RoomClosed {
        /// The room.
        room: RoomName,
    },
    /// A limit of no places.
    InvalidLimit,
    /// A message of nothing, or of blanks.
    EmptyMessage,
    /// A message with too many bytes.
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// The call did not come to an answer: a wrong token, a lost connection, a limit of the server.
    Status(Status),
    /// The room is private, and the call shows no password.
    PasswordNeeded {
        /// The room.
        room: RoomName,
    },
    /// The password is not the room's.
    WrongPassword {
        /// The room.
        room: RoomName,
    },
    /// Too many wrong passwords were shown.
    TooManyTries {
        /// The room.
        room: RoomName,
        /// When one more is looked at.
        again_after: Duration,
    },
    /// The text is no password.
    InvalidPassword(PasswordError),
    /// There is no room of this number (any more).
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

impl fmt::Display for ChatError {
    /// In English; [`Language::refusal`] says it in others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Language::English.refusal(self))
    }
}

impl Error for ChatError {}

impl From<NameError> for ChatError {
    fn from(error: NameError) -> ChatError {
        ChatError::InvalidName(error)
    }
}

impl From<PasswordError> for ChatError {
    fn from(error: PasswordError) -> ChatError {
        ChatError::InvalidPassword(error)
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
