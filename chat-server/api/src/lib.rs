//! The contract of the chat: the traits `Chat` and `Admin`, their types and limits. All that client and server share.
//!
//! Arguments travel as plain text and are parsed by the server, so that a wrong name is the method's own typed error;
//! answers carry newtypes that cannot hold a bad value. Nothing here knows a clock, a room or a connection.

pub mod limits;

mod body;
mod identity;
mod key;
mod name;
mod password;
mod rules;
mod wire_text;

mod mark;

mod event;

mod answer;
mod ending;
mod error;

mod chat;

mod journal;

mod admin;

pub mod sanitise;

mod language;
pub mod texts;

pub use admin::{ADMIN_TOKEN_KEY, Admin, AdminClient, AdminService, AdminStart, RoomChoice, RoomReport};
pub use answer::{Joined, News, Received, RoomDescription, RoomSummary, Sent, Session};
pub use body::{BodyError, MessageBody};
pub use chat::{Chat, ChatClient, ChatService, ChatStart};
pub use ending::{chat_ended, is_chat_ended};
pub use error::ChatError;
pub use event::{Event, EventKind, UnixMillis};
pub use identity::{MESSAGE_ID_KEY, MessageId, REGISTRATION_KEY, RegistrationId, SESSION_KEY, SessionToken};
pub use journal::{LogEntry, LogPage, Logged};
pub use key::NameKey;
pub use language::{Language, LanguageError};
pub use mark::{AFTER_KEY, Incarnation, Mark, Seq};
pub use name::{RoomName, Username};
pub use password::{PASSWORD_KEY, PasswordError, RoomPassword};
pub use rules::NameError;

#[cfg(test)]
mod hostile;
