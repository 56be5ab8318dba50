//! A connection under TLS: records over a socket.
//!
//! ```text
//!   reader                      session                      writer (one at a time, or the reader)
//!   recv, without a lock ──▶ decrypt, under its lock
//!                            encrypt, under its lock ──▶ records ──▶ send, which never waits
//! ```
//! The session's lock is not held while anything is sent or received. Who sends holds the lock of [`Sending`], so records
//! leave in the order they were made. A read takes all that has come out of the session: what the socket says about being
//! readable is true of the connection.

mod client;
mod config;
mod failure;
mod handshake;
mod identity;
mod pem;
mod sending;
mod server;
mod session;

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

pub use self::client::ClientTls;
pub use self::pem::TlsError;
use self::sending::Sending;
pub use self::server::ServerTls;
use self::session::Session;
use super::{PeerIdentity, Readiness, Socket, Transport, Wake, Wanted};

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// What both sides call this protocol in the handshake (ALPN, RFC 7301). Its version is told in the preface.
const PROTOCOL: &[u8] = b"rpc-core";

/// What is received at once at least, in bytes.
const CHUNK: usize = 4 << 10;

#[derive(Debug)]
pub(crate) struct Tls {
    socket: Socket,
    /// Taken behind that of `sending` where both are needed.
    session: Mutex<Session>,
    sending: Mutex<Sending>,
    /// Known after the handshake.
    identity: OnceLock<Arc<PeerIdentity>>,
}

impl Tls {
    fn over(socket: Socket, session: Session) -> Tls {
        let (session, sending) = (Mutex::new(session), Mutex::default());
        Tls { socket, session, sending, identity: OnceLock::new() }
    }

    /// A connection that has come to a server; its handshake is still to be made.
    pub(super) fn accepted(socket: Socket, server: &ServerTls) -> io::Result<Tls> {
        Ok(Tls::over(socket, server.session()?))
    }

    /// Makes the handshake of a client with the server at `host`.
    pub(super) fn connect(
        socket: Socket,
        client: &ClientTls,
        host: &str,
        wanted: Wanted<'_>,
    ) -> io::Result<Tls> {
        let tls = Tls::over(socket, client.session(host)?);
        tls.shake_hands(wanted)?;
        Ok(tls)
    }

    /// Reads by `receive` until there is something to say, or `deadline`.
    fn read_by(
        &self,
        into: &mut Vec<u8>,
        deadline: Option<Instant>,
        receive: impl Fn(&mut Vec<u8>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.session().was_turned_away() {
            return receive(into);
        }
        let start = into.len();
        loop {
            if let Some(told) = self.session().take(into) {
                return told;
            }
            into.reserve(CHUNK);
            if receive(into)? == 0 {
                return self.session().end().map(|()| 0);
            }
            let arrived = into.split_off(start);
            let digested = self.session().digest(&arrived, into);
            self.send_produced();
            match digested {
                // What came before bytes that are wrong is still told.
                _ if into.len() > start => return Ok(into.len() - start),
                Err(error) => return Err(error),
                // Records may carry nothing for us, however many there are.
                Ok(()) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(()) => {}
            }
        }
    }

    /// Sends what reading has made the session say. A full socket takes it with the next write.
    fn send_produced(&self) {
        if self.session().is_talkative() {
            let mut sending = self.sending();
            self.session().take_records(&mut sending);
            // Whether the connection is broken shows when it is read or written.
            sending.push(&self.socket).ok();
        }
    }

    /// Tells the peer that nothing more comes, as far as the socket takes it.
    fn say_goodbye(&self) {
        let mut sending = self.sending();
        let mut session = self.session();
        session.say_goodbye(&mut sending);
        drop(session);
        sending.push(&self.socket).ok();
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Tls {
    fn establish(&self, deadline: Option<Instant>) -> io::Result<()> {
        self.greet_client(deadline)
    }

    fn read(&self, into: &mut Vec<u8>, deadline: Option<Instant>) -> io::Result<usize> {
        self.read_by(into, deadline, |into| self.socket.read(into, deadline))
    }

    fn read_or_wake(&self, into: &mut Vec<u8>, deadline: Option<Instant>, wake: &Wake) -> io::Result<usize> {
        self.read_by(into, deadline, |into| self.socket.read_or_wake(into, deadline, wake))
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sending = self.sending();
        // If some are owed, these bytes are in records already.
        if !sending.owes() {
            let mut session = self.session();
            let count = session.encrypt(parts)?;
            if session.is_handshaking() {
                // They leave with the end of the handshake.
                return Ok(count);
            }
            session.take_records(&mut sending);
            drop(session);
            sending.owe(count);
        }
        sending.push(&self.socket)?;
        sending.settle()
    }

    fn wait(&self, wanted: Readiness, deadline: Option<Instant>) -> io::Result<Readiness> {
        if wanted.readable && self.session().has_news() {
            return Ok(Readiness::READABLE);
        }
        self.socket.wait(wanted, deadline)
    }

    fn shutdown(&self, how: Shutdown) {
        if how != Shutdown::Read {
            self.say_goodbye();
        }
        self.socket.shutdown(how);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer()
    }

    fn local(&self) -> Option<SocketAddr> {
        self.socket.local()
    }

    fn identity(&self) -> Option<Arc<PeerIdentity>> {
        self.identity.get().cloned()
    }
}

impl AsFd for Tls {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
