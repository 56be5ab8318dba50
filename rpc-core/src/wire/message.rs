//! Messages: one bincode header, then the payload to the frame's end.
//!
//! A frame is begun, filled and ended in the buffer it is sent from, so that a payload is copied once. The order of the
//! variants is the wire format.

use std::fmt;
use std::time::Duration;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::codec::{self, DecodeError, EncodeError};
use crate::frame::LENGTH;
use crate::limits::{DEADLINE_CEILING, METADATA_ENTRIES, STATUS_DETAILS, STATUS_MESSAGE};
use crate::status::{Code, Execution, Status};

/// The header of every message of version 1.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Message<'a> {
    /// Client: run a procedure; the payload is the tuple of its arguments.
    Call(#[serde(borrow)] CallHeader<'a>),
    /// Server: a call's outcome; the payload is the method's `T` or `E`, nothing for a status.
    Reply { id: u64, outcome: ReplyOutcome<'a> },
    /// Either: the next items of a call's stream; the payload is their encodings, one behind the other.
    Items { id: u64, count: u32 },
    /// Either: a stream's last word, with the reason if it is not its regular end.
    End { id: u64, refusal: Option<Refusal<'a>> },
    /// Either: so many items more may be sent.
    Credit { id: u64, items: u32 },
    /// Client: nobody waits for this call any more. Server: no more items of this call's stream are wanted.
    Cancel { id: u64 },
    /// Either: are you there?
    Ping { nonce: u64 },
    /// Either: the answer to a ping of this nonce.
    Pong { nonce: u64 },
    /// Server: no call after `last_accepted` is run, and none will be. Those before it are still answered.
    Goodbye { last_accepted: u64, refusal: Refusal<'a> },
}

/// What a call says before its arguments.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallHeader<'a> {
    /// Counts up from 1 on each connection.
    pub(crate) id: u64,
    pub(crate) procedure: &'a str,
    /// The time left, in milliseconds, when the frame was made.
    pub(crate) remaining_ms: Option<u64>,
    /// How the payload is encoded: 0 is bincode.
    pub(crate) encoding: u8,
    /// One pair past the limit is kept, so that the excess is seen; the rest is skipped.
    #[serde(borrow, deserialize_with = "bounded_pairs")]
    pub(crate) metadata: Vec<(&'a str, &'a [u8])>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ReplyOutcome<'a> {
    Returned,
    Failed,
    Status(#[serde(borrow)] Refusal<'a>),
}

/// A status on its way.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refusal<'a> {
    code: u8,
    /// Zero: the call did not run. One: it may have.
    may_have_run: bool,
    message: &'a str,
    details: &'a [u8],
}

impl<'a> Refusal<'a> {
    /// The status, cut to what always fits a frame.
    pub(crate) fn of(status: &'a Status) -> Refusal<'a> {
        let details = status.details();
        Refusal {
            code: status.code().into(),
            may_have_run: status.may_have_run(),
            message: cut(status.message(), STATUS_MESSAGE),
            details: if details.len() > STATUS_DETAILS { &[] } else { details },
        }
    }

    /// The status without its words.
    pub(crate) fn brief(status: &'a Status) -> Refusal<'a> {
        Refusal { message: "", details: &[], ..Refusal::of(status) }
    }

    pub(crate) fn status(&self) -> Status {
        let status = Status::new(Code::from(self.code), self.message).with_details(self.details);
        match self.execution() {
            Execution::DidNotRun => status.not_run(),
            Execution::MayHaveRun => status,
        }
    }

    fn execution(&self) -> Execution {
        if self.may_have_run { Execution::MayHaveRun } else { Execution::DidNotRun }
    }
}

fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// The largest time that is sent, in milliseconds.
const REMAINING_CEILING: u64 = DEADLINE_CEILING.as_secs() * 1000;

impl CallHeader<'_> {
    /// The time left as it is sent: rounded up, so that a call with time left never arrives with none.
    pub(crate) fn milliseconds(remaining: Duration) -> u64 {
        let whole = remaining.as_nanos().div_ceil(1_000_000);
        u64::try_from(whole).unwrap_or(u64::MAX).min(REMAINING_CEILING)
    }

    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.remaining_ms.map(|ms| Duration::from_millis(ms.min(REMAINING_CEILING)))
    }
}

/// A frame of empty pairs would otherwise become sixteen times its size in memory.
fn bounded_pairs<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Vec<(&'a str, &'a [u8])>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(&'de str, &'de [u8])>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("pairs of a key and bytes")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut kept = Vec::new();
            while let Some(pair) = pairs.next_element()? {
                if kept.len() <= METADATA_ENTRIES {
                    kept.push(pair);
                }
            }
            Ok(kept)
        }
    }
    from.deserialize_seq(Pairs)
}

/// The header that a frame's content begins with, and the payload behind it.
pub(crate) fn decode(content: &[u8]) -> Result<(Message<'_>, &[u8]), DecodeError> {
    let (message, used) = codec::decode_prefix(content)?;
    Ok((message, content.get(used..).unwrap_or_default()))
}

/// Writes a frame's length, still unknown, and its header behind what `buffer` holds; says where the frame begins.
pub(crate) fn begin_frame(message: &Message<'_>, buffer: &mut Vec<u8>) -> Result<usize, EncodeError> {
    let start = buffer.len();
    buffer.extend([0; LENGTH]);
    codec::encode(message, buffer).inspect_err(|_| buffer.truncate(start))?;
    Ok(start)
}

/// Sets the length of the frame that began at `start` and goes on with a payload of `payload` bytes. A frame over `limit`
/// is taken back and its length given.
pub(crate) fn end_frame(buffer: &mut Vec<u8>, start: usize, payload: usize, limit: u32) -> Result<(), usize> {
    let length = buffer.len().saturating_sub(start + LENGTH).saturating_add(payload);
    let fitting = u32::try_from(length).ok().filter(|length| *length <= limit);
    match (fitting, buffer.get_mut(start..start + LENGTH)) {
        (Some(known), Some(prefix)) => {
            prefix.copy_from_slice(&known.to_le_bytes());
            Ok(())
        }
        _ => {
            buffer.truncate(start);
            Err(length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call header of eight million bytes, all of them empty pairs, once took a hundred million bytes to decode.
    #[test]
    fn metadata_past_its_limit_is_skipped_and_seen() {
        let held = |entries: usize| {
            let mut buffer = Vec::new();
            let metadata = vec![("", &b""[..]); entries];
            let header = CallHeader { id: 1, procedure: "p", remaining_ms: None, encoding: 0, metadata };
            codec::encode(&Message::Call(header), &mut buffer).unwrap();
            buffer.extend(b"payload");
            let (message, payload) = decode(&buffer).unwrap();
            assert_eq!(payload, b"payload");
            let Message::Call(header) = message else { panic!("not a call") };
            (header.metadata.len(), header.metadata.capacity() < 4 * METADATA_ENTRIES)
        };
        assert_eq!(held(METADATA_ENTRIES), (METADATA_ENTRIES, true));
        assert_eq!(held(METADATA_ENTRIES + 1), (METADATA_ENTRIES + 1, true));
        assert_eq!(held(1 << 20), (METADATA_ENTRIES + 1, true));
    }

    #[test]
    fn time_left_is_rounded_up_and_bounded() {
        assert_eq!(CallHeader::milliseconds(Duration::ZERO), 0);
        assert_eq!(CallHeader::milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(CallHeader::milliseconds(Duration::MAX), REMAINING_CEILING);
    }

    #[test]
    fn a_frame_at_the_limit_passes_and_one_past_it_is_taken_back() {
        let ping = Message::Ping { nonce: 7 };
        let mut buffer = Vec::new();
        let start = begin_frame(&ping, &mut buffer).unwrap();
        assert_eq!(end_frame(&mut buffer, start, 3, 5), Ok(()));
        let start = begin_frame(&ping, &mut buffer).unwrap();
        assert_eq!(end_frame(&mut buffer, start, 3, 4), Err(5));
        assert_eq!(buffer.len(), 6);
    }

    #[test]
    fn long_sentences_and_details_are_cut_to_fit() {
        let status = Status::internal("é".repeat(STATUS_MESSAGE)).with_details(vec![0; STATUS_DETAILS + 1]);
        let refusal = Refusal::of(&status);
        assert_eq!((refusal.message.len(), refusal.details.len()), (STATUS_MESSAGE, 0));
    }
}
