//! Bytes on their way out, in order: small frames side by side in one buffer, large ones as they are.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::bytes::{BY_REFERENCE, Block};
use crate::codec::Payload;
use crate::transport::Transport;

/// A queue of bytes that is filled at its end and written from its front. It keeps its memory for the next frames.
#[derive(Debug, Default)]
pub(super) struct Batch {
    whole: VecDeque<Part>,
    tail: Vec<u8>,
    /// Bytes of the front part that have left already.
    sent: usize,
}

/// Bytes that are not copied into the common buffer, or are cut off from it.
#[derive(Debug)]
enum Part {
    Own(Vec<u8>),
    Block(Block),
    Shared(Arc<[u8]>),
}

/// A buffer that has grown past this is given back after use: 64 KiB.
const KEPT: usize = 64 << 10;

/// Parts of one system call.
const PARTS: usize = 16;

impl Batch {
    /// Where small frames are appended.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends a payload; a large one is taken away from the caller, a small one copied.
    pub(super) fn append(&mut self, payload: &mut Payload) {
        if !payload.blocks.is_empty() {
            return self.append_around(payload);
        }
        if payload.bytes.len() < BY_REFERENCE {
            self.tail.extend_from_slice(&payload.bytes);
        } else {
            self.push_part(Part::Own(std::mem::take(&mut payload.bytes)));
        }
    }

    /// What stands between the blocks is copied, however long it is.
    fn append_around(&mut self, payload: &mut Payload) {
        let mut copied = 0;
        for (place, block) in payload.blocks.drain(..) {
            self.tail.extend_from_slice(payload.bytes.get(copied..place).unwrap_or_default());
            self.push_part(Part::Block(block));
            copied = place;
        }
        self.tail.extend_from_slice(payload.bytes.get(copied..).unwrap_or_default());
    }

    /// Appends a payload that is queued elsewhere too.
    pub(super) fn append_shared(&mut self, payload: Arc<[u8]>) {
        self.push_part(Part::Shared(payload));
    }

    fn push_part(&mut self, part: Part) {
        let before = std::mem::take(&mut self.tail);
        self.whole.push_back(Part::Own(before));
        self.whole.push_back(part);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.tail.len() == self.sent
    }

    /// Writes until all is gone; says how many bytes left, and how it ended.
    pub(super) fn write_to(&mut self, transport: &dyn Transport) -> (usize, io::Result<()>) {
        let mut total = 0;
        while !self.is_empty() {
            match self.write_once(transport) {
                Ok(0) => return (total, Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    total += count;
                    self.advance(count);
                }
                Err(error) => return (total, Err(error)),
            }
        }
        self.recycle();
        (total, Ok(()))
    }

    fn write_once(&self, transport: &dyn Transport) -> io::Result<usize> {
        if self.whole.is_empty() {
            return transport.write(&[IoSlice::new(self.tail.get(self.sent..).unwrap_or_default())]);
        }
        let mut parts = [IoSlice::new(&[]); PARTS];
        let mut skipped = self.sent;
        let sources = self.whole.iter().map(Part::bytes).chain([self.tail.as_slice()]);
        let mut used = 0;
        for (part, source) in parts.iter_mut().zip(sources) {
            *part = IoSlice::new(source.get(skipped..).unwrap_or_default());
            skipped = 0;
            used += 1;
        }
        transport.write(parts.get(..used).unwrap_or(&parts))
    }

    fn advance(&mut self, count: usize) {
        self.sent += count;
        while let Some(front) = self.whole.front() {
            if self.sent < front.bytes().len() {
                return;
            }
            self.sent -= front.bytes().len();
            self.whole.pop_front();
        }
    }

    fn recycle(&mut self) {
        self.sent = 0;
        self.tail.clear();
        if self.tail.capacity() > KEPT {
            self.tail = Vec::new();
        }
    }
}

impl Part {
    fn bytes(&self) -> &[u8] {
        match self {
            Part::Own(bytes) => bytes,
            Part::Block(block) => block,
            Part::Shared(bytes) => bytes,
        }
    }
}
