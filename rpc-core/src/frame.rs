//! Frames: a length, then that many bytes.
//!
//! ```text
//! 0        4                length + 4
//! +--------+----------------+
//! | length | header, payload|   length: u32, little-endian, 1 ..= the receiver's limit
//! +--------+----------------+
//! ```
//! [`Inbound`] gathers what a socket gives and cuts frames off; it does not read by itself and never holds more memory
//! than twice what has arrived, up to one frame.

use std::time::Duration;

use thiserror::Error;

use crate::bytes::{BY_REFERENCE, Block};

/// Bytes of the length in front of a frame.
pub(crate) const LENGTH: usize = 4;

/// A length that no frame of this connection may have; the connection cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a frame of {length} bytes, allowed are 1 to {limit}")]
pub(crate) struct FrameError {
    pub(crate) length: u32,
    pub(crate) limit: u32,
}

/// Bytes that have arrived and are not yet consumed.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    bytes: Vec<u8>,
    start: usize,
    /// How long the rest of the frame that has begun was waited for.
    waited: Duration,
    /// The last frame was large, and the next is likely to be.
    after_large: bool,
}

/// One frame's content, owned, so that its reader need not stay locked; the memory is used again for the next, unless it is
/// large.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    /// A large frame's content, instead of `bytes`.
    large: Option<Block>,
}

/// A buffer that has grown past this is given back once it is empty: 64 KiB.
const KEPT: usize = 64 << 10;

/// What one read asks for when no large frame is on its way. It decides what an idle connection costs.
const CHUNK: usize = 4 << 10;

/// What the first read behind a large frame asks for: one with 64 KiB of payload comes whole. No memory is touched before
/// there are bytes for it.
const LARGE_CHUNK: usize = KEPT + CHUNK;

impl Inbound {
    /// What has arrived, oldest first.
    pub(crate) fn arrived(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arrived().is_empty()
    }

    /// How long the rest of the frame that has begun was waited for; `None` between two frames.
    pub(crate) fn waited(&self) -> Option<Duration> {
        (!self.is_empty()).then_some(self.waited)
    }

    /// Counts a wait for the rest of a begun frame.
    pub(crate) fn note_wait(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    /// Forgets the first `count` bytes: a whole frame, or the preface.
    pub(crate) fn consume(&mut self, count: usize) {
        self.waited = Duration::ZERO;
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }

    /// Moves the next complete frame's content into `frame`; false if it has not all arrived.
    pub(crate) fn next(&mut self, limit: u32, frame: &mut Frame) -> Result<bool, FrameError> {
        let Some(length) = self.next_length(limit)? else { return Ok(false) };
        let end = LENGTH + length;
        let Some(content) = self.arrived().get(LENGTH..end) else { return Ok(false) };
        frame.bytes.clear();
        frame.recycle();
        if length < BY_REFERENCE {
            frame.bytes.extend_from_slice(content);
        } else if self.arrived().len() == end {
            let memory = Block::from(std::mem::take(&mut self.bytes));
            frame.large = Some(memory.behind(self.start + LENGTH));
        } else {
            frame.large = Some(Block::from(content.to_vec()));
        }
        self.after_large = length >= BY_REFERENCE;
        self.consume(end);
        Ok(true)
    }

    /// The length of the frame that begins here, once it is known and allowed.
    fn next_length(&self, limit: u32) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = self.arrived().first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix);
        if length == 0 || length > limit {
            return Err(FrameError { length, limit });
        }
        Ok(usize::try_from(length).ok())
    }

    /// The buffer to read into, with room for the next bytes; what is read is appended.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let wanted = self.next_length(u32::MAX).ok().flatten().map_or(0, |length| length + LENGTH);
        let missing = wanted.saturating_sub(self.bytes.len());
        let doubled = self.bytes.len().max(KEPT);
        let chunk = if self.after_large && self.bytes.is_empty() { LARGE_CHUNK } else { CHUNK };
        self.bytes.reserve(missing.min(doubled).max(chunk));
        &mut self.bytes
    }
}

impl Frame {
    /// The frame's content: one header and its payload.
    pub(crate) fn content(&self) -> &[u8] {
        self.large.as_deref().unwrap_or(&self.bytes)
    }

    /// What stands behind the first `skipped` bytes, owned; a large frame's memory is shared.
    pub(crate) fn body(&self, skipped: usize) -> Body {
        match &self.large {
            Some(block) => Body::Large(block.behind(skipped)),
            None => Body::Small(self.bytes.get(skipped..).unwrap_or_default().to_vec()),
        }
    }

    /// Runs `body`, in which what takes a large part of this frame may keep its memory.
    pub(crate) fn lend<T>(&self, body: impl FnOnce() -> T) -> T {
        match &self.large {
            Some(block) => block.lend(body),
            None => body(),
        }
    }

    /// Gives a large frame's memory back.
    pub(crate) fn recycle(&mut self) {
        self.large = None;
    }
}

/// An encoded value of one's own, inside the frame it came in if that is large.
#[derive(Debug)]
pub(crate) enum Body {
    Small(Vec<u8>),
    Large(Block),
}

/// Of a part of what is [lent](Frame::lend), its memory.
impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Body {
        Block::lent(bytes).map_or_else(|| Body::Small(bytes.to_vec()), Body::Large)
    }
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Small(bytes) => bytes,
            Body::Large(block) => block,
        }
    }

    /// Runs `body`, in which what takes a large part of this value may keep its memory.
    pub(crate) fn lend<T>(&self, body: impl FnOnce() -> T) -> T {
        match self {
            Body::Small(_) => body(),
            Body::Large(block) => block.lend(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(content: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(content.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend_from_slice(content);
        bytes
    }

    #[track_caller]
    fn check(chunks: &[&[u8]], limit: u32, expected: Result<&[&[u8]], FrameError>) {
        let (mut inbound, mut frame, mut frames) = (Inbound::default(), Frame::default(), Vec::new());
        let mut run = || {
            for chunk in chunks {
                inbound.room().extend_from_slice(chunk);
                while inbound.next(limit, &mut frame)? {
                    frames.push(frame.content().to_vec());
                }
            }
            Ok(())
        };
        let result: Result<(), FrameError> = run();
        match expected {
            Ok(expected) => {
                assert_eq!(result, Ok(()));
                assert_eq!(frames, expected);
            }
            Err(error) => assert_eq!(result, Err(error)),
        }
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let stream = [framed(b"one"), framed(b"2"), framed(b"three and more")].concat();
        for size in 1..=stream.len() {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            check(&chunks, 100, Ok(&[b"one", b"2", b"three and more"]));
        }
    }

    #[test]
    fn a_large_frame_arrives_whole_alone_and_in_company() {
        let large = vec![7; BY_REFERENCE + 1];
        check(&[&framed(&large)], 1 << 20, Ok(&[&large]));
        let company = [framed(&large), framed(b"x"), framed(&large)].concat();
        check(&[&company], 1 << 20, Ok(&[&large, b"x", &large]));
    }

    #[test]
    fn a_length_at_the_limit_passes_and_others_fail() {
        check(&[&framed(&[1; 10])], 10, Ok(&[&[1; 10]]));
        check(&[&framed(&[1; 11])], 10, Err(FrameError { length: 11, limit: 10 }));
        check(&[&[0, 0, 0, 0]], 10, Err(FrameError { length: 0, limit: 10 }));
        check(&[&[0xff; 4]], 10, Err(FrameError { length: u32::MAX, limit: 10 }));
    }

    /// Each frame of a bulk transfer was once read in two: its first 4 KiB, and the rest.
    #[test]
    fn behind_a_large_frame_there_is_room_for_another_and_behind_a_small_one_for_little() {
        let (mut inbound, mut frame) = (Inbound::default(), Frame::default());
        let mut room_behind = |content: &[u8]| {
            inbound.room().extend_from_slice(&framed(content));
            assert!(inbound.next(1 << 20, &mut frame).unwrap());
            inbound.room().capacity()
        };
        assert!(room_behind(b"small") <= 2 * CHUNK);
        let large = room_behind(&vec![7; 64 << 10]);
        assert!(((64 << 10) + CHUNK..=2 * LARGE_CHUNK).contains(&large));
        room_behind(b"small");
        assert!(room_behind(b"small") <= 2 * CHUNK, "what is not needed any more is given back");
    }

    #[test]
    fn a_claimed_length_does_not_reserve_its_memory() {
        let mut inbound = Inbound::default();
        inbound.room().extend_from_slice(&(64u32 << 20).to_le_bytes());
        assert!(inbound.room().capacity() <= 2 * KEPT);
    }
}
