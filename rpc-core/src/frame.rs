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
}

/// One frame's content, owned, so that its reader need not stay locked; the memory is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    start: usize,
}

/// A buffer that has grown past this is given back once it is empty: 64 KiB.
const KEPT: usize = 64 << 10;

/// What one read asks for when no large frame is on its way. It decides what an idle connection costs.
const CHUNK: usize = 4 << 10;

/// A frame at least this long is moved out of the buffer instead of copied.
const MOVED: usize = 32 << 10;

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
        if length >= MOVED && self.arrived().len() == end {
            frame.bytes.clear();
            frame.start = self.start + LENGTH;
            std::mem::swap(&mut frame.bytes, &mut self.bytes);
            self.start = 0;
            self.waited = Duration::ZERO;
        } else {
            frame.bytes.clear();
            frame.start = 0;
            frame.bytes.extend_from_slice(content);
            self.consume(end);
        }
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
        self.bytes.reserve(missing.min(doubled).max(CHUNK));
        &mut self.bytes
    }
}

impl Frame {
    /// The frame's content: one header and its payload.
    pub(crate) fn content(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// What stands behind the first `skipped` bytes, owned; a large frame's memory goes with it.
    pub(crate) fn body(&mut self, skipped: usize) -> Body {
        let payload = self.content().get(skipped..).unwrap_or_default();
        if payload.len() < KEPT_BY_BODY {
            return Body { bytes: payload.to_vec(), start: 0 };
        }
        let start = std::mem::take(&mut self.start) + skipped;
        Body { bytes: std::mem::take(&mut self.bytes), start }
    }

    /// Gives a large frame's memory back.
    pub(crate) fn recycle(&mut self) {
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }
}

/// An encoded value, inside the frame it came in if that is large.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    start: usize,
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Body {
        Body { bytes: bytes.to_vec(), start: 0 }
    }
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// A body at least this long stays in the frame it came in: 4 KiB.
const KEPT_BY_BODY: usize = 4 << 10;

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
        let large = vec![7; MOVED + 1];
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

    #[test]
    fn a_claimed_length_does_not_reserve_its_memory() {
        let mut inbound = Inbound::default();
        inbound.room().extend_from_slice(&(64u32 << 20).to_le_bytes());
        assert!(inbound.room().capacity() <= 2 * KEPT);
    }
}
