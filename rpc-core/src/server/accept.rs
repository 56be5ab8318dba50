//! Takes new connections off the listening socket; it survives every error of the machine.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::door::Door;
use crate::transport::{BACKLOG, Listener, Socket, Wake, poll_until};

pub(super) struct Acceptor {
    pub(super) door: Arc<Door>,
    /// None for a server in memory: then there is only who was turned away to be looked after.
    pub(super) listener: Option<Listener>,
    pub(super) wake: Wake,
}

/// After an error of the machine (no descriptor, no memory), this long nothing is accepted.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

impl Acceptor {
    /// Accepts until the server closes.
    pub(super) fn accept_all(self) {
        while !self.door.is_closed() {
            let until = self.door.let_go();
            match self.next(until) {
                Ok(Some(socket)) => self.welcome(socket),
                Ok(None) => self.wake.clear(),
                Err(error) if is_passing(&error) => {}
                Err(error) => self.pause(&error),
            }
        }
        self.turn_away();
    }

    /// Who still waits to be accepted is told goodbye: the end of the listening socket would reset him, and then his calls
    /// may have run for all he knows.
    fn turn_away(&self) {
        for _ in 0..BACKLOG {
            match self.listener.as_ref().map(Listener::accept_at_once) {
                Some(Ok(socket)) => self.door.turn_away(socket),
                Some(Err(error)) if error.kind() != io::ErrorKind::WouldBlock && is_passing(&error) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    fn next(&self, until: Option<Instant>) -> io::Result<Option<Socket>> {
        match &self.listener {
            Some(listener) => listener.accept(&self.wake, until),
            None => self.rest(until).map(|()| None),
        }
    }

    fn welcome(&self, socket: Socket) {
        match self.door.enter(socket) {
            // It was told, and that was logged.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => {}
            Err(error) => tracing::debug!(%error, "a connection was gone before it was served"),
        }
    }

    fn pause(&self, error: &io::Error) {
        if self.door.is_news(error.kind()) {
            tracing::warn!(%error, "no connection can be accepted now; trying again");
        }
        self.rest(Some(Instant::now() + EXHAUSTED_PAUSE)).ok();
    }

    /// Waits until it is woken, or `until`.
    fn rest(&self, until: Option<Instant>) -> io::Result<()> {
        let mut polled = [PollFd::new(&self.wake, PollFlags::IN)];
        poll_until(&mut polled, until).map(|_| ())
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
