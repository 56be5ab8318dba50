//! A chat client: the session that a program can script, and the terminal program around it.
//!
//! [`command`], [`event`], [`sanitise`], [`render`] and [`complete`] are pure: text and events in, text out. [`session`] is
//! the library, [`program`] what the `chat-client` binary runs.

pub mod command;
pub mod complete;
pub mod event;
pub mod render;
pub mod sanitise;

pub mod session;

pub mod program;

pub use event::{ChatEvent, Message};
pub use session::{ChatSession, SessionOptions};

#[cfg(test)]
#[path = "../../chat-server/api/src/hostile.rs"]
mod hostile;
