//! The floors below the connection: frames, messages, the preface.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bytes::Bytes;
use crate::codec;
use crate::frame::{Frame, FrameError, Inbound, LENGTH};
use crate::limits::{METADATA_ENTRIES, STATUS_DETAILS, STATUS_MESSAGE};
use crate::wire::{self, Message, Preface, Refusal, ReplyOutcome};

/// Frames are the same however their bytes are cut, and memory grows with what came and not with what was claimed. The
/// first two bytes are the limit, the third the size of a piece.
///
/// # Panics
/// When that is not so.
pub fn frame(input: &[u8]) {
    let Some((&[low, high, size], bytes)) = input.split_first_chunk() else { return };
    let limit = u32::from(u16::from_le_bytes([low, high]));
    let expected = plainly(bytes, limit);
    assert_eq!(gathered(bytes.chunks(bytes.len().max(1)), limit), expected);
    assert_eq!(gathered(bytes.chunks(usize::from(size).max(1)), limit), expected);
}

type Cut = (Vec<Vec<u8>>, Option<FrameError>);

/// What the document says, without memory of its own.
fn plainly(mut bytes: &[u8], limit: u32) -> Cut {
    let mut frames = Vec::new();
    while let Some((&prefix, behind)) = bytes.split_first_chunk::<LENGTH>() {
        let length = u32::from_le_bytes(prefix);
        if length == 0 || length > limit {
            return (frames, Some(FrameError { length, limit }));
        }
        let Some((content, rest)) = behind.split_at_checked(length as usize) else { break };
        frames.push(content.to_vec());
        bytes = rest;
    }
    (frames, None)
}

fn gathered<'a>(pieces: impl Iterator<Item = &'a [u8]>, limit: u32) -> Cut {
    /// What a buffer may hold beyond a small multiple of what came.
    const KEPT: usize = 256 << 10;
    let (mut inbound, mut frame, mut frames, mut came) = (Inbound::default(), Frame::default(), vec![], 0);
    for piece in pieces {
        came += piece.len();
        let room = inbound.room();
        room.extend_from_slice(piece);
        assert!(room.capacity() <= 4 * came + KEPT, "{} bytes for {came}", room.capacity());
        loop {
            frame.recycle();
            match inbound.next(limit, &mut frame) {
                Ok(true) => frames.push(frame.content().to_vec()),
                Ok(false) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// What decodes is encoded again to the same meaning in no more bytes, and what is kept of it is bounded.
///
/// # Panics
/// When that is not so.
pub fn message(input: &[u8]) {
    values(input);
    let Ok((message, payload)) = wire::decode(input) else { return };
    assert!(input.ends_with(payload));
    let mut again = Vec::new();
    let start = wire::begin_frame(&message, &mut again).expect("what was decoded encodes");
    again.extend_from_slice(payload);
    wire::end_frame(&mut again, start, 0, u32::MAX).expect("it is no larger than what came");
    let content = again.get(LENGTH..).expect("a frame has a length");
    assert!(content.len() <= input.len());
    match &message {
        Message::Call(header) => assert!(header.metadata.len() <= METADATA_ENTRIES + 1),
        Message::Reply { outcome: ReplyOutcome::Status(refusal), .. }
        | Message::End { refusal: Some(refusal), .. }
        | Message::Goodbye { refusal, .. } => passes_on(refusal),
        _ => {}
    }
    assert_eq!(wire::decode(content).expect("what was encoded decodes"), (message, payload));
}

/// A status that came can be sent on, always fits, and means the same unless it was cut.
fn passes_on(refusal: &Refusal<'_>) {
    let status = refusal.status();
    let mut bytes = Vec::new();
    codec::encode(&Refusal::of(&status), &mut bytes).expect("a status encodes");
    assert!(bytes.len() <= STATUS_MESSAGE + STATUS_DETAILS + 64);
    if status.message().len() <= STATUS_MESSAGE && status.details().len() <= STATUS_DETAILS {
        let (again, _) = codec::decode_prefix::<Refusal<'_>>(&bytes).expect("it decodes");
        assert_eq!(again.status(), status);
    }
}

/// The input as arguments that a procedure may take.
fn values(input: &[u8]) {
    returns::<(String, Bytes, Option<u64>)>(input);
    returns::<Vec<(i64, bool, char)>>(input);
    returns::<BTreeMap<String, Vec<u16>>>(input);
    returns::<Vec<Option<Vec<u8>>>>(input);
}

fn returns<T: Serialize + DeserializeOwned + Debug + PartialEq>(input: &[u8]) {
    let Ok(value) = codec::decode::<T>(input) else { return };
    let mut bytes = Vec::new();
    codec::encode(&value, &mut bytes).expect("what was decoded encodes");
    assert_eq!(codec::decode::<T>(&bytes).ok(), Some(value));
}

/// A preface is understood when all of it is here and not before, whatever is behind it.
///
/// # Panics
/// When that is not so.
pub fn preface(input: &[u8]) {
    match Preface::decode(input) {
        Ok(Some((preface, length))) => {
            assert!((24..=1024).contains(&length) && length <= input.len());
            let alone = input.get(..length).expect("it is inside");
            assert_eq!(Preface::decode(alone), Ok(Some((preface, length))));
            for end in 0..length {
                assert_eq!(Preface::decode(alone.get(..end).expect("it is inside")), Ok(None));
            }
            assert_eq!(Preface::decode(&preface.encode()), Ok(Some((preface, 24))));
        }
        Ok(None) => {
            assert!(input.len() < 1024);
            let shorter = input.get(..input.len().saturating_sub(1)).expect("it is inside");
            assert_eq!(Preface::decode(shorter), Ok(None));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
