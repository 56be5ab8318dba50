//! Takes new connections; it survives every error of the machine, and turns away in words what is too much.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::connection::Connection;
use super::shared::{Entry, Shared};
use crate::connection::Outbound;
use crate::limits::{FRAME_BEFORE_PREFACE, LINGER};
use crate::status::Status;
use crate::transport::{Tcp, TcpAcceptor, Transport, Wake, poll_until};
use crate::wire::{Message, OURS, Preface, Refusal};

pub(super) struct Acceptor {
    pub(super) shared: Arc<Shared>,
    pub(super) listener: TcpAcceptor,
    pub(super) wake: Wake,
    pub(super) closing: Arc<AtomicBool>,
    /// Turned away, and kept until they have read why.
    refused: VecDeque<(Arc<Tcp>, Instant)>,
    /// The last complaint of the machine, so that it is logged once and not in a loop.
    complaint: Option<io::ErrorKind>,
}

/// Connections turned away that are waited for at the same time; the oldest go first when there are more. Their
/// descriptors come out of those that [`Capacity`](super::capacity::Capacity) keeps free.
const REFUSED: usize = 32;

/// After an error of the machine (no descriptor, no memory), this long nothing is accepted.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

impl Acceptor {
    pub(super) fn new(
        shared: Arc<Shared>,
        listener: TcpAcceptor,
        wake: Wake,
        closing: Arc<AtomicBool>,
    ) -> Acceptor {
        Acceptor { shared, listener, wake, closing, refused: VecDeque::new(), complaint: None }
    }

    /// Accepts until the server closes.
    pub(super) fn accept_all(mut self) {
        while !self.closing.load(Ordering::SeqCst) {
            let next = self.refused.front().map(|(_, until)| *until);
            match self.listener.accept(&self.wake, next) {
                Ok(Some(stream)) => self.welcome(stream),
                Ok(None) => self.wake.clear(),
                Err(error) if is_passing(&error) => {}
                Err(error) => self.pause(&error),
            }
            self.let_go();
        }
    }

    fn welcome(&mut self, stream: TcpStream) {
        let transport = match Tcp::new(stream) {
            Ok(transport) => Arc::new(transport),
            Err(error) => return tracing::debug!(%error, "a connection was gone before it was served"),
        };
        let limit = self.shared.connection_limit;
        let full = format!("the server holds {limit} connections, which is its limit");
        let connection = Arc::new(Connection::new(self.shared.clone(), transport.clone()));
        match self.shared.enter(&connection) {
            Entry::Free => {}
            Entry::InsteadOf(stranger) => {
                stranger.say_goodbye(&Status::resource_exhausted(&*full).not_run());
                stranger.close("it said nothing and its place was needed");
            }
            Entry::Full => return self.refuse(transport, &full),
        }
        let served = connection.clone();
        match self.shared.pool.run(move || served.serve()) {
            Ok(()) => self.complaint = None,
            Err(error) => {
                self.shared.leave(connection.id());
                self.refuse(transport, &format!("the server has no thread for one more connection: {error}"));
            }
        }
    }

    /// Tells a peer why it is not served, without waiting for it.
    fn refuse(&mut self, transport: Arc<Tcp>, why: &str) {
        if self.is_news(io::ErrorKind::QuotaExceeded) {
            tracing::warn!("a connection was refused: {why}");
        }
        let outbound = Outbound::new(transport.clone());
        outbound.introduce(&Preface { frame: FRAME_BEFORE_PREFACE, calls: 1, ..OURS });
        let status = Status::resource_exhausted(why).not_run();
        let goodbye = Message::Goodbye { last_accepted: 0, refusal: Refusal::of(&status) };
        if outbound.send(&goodbye, &mut Vec::new(), FRAME_BEFORE_PREFACE).is_ok() {
            // A new socket has room for these bytes; if not, the peer learns less.
            outbound.flush();
        }
        transport.shutdown(Shutdown::Write);
        self.refused.push_back((transport, Instant::now() + LINGER));
    }

    /// Closes refused connections whose time is over; what they sent is read, since closing on unread bytes would reset
    /// the connection and could take the goodbye with it.
    fn let_go(&mut self) {
        let now = Instant::now();
        while self.refused.front().is_some_and(|(_, until)| *until <= now) || self.refused.len() > REFUSED {
            if let Some((transport, _)) = self.refused.pop_front() {
                let mut unread = Vec::with_capacity(4096);
                transport.read(&mut unread, Some(now)).ok();
            }
        }
    }

    /// Whether this trouble is another than the last; a connection that is served ends it.
    fn is_news(&mut self, trouble: io::ErrorKind) -> bool {
        self.complaint.replace(trouble) != Some(trouble)
    }

    fn pause(&mut self, error: &io::Error) {
        if self.is_news(error.kind()) {
            tracing::warn!(%error, "no connection can be accepted now; trying again");
        }
        let mut polled = [PollFd::new(&self.wake, PollFlags::IN)];
        poll_until(&mut polled, Some(Instant::now() + EXHAUSTED_PAUSE)).ok();
    }
}

/// Errors of one connection that was gone before it was accepted.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::WouldBlock | Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted
    )
}
