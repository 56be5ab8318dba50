//! A chat of one procedure: each client sends a stream of messages and hears a stream of everybody's.
//!
//! ```text
//!   client ─▶ listener ─┐                              ┌─▶ client
//!   client ─▶ listener ─┼─▶ [ said ] ─▶ order ─▶ Broadcast ─▶ client
//!   client ─▶ listener ─┘                 └─▶ log      └─▶ client
//! ```
//! `contract` is what travels; `circle` is the server; `talk` and `typed` are the client.

pub mod contract;

pub mod circle;
mod log;

pub mod talk;
pub mod typed;
