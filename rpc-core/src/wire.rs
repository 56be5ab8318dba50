//! What travels: the preface, then messages. PROTOCOL.md describes every byte.

mod message;
mod preface;
#[cfg(test)]
mod vectors;

pub(crate) use message::{CallHeader, Message, Refusal, ReplyOutcome, begin_frame, decode, end_frame};
pub(crate) use preface::{OURS, Preface, PrefaceError};
