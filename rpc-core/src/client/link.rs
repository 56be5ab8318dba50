//! The way to one server: connected when first needed, and again after a loss.
//!
//! Many threads may ask at once; one of them connects, the others wait for it within their own deadlines. No lock is held
//! while connecting.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::context::{Alarm, Context};
use crate::limits::Limits;
use crate::resolve::Endpoint;
use crate::status::Status;
use crate::transport::{Socket, Waiter, Wanted, Way, wake_all};

#[derive(Debug)]
pub(super) struct Link {
    endpoint: Endpoint,
    /// Taken instead of connecting to the endpoint, which is then a name only.
    way: Option<Way>,
    limits: Limits,
    state: Mutex<State>,
    /// Threads that wait while another connects.
    waiting: Mutex<Vec<Waiter>>,
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
        Link { endpoint, way, limits, state: Mutex::new(State::Idle), waiting: Mutex::default() }
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
                    let alarm = Alarm::set();
                    self.waiting().push(Waiter::current());
                    drop(state);
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() || alarm.has_rung() {
                        return Err(self.too_late());
                    }
                    thread::park_timeout(left);
                    state = self.lock();
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
                wake_all(&std::mem::take(&mut *self.0.waiting()));
            }
        }
        let mut outcome = Outcome(self, State::Idle);
        let transport = self.reach(deadline)?;
        let connection = Connection::new(self.endpoint.clone(), Arc::new(transport), self.limits.clone());
        outcome.1 = State::Connected(connection.clone());
        Ok(connection)
    }

    fn reach(&self, deadline: Instant) -> Result<Socket, Status> {
        let alarm = Alarm::set();
        let has_rung = || alarm.has_rung();
        let is_over = alarm.is_set().then_some(&has_rung as &dyn Fn() -> bool);
        let wanted = || Wanted { until: deadline.min(Instant::now() + CONNECT_TIME), is_over };
        let connected = match (&self.way, self.endpoint.path()) {
            (Some(way), _) => way.connect(),
            (None, Some(path)) => Socket::connect_unix(path, wanted()),
            (None, None) => return self.reach_host(deadline, wanted),
        };
        connected.map_err(|error| self.unreachable(&error))
    }

    /// The first of the host's addresses that takes a connection.
    fn reach_host<'a>(&self, deadline: Instant, wanted: impl Fn() -> Wanted<'a>) -> Result<Socket, Status> {
        let addresses = (self.endpoint.host(), self.endpoint.port()).to_socket_addrs();
        let addresses = addresses.map_err(|error| self.unreachable(&error))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            if Instant::now() >= deadline {
                return Err(self.too_late());
            }
            match Socket::connect(address, wanted()) {
                Ok(transport) => return Ok(transport),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(self.too_late()),
                Err(error) => last = error,
            }
        }
        Err(self.unreachable(&last))
    }

    fn unreachable(&self, error: &io::Error) -> Status {
        if error.kind() == io::ErrorKind::Interrupted {
            return self.too_late();
        }
        Status::unavailable(format!("cannot connect to {}: {error}", self.endpoint)).not_run()
    }

    fn too_late(&self) -> Status {
        let message = format!("the call's time passed while connecting to {}", self.endpoint);
        Context::wait_ended(message).not_run()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
