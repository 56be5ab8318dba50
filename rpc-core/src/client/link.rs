//! The way to one server: connected when first needed, and again after a loss.
//!
//! Many threads may ask at once; one of them connects, the others wait for it within their own deadlines. No lock is held
//! while connecting.

use std::io;
use std::net::ToSocketAddrs;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::connection::Connection;
use super::standing::Standing;
use crate::context::{Alarm, Context};
use crate::limits::{CONNECT_TIME, Limits};
use crate::resolve::Endpoint;
use crate::status::Status;
use crate::transport::{ClientSecurity, Socket, Transport, Waiter, Wanted, Way, wake_all};

#[derive(Debug)]
pub(super) struct Link {
    endpoint: Endpoint,
    approach: Approach,
    limits: Limits,
    state: Mutex<State>,
    /// Threads that wait while another connects.
    waiting: Mutex<Vec<Waiter>>,
    standing: Standing,
    /// Calls in flight, and those that wait for the connection.
    load: AtomicU64,
}

/// How a client's links get to their servers.
#[derive(Clone, Debug)]
pub(super) struct Approach {
    /// Taken instead of connecting to the endpoint, which is then a name only.
    pub(super) way: Option<Way>,
    pub(super) security: ClientSecurity,
}

impl From<Option<Way>> for Approach {
    fn from(way: Option<Way>) -> Approach {
        Approach { way, security: ClientSecurity::default() }
    }
}

impl Approach {
    /// Whether there is one connection, and never another.
    pub(super) fn is_single(&self) -> bool {
        self.way.as_ref().is_some_and(Way::is_single)
    }
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting,
    Connected(Arc<Connection>),
    /// The one connection that there could be was not to be had.
    Failed(Status),
}

/// A link that one more call uses, until this is dropped.
#[derive(Debug)]
pub(super) struct Loaded(Arc<Link>);

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until the call's own end at the latest.
    pub(super) deadline: Instant,
    /// The part of that which this link is given.
    pub(super) until: Instant,
}

impl Link {
    pub(super) fn new(endpoint: Endpoint, approach: Approach, limits: Limits) -> Link {
        Link {
            endpoint,
            approach,
            limits,
            state: Mutex::new(State::Idle),
            waiting: Mutex::default(),
            standing: Standing::default(),
            load: AtomicU64::new(0),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(super) fn load(&self) -> u64 {
        self.load.load(Ordering::Relaxed)
    }

    /// The connection if there is one that takes calls `now`; never waits.
    pub(super) fn at_hand(&self, now: Instant) -> Option<Arc<Connection>> {
        let held = match &*self.lock() {
            State::Connected(connection) => Some(connection.clone()),
            State::Idle | State::Connecting | State::Failed(_) => None,
        };
        let usable = held.filter(|connection| self.is_usable(connection, now));
        if usable.is_none() && self.standing.is_live() {
            self.standing.rest();
        }
        usable
    }

    /// A connection that takes calls, made if there is none.
    pub(super) fn connection(&self, patience: Patience) -> Result<Arc<Connection>, Status> {
        let mut state = self.lock();
        loop {
            match &*state {
                State::Connected(connection) => {
                    let connection = connection.clone();
                    drop(state);
                    if self.is_usable(&connection, Instant::now()) {
                        return Ok(connection);
                    }
                    if self.approach.is_single() {
                        return Err(self.over(&connection));
                    }
                    state = self.lock();
                }
                State::Failed(cause) => return Err(cause.clone()),
                State::Idle => {
                    *state = State::Connecting;
                    drop(state);
                    return self.connect(patience);
                }
                State::Connecting => {
                    let alarm = Alarm::set();
                    self.waiting().push(Waiter::current());
                    drop(state);
                    let left = patience.until.saturating_duration_since(Instant::now());
                    if left.is_zero() || alarm.has_rung() {
                        return Err(self.too_late(patience));
                    }
                    thread::park_timeout(left);
                    state = self.lock();
                }
            }
        }
    }

    /// Connects, unless somebody has, and waits until the server greets: one that takes connections and closes them, or
    /// says nothing, does not serve.
    pub(super) fn probe(&self) -> Result<(), Status> {
        let until = Instant::now() + CONNECT_TIME;
        let connected = self.connection(Patience { deadline: until, until });
        let greeted = connected.and_then(|connection| connection.greeting(until));
        let now = Instant::now();
        match greeted {
            Ok(_) => self.standing.rise(now),
            Err(_) => self.standing.fail(now, now),
        }
        self.standing.end_probe();
        greeted.map(drop)
    }

    /// Lets the connection go; it closes when the last call on it is over.
    pub(super) fn let_go(&self) {
        let former = {
            let mut state = self.lock();
            if !matches!(&*state, State::Connected(_)) {
                return;
            }
            self.standing.rest();
            std::mem::replace(&mut *state, State::Idle)
        };
        drop(former);
    }

    /// Whether a connection takes calls; one that does not is forgotten, unless there can be no other.
    fn is_usable(&self, connection: &Arc<Connection>, now: Instant) -> bool {
        let usable = connection.takes_calls(now);
        if !usable && !self.approach.is_single() {
            let mut state = self.lock();
            if matches!(&*state, State::Connected(held) if Arc::ptr_eq(held, connection)) {
                *state = State::Idle;
            }
        }
        usable
    }

    fn connect(&self, patience: Patience) -> Result<Arc<Connection>, Status> {
        /// Leaves the link idle if connecting fails, or panics.
        struct Outcome<'a>(&'a Link, State);
        impl Drop for Outcome<'_> {
            fn drop(&mut self) {
                *self.0.lock() = std::mem::replace(&mut self.1, State::Idle);
                wake_all(&std::mem::take(&mut *self.0.waiting()));
            }
        }
        let mut outcome = Outcome(self, State::Idle);
        let transport = self.reach(patience).inspect_err(|failure| {
            if self.approach.is_single() {
                outcome.1 = State::Failed(failure.clone());
            }
        })?;
        let connection = Connection::new(self.endpoint.clone(), transport, self.limits.clone());
        outcome.1 = State::Connected(connection.clone());
        Ok(connection)
    }

    fn reach(&self, patience: Patience) -> Result<Arc<dyn Transport>, Status> {
        let alarm = Alarm::set();
        let has_rung = || alarm.has_rung();
        let is_over = alarm.is_set().then_some(&has_rung as &dyn Fn() -> bool);
        let wanted = || Wanted { until: patience.until.min(Instant::now() + CONNECT_TIME), is_over };
        let socket = match (&self.approach.way, self.endpoint.path()) {
            (Some(way), _) => way.connect().map_err(|error| self.unreachable(&error, patience))?,
            (None, Some(path)) => {
                Socket::connect_unix(path, wanted()).map_err(|error| self.unreachable(&error, patience))?
            }
            (None, None) => self.reach_host(patience, wanted)?,
        };
        let secured = self.approach.security.secure(socket, self.endpoint.host(), wanted());
        secured.map_err(|error| self.unreachable(&error, patience))
    }

    /// The first of the host's addresses that takes a connection.
    fn reach_host<'a>(&self, patience: Patience, wanted: impl Fn() -> Wanted<'a>) -> Result<Socket, Status> {
        let addresses = (self.endpoint.host(), self.endpoint.port()).to_socket_addrs();
        let addresses = addresses.map_err(|error| self.unreachable(&error, patience))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            if Instant::now() >= patience.until {
                return Err(self.too_late(patience));
            }
            match Socket::connect(address, wanted()) {
                Ok(transport) => return Ok(transport),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    return Err(self.too_late(patience));
                }
                Err(error) => last = error,
            }
        }
        Err(self.unreachable(&last, patience))
    }

    fn unreachable(&self, error: &io::Error, patience: Patience) -> Status {
        if error.kind() == io::ErrorKind::Interrupted {
            return self.too_late(patience);
        }
        Status::unavailable(format!("cannot connect to {}: {error}", self.endpoint)).not_run()
    }

    fn too_late(&self, patience: Patience) -> Status {
        if patience.until < patience.deadline && Context::check_current().is_ok() {
            let message =
                format!("{} could not be connected to in the time for one of several", self.endpoint);
            return Status::unavailable(message).not_run();
        }
        let message = format!("the call's time passed while connecting to {}", self.endpoint);
        Context::wait_ended(message).not_run()
    }

    fn over(&self, connection: &Connection) -> Status {
        let ended = connection.ended();
        ended.unwrap_or_else(|| Status::unavailable(format!("{} is not connected", self.endpoint))).not_run()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    pub(super) fn new(link: Arc<Link>) -> Loaded {
        link.load.fetch_add(1, Ordering::Relaxed);
        Loaded(link)
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.0
    }
}

impl Deref for Loaded {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.0
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
    }
}
