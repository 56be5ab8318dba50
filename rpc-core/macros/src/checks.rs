//! What a service trait may not be, each fault with its span and a sentence that says what is allowed.
//!
//! Checks only add refusals: they never stop at the first, and never change what was read.

mod header;
mod names;
mod refusals;
mod signature;
mod types;

pub(crate) use self::header::header;
pub(crate) use self::names::names;
pub(crate) use self::refusals::Refusals;
pub(crate) use self::signature::{argument, count, signature};
pub(crate) use self::types::travels;
