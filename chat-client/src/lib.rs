//! A chat client: the session that a program can script, and the terminal program around it.
//!
//! [`command`], [`event`], [`sanitise`], [`render`] and [`complete`] are pure: text and events in, text out.

pub mod command;
pub mod complete;
pub mod event;
pub mod render;
pub mod sanitise;
pub mod session;

#[cfg(test)]
mod hostile;
