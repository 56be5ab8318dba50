//! Frames: a length of four bytes, little-endian, and so many bytes.

use std::io::{self, ErrorKind, Read};

/// As long as a frame may be.
const LONGEST: usize = 16 << 20;

/// Cuts frames off what a socket has.
pub(crate) struct Frames {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Frames {
    /// With a buffer of this size, which grows for larger frames.
    pub(crate) fn new(size: usize) -> Frames {
        Frames { bytes: vec![0; size], begin: 0, end: 0 }
    }

    /// Whether a whole frame has come already.
    pub(crate) fn is_complete(&self) -> bool {
        self.whole().is_some_and(|whole| self.held().len() >= whole)
    }

    /// The next frame with its length in front; none at the end of the stream.
    pub(crate) fn next(&mut self, socket: &mut impl Read) -> io::Result<Option<&[u8]>> {
        while !self.is_complete() {
            self.make_room()?;
            match socket.read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return Ok(None),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let begin = self.begin;
        self.begin += self.whole().unwrap_or_default();
        Ok(self.bytes.get(begin..self.begin))
    }

    fn held(&self) -> &[u8] {
        self.bytes.get(self.begin..self.end).unwrap_or_default()
    }

    /// How long the first frame is, once its length has come.
    fn whole(&self) -> Option<usize> {
        let length = self.held().first_chunk()?;
        Some(u32::from_le_bytes(*length) as usize + 4)
    }

    fn make_room(&mut self) -> io::Result<()> {
        let whole = self.whole().unwrap_or(4);
        if whole > LONGEST {
            return Err(io::Error::new(ErrorKind::InvalidData, "a frame is longer than 16 MiB"));
        }
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        } else if self.begin + whole > self.bytes.len() || self.end == self.bytes.len() {
            self.bytes.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
        }
        if whole > self.bytes.len() {
            self.bytes.resize(whole, 0);
        }
        Ok(())
    }
}

/// A frame of these bytes.
pub(crate) fn frame(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(bytes);
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(bytes.len());
            self.0.read(&mut bytes[..count])
        }
    }

    #[test]
    fn frames_come_whole_however_their_bytes_trickle() {
        let sent: Vec<Vec<u8>> =
            [0, 1, 60, 61, 5000].iter().map(|size| frame(&vec![9; *size]).unwrap()).collect();
        for step in [1, 3, 64, 10_000] {
            let bytes = sent.concat();
            let (mut socket, mut frames) = (Trickle(&bytes, step), Frames::new(64));
            for frame in &sent {
                assert_eq!(frames.next(&mut socket).unwrap(), Some(&frame[..]));
            }
            assert_eq!(frames.next(&mut socket).unwrap(), None);
        }
    }

    #[test]
    fn a_length_beyond_the_longest_is_refused_before_memory_is_taken() {
        let bytes = u32::MAX.to_le_bytes();
        let error = Frames::new(64).next(&mut &bytes[..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
}
