//! One side's state of TLS: bytes of the peer's in, bytes for us and records for the peer out. It sends and receives
//! nothing.

use std::io::{self, BufRead, ErrorKind, IoSlice, Write};

use rustls::Connection;

use super::failure::{Failure, Side};
use super::sending::Sending;

#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    side: Side,
    /// The first bytes of the peer's, by which a stranger is told from a peer.
    beginning: Vec<u8>,
    /// What came for us with the end of the handshake.
    early: Vec<u8>,
    end: Option<End>,
    /// We have said that we send nothing more.
    farewell: Option<Farewell>,
}

/// Why nothing more comes.
#[derive(Debug)]
enum End {
    /// The peer has said so.
    Closed,
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    CloseNotify,
    /// Before the peer had said anything.
    TurnedAway,
}

/// How many first bytes of the peer's are kept.
const BEGINNING: usize = 8;

/// What is encrypted at once, records included: 64 KiB. So much may wait for the socket.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// The alert that a server turns a client away by that has said nothing yet: fatal, `user_canceled`.
const TURNED_AWAY: [u8; 7] = [21, 3, 3, 0, 2, 2, 90];

impl Session {
    pub(super) fn new(connection: impl Into<Connection>, side: Side) -> Session {
        let mut connection = connection.into();
        connection.set_buffer_limit(Some(WRITTEN_AT_ONCE));
        let (beginning, early) = (Vec::with_capacity(BEGINNING), Vec::new());
        Session { connection, side, beginning, early, end: None, farewell: None }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The first bytes that the peer has sent.
    pub(super) fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    /// Whether the peer was turned away before it had said anything; what it says is no matter any more.
    pub(super) fn was_turned_away(&self) -> bool {
        self.farewell == Some(Farewell::TurnedAway)
    }

    /// Whether there is something to tell without receiving.
    pub(super) fn has_news(&self) -> bool {
        !self.early.is_empty() || self.end.is_some()
    }

    /// What there is to tell without receiving: bytes, appended to `into`, or the end.
    pub(super) fn take(&mut self, into: &mut Vec<u8>) -> Option<io::Result<usize>> {
        if self.early.is_empty() {
            return self.end.is_some().then(|| self.end().map(|()| 0));
        }
        let count = self.early.len();
        into.append(&mut std::mem::take(&mut self.early));
        Some(Ok(count))
    }

    /// Takes in what has arrived; what that holds for us is appended to `into`.
    pub(super) fn digest(&mut self, arrived: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
        let missing = BEGINNING.saturating_sub(self.beginning.len());
        self.beginning.extend(arrived.iter().take(missing));
        self.process(arrived, into).inspect_err(|failure| self.end = Some(End::Failed(failure.clone())))?;
        Ok(())
    }

    /// As [`digest`](Session::digest), during the handshake: what is for us is kept.
    pub(super) fn digest_early(&mut self, arrived: &[u8]) -> io::Result<()> {
        let mut early = std::mem::take(&mut self.early);
        let digested = self.digest(arrived, &mut early);
        self.early = early;
        digested
    }

    fn process(&mut self, mut arrived: &[u8], into: &mut Vec<u8>) -> Result<(), Failure> {
        while !arrived.is_empty() && self.end.is_none() {
            // It takes what one record may have, so what it holds for us is taken in between.
            let taken = self.connection.read_tls(&mut arrived);
            let state = self.connection.process_new_packets();
            if let Err(error) = &taken {
                return Err(Failure::refused_input(error));
            }
            let drained = drain(&mut self.connection, into);
            let state = state.map_err(|error| Failure::new(&error, self.side, &self.beginning))?;
            drained.map_err(|error| Failure::refused_input(&error))?;
            if state.peer_has_closed() {
                self.end = Some(End::Closed);
            }
        }
        Ok(())
    }

    /// Nothing more comes from the socket: fine, if the peer has said so before.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match self
            .end
            .get_or_insert_with(|| End::Failed(Failure::cut_off(self.side, self.connection.is_handshaking())))
        {
            End::Closed => Ok(()),
            End::Failed(failure) => Err(failure.clone().into()),
        }
    }

    /// Whether it has something to send.
    pub(super) fn is_talkative(&self) -> bool {
        self.connection.wants_write()
    }

    /// Makes records of as many of these bytes as are taken at once.
    pub(super) fn encrypt(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.connection.writer().write_vectored(parts)
    }

    /// Moves what is to be sent behind what is being sent.
    pub(super) fn take_records(&mut self, sending: &mut Sending) {
        while self.connection.wants_write() {
            // Writing to memory does not fail.
            if !matches!(self.connection.write_tls(sending.records()), Ok(1..)) {
                return;
            }
        }
    }

    /// Says that nothing more comes: at most once, and as the last.
    pub(super) fn say_goodbye(&mut self, sending: &mut Sending) {
        if self.farewell.is_some() {
            return;
        }
        if self.side == Side::Server && self.beginning.is_empty() {
            self.farewell = Some(Farewell::TurnedAway);
            sending.records().extend(TURNED_AWAY);
            return;
        }
        self.farewell = Some(Farewell::CloseNotify);
        self.connection.send_close_notify();
        self.take_records(sending);
    }
}

/// Moves what has been decrypted.
fn drain(connection: &mut Connection, into: &mut Vec<u8>) -> io::Result<()> {
    let mut reader = connection.reader();
    loop {
        let count = match reader.fill_buf() {
            Ok(decrypted) => {
                into.extend_from_slice(decrypted);
                decrypted.len()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if count == 0 {
            return Ok(());
        }
        reader.consume(count);
    }
}
