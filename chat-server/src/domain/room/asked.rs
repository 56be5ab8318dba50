//! What a room is asked, and what it answers.

use std::num::NonZeroU32;
use std::sync::Arc;

use chat_api::{Incarnation, LogEntry, Mark, MessageBody, MessageId, Received, RoomName, Seq, Username};

use crate::domain::lock::PasswordHash;
use crate::domain::person::UserId;
use crate::domain::record::Record;

/// A room to be made.
#[derive(Clone, Debug)]
pub struct RoomPlan {
    /// Its name.
    pub name: RoomName,
    /// How many may be in at the same time; `None` is no limit.
    pub limit: Option<NonZeroU32>,
    /// What its password comes to, if it is private.
    pub password: Option<PasswordHash>,
    /// 64 random bits.
    pub incarnation: Incarnation,
    /// Who makes it.
    pub maker: Maker,
}

/// Who made a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Maker {
    /// A user. The room goes when it was empty for too long.
    User(UserId),
    /// Who runs the chat. The room stays until it is closed.
    Operator,
}

/// What came in a room since a mark, for whomever.
#[derive(Debug)]
pub struct Announcement {
    /// Where the next one begins.
    pub mark: Mark,
    /// In order; `None` if the room no longer keeps everything, or the mark was of another one.
    pub records: Option<Vec<Arc<Record>>>,
}

/// Somebody who begins to follow a room.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// Who.
    pub user: UserId,
    /// Behind which mark of his; `None` is his entry.
    pub after: Option<Mark>,
    /// Up to where those who follow already were told.
    pub announced: Option<Mark>,
}

/// What somebody who begins to follow a room is given, taken in one step.
#[derive(Debug)]
pub struct Followed {
    /// Where he begins.
    pub begins: Mark,
    /// What came after that; its mark is that of the announcement unless there is `more`.
    pub received: Received,
    /// What those who follow the room already were not told yet.
    pub announcement: Announcement,
}

/// A message to be recorded.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who sends it.
    pub from: UserId,
    /// For whom it is; `None` is everybody.
    pub to: Option<Recipient>,
    /// What it says.
    pub body: MessageBody,
    /// The sender's own number for it, if he may send it again.
    pub id: Option<MessageId>,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its number.
    pub seq: Seq,
    /// What the log has of it: nothing where it is private, or the room is, or it was recorded before.
    pub logged: Option<LogEntry>,
}

/// Whom a private message names.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The name as the sender wrote it.
    pub name: Username,
    /// Who has that name now, if anybody.
    pub id: Option<UserId>,
}
