//! What travels: the preface, then messages. PROTOCOL.md describes every byte.

mod message;
mod preface;
#[cfg(test)]
mod vectors;

pub(crate) use message::{CallHeader, Message, Refusal, ReplyOutcome, begin_frame, decode, end_frame};
pub(crate) use preface::{OURS, Preface, PrefaceError};
#[cfg(feature = "tls")]
pub(crate) use preface::{is_plain, resemblance};

use crate::limits::FRAME_BEFORE_PREFACE;
use crate::status::Status;

/// All that is said to a client that is not served: a preface, and a goodbye with the reason.
pub(crate) fn farewell(why: &Status) -> Vec<u8> {
    let mut bytes = Preface { frame: FRAME_BEFORE_PREFACE, calls: 1, ..OURS }.encode().to_vec();
    let status = why.clone().not_run();
    let send = |refusal, bytes: &mut Vec<u8>| {
        let start = begin_frame(&Message::Goodbye { last_accepted: 0, refusal }, bytes).ok()?;
        end_frame(bytes, start, 0, FRAME_BEFORE_PREFACE).ok()
    };
    // What a refusal is cut to fits a frame; without it the client learns less.
    send(Refusal::of(&status), &mut bytes);
    bytes
}
