//! The procedures for those who run a chat.

use serde::{Deserialize, Serialize};

use crate::error::ChatError;
use crate::journal::LogPage;
use crate::name::{RoomName, Username};

/// The metadata key of an operator's token, where the server wants one.
pub const ADMIN_TOKEN_KEY: &str = "chat-admin-token";

/// What an operator does with a chat: from its console in process, and through the binder from elsewhere.
///
/// Served where the server listens on this machine only, or has tokens; then every procedure wants one in the call's
/// metadata ([`ADMIN_TOKEN_KEY`]), and without it is the status `Unauthenticated`.
#[rpc_core::service(prefix = "admin")]
pub trait Admin {
    /// Makes a room that stays until it is closed, for at most `limit` users, and with a password if one is given.
    ///
    /// Refused with `InvalidName`, `InvalidLimit`, `InvalidPassword` or `RoomExists`.
    fn create_room(
        &self,
        room_name: String,
        limit: Option<u32>,
        password: Option<String>,
    ) -> Result<(), ChatError>;

    /// All rooms, by number.
    #[idempotent]
    fn list_rooms(&self) -> Result<Vec<RoomReport>, ChatError>;

    /// Who is in a room, by order of entry.
    ///
    /// Refused with `NoSuchRoom`, `NoSuchNumber` or `RoomClosed`.
    #[idempotent]
    fn list_users(&self, room: RoomChoice) -> Result<Vec<Username>, ChatError>;

    /// Closes a room: its members are told, with the reason if there is one, and are in it no longer. Answers with its name.
    ///
    /// Refused with `NoSuchRoom`, `NoSuchNumber`, `RoomClosed`, or `TooLong` for the reason.
    fn close_room(&self, room: RoomChoice, reason: Option<String>) -> Result<RoomName, ChatError>;

    /// Puts somebody out of a room, after telling him the reason if there is one. He may come back.
    ///
    /// Refused as `close_room`, or with `RecipientNotInRoom`.
    fn kick(&self, room: RoomChoice, username: String, reason: Option<String>) -> Result<(), ChatError>;

    /// Tells something to those who are in a room, or in any. Answers how many rooms were told.
    ///
    /// Refused as `close_room`, or with `EmptyMessage`.
    fn broadcast(&self, room: Option<RoomChoice>, message: String) -> Result<u32, ChatError>;

    /// What happened after the entry of number `after`, 0 for the beginning: at most 500 entries, and 1 MiB.
    #[idempotent]
    fn logs(&self, after: u64) -> Result<LogPage, ChatError>;
}

/// Which room is meant: a name may be another room's tomorrow, a number never is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomChoice {
    /// The room of this name, as typed.
    Name(String),
    /// The room of this number.
    Number(u64),
}

/// One line of `admin.list_rooms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomReport {
    /// Its number since the server's start, from 1; never given again.
    pub number: u64,
    /// Its name as its maker wrote it.
    pub name: RoomName,
    /// How many are in.
    pub users: u32,
    /// How many may be in; `None` is no limit.
    pub limit: Option<u32>,
    /// Whether it wants a password.
    pub private: bool,
}
