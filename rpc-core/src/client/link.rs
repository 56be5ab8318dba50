//! The way to one server: connected when first needed, and again after a loss.
//!
//! Many threads may ask at once; one of them connects, the others wait for it within their own deadlines. No lock is held
//! while connecting.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::limits::Limits;
use crate::resolve::Endpoint;
use crate::status::Status;
use crate::transport::{Socket, Way};

#[derive(Debug)]
pub(super) struct Link {
    endpoint: Endpoint,
    /// Taken instead of connecting to the endpoint, which is then a name only.
    way: Option<Way>,
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting,
    Connected(Arc<Connection>),
}

/// An address that answers nothing is given up after this, so that the call can ask for another: 5 s.
const CONNECT_TIME: Duration = Duration::from_secs(5);

impl Link {
    pub(super) fn new(endpoint: Endpoint, way: Option<Way>, limits: Limits) -> Link {
        Link { endpoint, way, limits, state: Mutex::new(State::Idle), changed: Condvar::new() }
    }

    /// A connection that takes calls, made if there is none.
    pub(super) fn connection(&self, deadline: Instant) -> Result<Arc<Connection>, Status> {
        let mut state = self.lock();
        loop {
            match &*state {
                State::Connected(connection) => {
                    let connection = connection.clone();
                    drop(state);
                    connection.look();
                    let Some(end) = connection.ended() else { return Ok(connection) };
                    if self.way.as_ref().is_some_and(Way::is_single) {
                        return Err(end.not_run());
                    }
                    state = self.lock();
                    if matches!(&*state, State::Connected(held) if Arc::ptr_eq(held, &connection)) {
                        *state = State::Idle;
                    }
                }
                State::Idle => {
                    *state = State::Connecting;
                    drop(state);
                    return self.connect(deadline);
                }
                State::Connecting => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(self.too_late());
                    }
                    state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn connect(&self, deadline: Instant) -> Result<Arc<Connection>, Status> {
        /// Leaves the link idle if connecting fails, or panics.
        struct Outcome<'a>(&'a Link, State);
        impl Drop for Outcome<'_> {
            fn drop(&mut self) {
                *self.0.lock() = std::mem::replace(&mut self.1, State::Idle);
                self.0.changed.notify_all();
            }
        }
        let mut outcome = Outcome(self, State::Idle);
        let transport = self.reach(deadline)?;
        let connection = Connection::new(self.endpoint.clone(), Arc::new(transport), self.limits.clone());
        outcome.1 = State::Connected(connection.clone());
        Ok(connection)
    }

    fn reach(&self, deadline: Instant) -> Result<Socket, Status> {
        let connected = match (&self.way, self.endpoint.path()) {
            (Some(way), _) => way.connect(),
            (None, Some(path)) => {
                let left = deadline.saturating_duration_since(Instant::now());
                Socket::connect_unix(path, left.min(CONNECT_TIME))
            }
            (None, None) => return self.reach_host(deadline),
        };
        connected.map_err(|error| self.unreachable(&error))
    }

    /// The first of the host's addresses that takes a connection.
    fn reach_host(&self, deadline: Instant) -> Result<Socket, Status> {
        let addresses = (self.endpoint.host(), self.endpoint.port()).to_socket_addrs();
        let addresses = addresses.map_err(|error| self.unreachable(&error))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.too_late());
            }
            match Socket::connect(address, left.min(CONNECT_TIME)) {
                Ok(transport) => return Ok(transport),
                Err(error) => last = error,
            }
        }
        Err(self.unreachable(&last))
    }

    fn unreachable(&self, error: &io::Error) -> Status {
        Status::unavailable(format!("cannot connect to {}: {error}", self.endpoint)).not_run()
    }

    fn too_late(&self) -> Status {
        let message = format!("the call's time passed while connecting to {}", self.endpoint);
        Status::deadline_exceeded(message).not_run()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
