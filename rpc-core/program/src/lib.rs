//! What the programs built on rpc-core share, so that all of them log, stop, refuse and exit the same way.
//!
//! Owned by the `main` of a program. Nothing here knows what a program serves. Libraries do not use it, but for [`http`] and
//! what [`metrics`] answers there, which neither print nor listen to signals.

pub mod activation;
pub mod arguments;
pub mod completions;
pub mod configuration;
pub mod duration;
mod exit;
pub mod http;
pub mod lines;
pub mod listen;
pub mod log;
mod manual;
pub mod metrics;
pub mod outlet;
pub mod papers;
pub mod secret;
pub mod signals;
pub mod supervisor;
pub mod terminal;
pub mod tls;

pub use exit::{exit, line};
