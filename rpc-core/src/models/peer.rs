//! The far side of a modelled connection, played by the model.

use std::io::{ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Instant;

use super::pipe::End;
use crate::frame::{Frame, Inbound};
use crate::limits::FRAME_CEILING;
use crate::sync;
use crate::transport::{Readiness, Transport};
use crate::wire::{self, Message, OURS, Preface, begin_frame, end_frame};

pub(crate) struct Peer {
    end: Arc<End>,
    inbound: Inbound,
    greeted: bool,
}

impl Peer {
    pub(crate) fn new(end: Arc<End>) -> Peer {
        Peer { end, inbound: Inbound::default(), greeted: false }
    }

    /// Says a preface: a server runs so many calls, a client none.
    pub(crate) fn greet(&self, calls: u32) {
        self.say_bytes(&Preface { frame: 1 << 20, calls, ..OURS }.encode());
    }

    pub(crate) fn say(&self, message: &Message<'_>, payload: &[u8]) {
        self.say_bytes(&framed(message, payload));
    }

    /// Says the bytes, waiting while there is no room; a connection that has ended takes none.
    pub(crate) fn say_bytes(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.end.write(&[IoSlice::new(bytes)]) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.end.wait(Readiness::WRITABLE, None).unwrap();
                }
                Err(_) => return,
            }
        }
    }

    /// The next message, as `understand` puts it; `None` at the end.
    pub(crate) fn hear<T>(&mut self, understand: impl FnOnce(Message<'_>, &[u8]) -> T) -> Option<T> {
        self.hear_until(None, understand)
    }

    /// Whether nothing has come that is not heard yet.
    pub(crate) fn hears_nothing(&mut self) -> bool {
        self.hear_until(Some(sync::now()), |_, _| ()).is_none()
    }

    fn hear_until<T>(
        &mut self,
        deadline: Option<Instant>,
        understand: impl FnOnce(Message<'_>, &[u8]) -> T,
    ) -> Option<T> {
        let mut frame = Frame::default();
        loop {
            if !self.greeted
                && let Some((_, length)) = Preface::decode(self.inbound.arrived()).unwrap()
            {
                self.inbound.consume(length);
                self.greeted = true;
            }
            if self.greeted && self.inbound.next(FRAME_CEILING, &mut frame).unwrap() {
                let (message, payload) = wire::decode(frame.content()).unwrap();
                return Some(understand(message, payload));
            }
            if !matches!(self.end.read(self.inbound.room(), deadline), Ok(1..)) {
                return None;
            }
        }
    }

    /// Says no more, or hears no more either.
    pub(crate) fn end(&self, how: Shutdown) {
        self.end.shutdown(how);
    }
}

pub(crate) fn framed(message: &Message<'_>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let start = begin_frame(message, &mut bytes).unwrap();
    end_frame(&mut bytes, start, payload.len(), u32::MAX).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}
