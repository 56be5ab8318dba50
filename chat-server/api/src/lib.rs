//! The contract of the chat: the trait `Chat`, its types and its limits. All that client and server share.
//!
//! Arguments travel as plain text and are parsed by the server, so that a wrong name is the method's own typed error;
//! answers carry newtypes that cannot hold a bad value. Nothing here knows a clock, a room or a connection.

pub mod limits;

mod body;
mod identity;
mod key;
mod name;
mod rules;
mod wire_text;

mod mark;

mod event;

mod answer;
mod error;

mod chat;

pub use answer::{Joined, News, Received, RoomSummary, Sent, Session};
pub use body::{BodyError, MessageBody};
pub use chat::{Chat, ChatClient, ChatService, ChatStart};
pub use error::ChatError;
pub use event::{Event, EventKind, UnixMillis};
pub use identity::{MESSAGE_ID_KEY, MessageId, REGISTRATION_KEY, RegistrationId, SESSION_KEY, SessionToken};
pub use key::NameKey;
pub use mark::{AFTER_KEY, Incarnation, Mark, Seq};
pub use name::{RoomName, Username};
pub use rules::NameError;
