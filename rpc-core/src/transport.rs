//! What a connection needs of the thing below it: bytes both ways, with an end to every wait.

mod dial;
mod identity;
mod listener;
mod security;
mod socket;
#[cfg(feature = "tls")]
mod tls;
mod unix;
mod waiter;
mod wake;
mod way;

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use dial::Wanted;
pub use identity::PeerIdentity;
pub(crate) use listener::BACKLOG;
pub use listener::Listener;
pub(crate) use security::{ClientSecurity, ServerSecurity};
pub use socket::Socket;
#[cfg(feature = "tls")]
pub use tls::{ClientTls, ServerTls, TlsError, TlsVersion};
pub(crate) use waiter::{Waiter, listen, wake_all};
pub(crate) use wake::{Wake, Waker, poll_until};
pub use way::Way;

/// One connection's bytes, shared by the threads that read and write it.
///
/// At most one thread reads and one writes at a time; what they do never waits for each other.
pub(crate) trait Transport: AsFd + fmt::Debug + Send + Sync + 'static {
    /// Agrees with a client on what protects the bytes, if anything does, until `deadline`. A server's connection is
    /// established before it is read; what is written to it before leaves behind that.
    fn establish(&self, deadline: Option<Instant>) -> io::Result<()> {
        let _ = deadline;
        Ok(())
    }

    /// Appends what has arrived to `into`, about as much as that has spare capacity; waits until `deadline` for the first
    /// byte. Zero bytes: the peer has ended its side.
    fn read(&self, into: &mut Vec<u8>, deadline: Option<Instant>) -> io::Result<usize>;

    /// As [`read`](Transport::read), of what is here already; `WouldBlock` if that is nothing.
    fn try_read(&self, into: &mut Vec<u8>) -> io::Result<usize> {
        let nothing = |error: io::Error| match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::TimedOut, None) => io::ErrorKind::WouldBlock.into(),
            _ => error,
        };
        self.read(into, Some(Instant::now())).map_err(nothing)
    }

    /// As [`read`](Transport::read), and `Interrupted` when `wake` was woken before something had come.
    fn read_or_wake(&self, into: &mut Vec<u8>, deadline: Option<Instant>, wake: &Wake) -> io::Result<usize>;

    /// Sends as much as goes without waiting; `WouldBlock` if that is nothing. After either the next write begins with the
    /// first byte that was not sent, whose record may be under way.
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Waits until one of the wanted directions can go on, the connection is broken, or `deadline`.
    fn wait(&self, wanted: Readiness, deadline: Option<Instant>) -> io::Result<Readiness>;

    /// Ends a direction; threads waiting on it return.
    fn shutdown(&self, how: std::net::Shutdown);

    fn peer(&self) -> Option<SocketAddr>;

    fn local(&self) -> Option<SocketAddr>;

    /// Who the peer is, where it has proved that.
    fn identity(&self) -> Option<Arc<PeerIdentity>> {
        None
    }
}

/// Directions in which a transport can go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// Reset, or closed both ways: nothing can be sent any more.
    pub(crate) broken: bool,
}

impl Readiness {
    /// Nothing but the end of the connection.
    pub(crate) const BROKEN: Readiness = Readiness { readable: false, writable: false, broken: true };
    pub(crate) const READABLE: Readiness = Readiness { readable: true, writable: false, broken: false };
    pub(crate) const WRITABLE: Readiness = Readiness { readable: false, writable: true, broken: false };
    pub(crate) const EITHER: Readiness = Readiness { readable: true, writable: true, broken: false };
}
