//! The handshake, and peers with which there is none.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Instant;

use rustix::event::PollFlags;

use super::{CHUNK, Tls, identity};
use crate::limits::{DEADLINE_CEILING, LINGER};
use crate::status::Status;
use crate::sync;
use crate::transport::{Transport, Wanted};
use crate::wire;

const LATE: &str = "the TLS handshake was not over in time";

impl Tls {
    /// A server's part: within `deadline`. A client with which there is no handshake is told why, and is waited for as
    /// long as who was said goodbye to, so that it reads that.
    pub(super) fn greet_client(&self, deadline: Option<Instant>) -> io::Result<()> {
        let until = deadline.unwrap_or_else(|| sync::now() + DEADLINE_CEILING);
        let shaken = self.shake_hands(Wanted { until, is_over: None });
        match &shaken {
            Ok(()) => self.note_identity(),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::UnexpectedEof) => {}
            Err(_) => self.see_off(),
        }
        shaken
    }

    /// Makes the handshake.
    pub(super) fn shake_hands(&self, wanted: Wanted<'_>) -> io::Result<()> {
        let mut arrived = Vec::new();
        loop {
            self.push_all(wanted)?;
            if !self.session().is_handshaking() {
                return Ok(());
            }
            // A silent peer has no buffer yet.
            wanted.poll(&self.socket, PollFlags::IN, LATE)?;
            arrived.reserve(CHUNK);
            if self.socket.read(&mut arrived, Some(wanted.until))? == 0 {
                return self.session().end();
            }
            let digested = self.session().digest_early(&arrived);
            arrived.clear();
            if digested.is_err() {
                // Who speaks TLS is told why, if the socket takes it.
                if !wire::is_plain(self.session().beginning()) {
                    self.send_produced();
                }
                return digested;
            }
        }
    }

    /// Sends all that the session has to say.
    fn push_all(&self, wanted: Wanted<'_>) -> io::Result<()> {
        loop {
            let mut sending = self.sending();
            self.session().take_records(&mut sending);
            sending.push(&self.socket)?;
            if sending.is_empty() {
                return Ok(());
            }
            drop(sending);
            wanted.poll(&self.socket, PollFlags::OUT, LATE)?;
        }
    }

    fn note_identity(&self) {
        let session = self.session();
        if let Some(identity) = session.connection().peer_certificates().and_then(identity::of) {
            self.identity.set(Arc::new(identity)).ok();
        }
    }

    /// Answers a client that speaks without TLS in its own way, and waits until any has read what it was told.
    fn see_off(&self) {
        if wire::is_plain(self.session().beginning()) {
            let words = wire::farewell(&Status::unavailable("this server is reached over TLS only"));
            self.socket.write(&[IoSlice::new(&words)]).ok();
        }
        self.socket.shutdown(Shutdown::Write);
        let (until, mut unread) = (sync::now() + LINGER, Vec::with_capacity(CHUNK));
        while sync::now() < until && matches!(self.socket.read(&mut unread, Some(until)), Ok(1..)) {
            unread.clear();
        }
    }
}
