//! Lets connections in, however they came: accepted, passed in, or made in memory. What is too much is turned away in
//! words, without waiting for it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::connection::Connection;
use super::metrics::Unserved;
use super::shared::{Entry, Shared};
use crate::limits::{IDLE_LINGER, LINGER};
use crate::status::Status;
use crate::transport::{ServerSecurity, Socket, Transport, Waker};
use crate::wire;

pub(super) struct Door {
    shared: Arc<Shared>,
    security: ServerSecurity,
    closed: AtomicBool,
    acceptor: Waker,
    refused: Mutex<Refused>,
}

#[derive(Default)]
struct Refused {
    /// Turned away, and kept until they have read why.
    lingering: VecDeque<(Arc<dyn Transport>, Instant)>,
    /// The last complaint of the machine, so that it is logged once and not in a loop.
    complaint: Option<io::ErrorKind>,
}

/// Connections turned away that are waited for at the same time; the oldest go first when there are more. Their
/// descriptors come out of those that [`Capacity`](super::capacity::Capacity) keeps free.
const REFUSED: usize = 32;

impl Door {
    pub(super) fn new(shared: Arc<Shared>, security: ServerSecurity, acceptor: Waker) -> Door {
        Door { shared, security, closed: AtomicBool::new(false), acceptor, refused: Mutex::default() }
    }

    /// From now on nobody is let in, and the acceptor ends.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.acceptor.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Serves one more connection. When there is no place or thread for it, its peer is told, and the error is
    /// `QuotaExceeded`; any other error is the machine's.
    pub(super) fn enter(&self, socket: Socket) -> io::Result<()> {
        let transport = self.security.secure(socket.prepared()?)?;
        let limit = self.shared.connection_limit;
        let full = format!("the server holds {limit} connections, which is its limit");
        let connection = Arc::new(Connection::new(self.shared.clone(), transport.clone()));
        match self.shared.enter(&connection) {
            Entry::Free => {}
            Entry::InsteadOf(stranger) => {
                stranger.say_goodbye(&Status::resource_exhausted(&*full).not_run());
                stranger.close("it said nothing and its place was needed");
            }
            Entry::Full => return Err(self.refuse(transport, Unserved::Full, full)),
        }
        if self.is_closed() {
            // A shutdown may have been through the list before this connection was on it.
            connection.say_goodbye(&leaving());
            connection.close("the server is shut down");
            return Err(shut_down());
        }
        connection.spawn(Connection::serve).map_err(|error| {
            self.shared.leave(connection.id());
            let why = format!("the server has no thread for one more connection: {error}");
            self.refuse(transport, Unserved::NoThread, why)
        })?;
        self.shared.events.admit();
        self.lock().complaint = None;
        Ok(())
    }

    /// As [`enter`](Door::enter), on a thread that is not the acceptor's.
    pub(super) fn adopt(&self, socket: Socket) -> io::Result<()> {
        self.enter(socket).inspect_err(|_| self.acceptor.wake())
    }

    /// The other end of a new connection in memory. One that finds no place is told so over it.
    pub(super) fn dial(&self) -> io::Result<Socket> {
        if self.is_closed() {
            return Err(shut_down());
        }
        let (near, far) = UnixStream::pair()?;
        match self.adopt(near.into()) {
            Err(error) if error.kind() != io::ErrorKind::QuotaExceeded => Err(error),
            _ => Ok(far.into()),
        }
    }

    /// Tells a peer why it is not served, without waiting for it.
    fn refuse(&self, transport: Arc<dyn Transport>, reason: Unserved, why: String) -> io::Error {
        self.shared.events.refuse(reason);
        if self.is_news(io::ErrorKind::QuotaExceeded) {
            tracing::warn!("a connection was refused: {why}");
        }
        self.tell(transport, &Status::resource_exhausted(&*why));
        io::Error::new(io::ErrorKind::QuotaExceeded, why)
    }

    /// Tells a peer that comes while the server closes that it is not served.
    pub(super) fn turn_away(&self, socket: Socket) {
        // A socket that is no use any more has nobody behind it.
        if let Ok(transport) = socket.prepared().and_then(|socket| self.security.secure(socket)) {
            self.shared.events.refuse(Unserved::Closing);
            self.tell(transport, &leaving());
            self.let_go();
        }
    }

    /// Says goodbye to who is not served, and keeps him until he has read it. Under TLS, which would have to be agreed on
    /// first, he learns less: that the server takes no connection now.
    fn tell(&self, transport: Arc<dyn Transport>, why: &Status) {
        // A new socket has room for these bytes; if not, the peer learns less.
        transport.write(&[IoSlice::new(&wire::farewell(why))]).ok();
        transport.shutdown(Shutdown::Write);
        self.lock().lingering.push_back((transport, Instant::now() + LINGER));
    }

    /// Waits until those that were turned away have closed, or their time is over; who says nothing waits for nothing.
    pub(super) fn see_off(&self) {
        let lingering = std::mem::take(&mut self.lock().lingering);
        let mut unread = Vec::with_capacity(4 << 10);
        let brief = Instant::now() + IDLE_LINGER;
        for (transport, until) in lingering {
            let mut patience = brief.min(until);
            while matches!(transport.read(&mut unread, Some(patience)), Ok(1..)) && Instant::now() < until {
                unread.clear();
                patience = until;
            }
        }
    }

    /// Closes refused connections whose time is over; what they sent is read, since closing on unread bytes would reset
    /// the connection and could take the goodbye with it. Says when the next one's time is over.
    pub(super) fn let_go(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut refused = self.lock();
        let over = refused.lingering.iter().take_while(|(_, until)| *until <= now).count();
        let over = over.max(refused.lingering.len().saturating_sub(REFUSED));
        let leaving: Vec<_> = refused.lingering.drain(..over).collect();
        let next = refused.lingering.front().map(|(_, until)| *until);
        drop(refused);
        for (transport, _) in leaving {
            let mut unread = Vec::with_capacity(4096);
            transport.read(&mut unread, Some(now)).ok();
        }
        next
    }

    /// Whether this trouble is another than the last; a connection that is served ends it.
    pub(super) fn is_news(&self, trouble: io::ErrorKind) -> bool {
        self.lock().complaint.replace(trouble) != Some(trouble)
    }

    fn lock(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a peer learns of a server that closes.
pub(super) fn leaving() -> Status {
    Status::unavailable("the server is shutting down").not_run()
}

/// What a client in memory learns of a server that has gone.
pub(super) fn shut_down() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, "it is shut down")
}
