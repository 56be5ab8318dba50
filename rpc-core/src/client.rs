//! The calling side: [`Client`] finds the server of each procedure, keeps one connection to it, and calls.

mod attendant;
mod calls;
mod connection;
mod link;
mod options;
mod pending;
mod reader;
mod silence;
mod streams;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::calls::Answer;
use self::connection::Departure;
use self::link::Link;
use self::options::{Attempts, Options, Patience};
pub use self::pending::Pending;
use self::pending::{Flight, decode};
use crate::codec;
use crate::context::Context;
use crate::limits::Limits;
use crate::resolve::{Endpoint, Endpoints, Fixed, Resolve, Weighted};
use crate::service::Procedure;
use crate::status::{Code, Status};
use crate::stream::Legs;
use crate::transport::Way;
use crate::wire::CallHeader;

/// Calls procedures; cheap to clone, and any number of threads may share one.
///
/// Every call has a deadline, 30 s unless told otherwise, that covers finding the server, connecting, queueing, sending,
/// waiting and decoding. Connections are made when first needed, one a server, and again after a loss; a call that
/// certainly did not run is tried once more, and so is one that was lost if its trait marks it `#[idempotent]`. Usually a
/// client is wrapped by the `…Client` that [`#[service]`](macro@crate::service) writes.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    options: Arc<Options>,
}

struct Core {
    resolve: Arc<dyn Resolve>,
    /// Leads to the one server of a client that has no address for it.
    way: Option<Way>,
    limits: Limits,
    links: Mutex<HashMap<Endpoint, Arc<Link>>>,
}

/// Ways to different servers that one client remembers; the oldest unused go first when there are more.
const LINKS: usize = 64;

/// An argument buffer that has grown past this is given back after use: 64 KiB.
const KEPT: usize = 64 << 10;

thread_local! {
    /// Arguments are encoded here before anything is locked; the memory is used again.
    static ARGUMENTS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Client {
    /// A client of one server, `HOST:PORT` or `unix:/PATH`. It connects at the first call; an address that is none fails the calls.
    pub fn connect(address: impl AsRef<str>) -> Client {
        Client::connect_any([address])
    }

    /// A client of several servers that do the same, each `HOST:PORT` or `unix:/PATH`.
    pub fn connect_any(addresses: impl IntoIterator<Item = impl AsRef<str>>) -> Client {
        Client::resolving(Arc::new(Fixed::parsed(addresses)))
    }

    /// A client that asks `resolve` where each procedure is.
    pub fn resolving(resolve: Arc<dyn Resolve>) -> Client {
        Client::with_core(resolve, None)
    }

    /// A client without an address: of a connected socket's peer (`Client::over(stream)`), which is its server, or of a
    /// server of this process (`Client::over(&server)`), to which it connects in memory.
    ///
    /// A client over a socket has this one connection; when it has ended, every call fails with the cause. A client of a
    /// server connects as often as needed, and does not keep it alive.
    pub fn over(way: impl Into<Way>) -> Client {
        let way = way.into();
        Client::with_core(Arc::new(Endpoints::from(Endpoint::unnamed(way.name()))), Some(way))
    }

    fn with_core(resolve: Arc<dyn Resolve>, way: Option<Way>) -> Client {
        let core = Core { resolve, way, limits: Limits::default(), links: Mutex::default() };
        Client { core: Arc::new(core), options: Arc::default() }
    }

    /// A client of the same servers with connections of its own, under these limits. Of them a client knows `frame`,
    /// `queued_bytes`, `frame_time`, `write_stall`, `keepalive` and `pong_time`. A passed-in socket belongs to the first of them that calls.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Client {
        let (resolve, way) = (self.core.resolve.clone(), self.core.way.clone());
        let core = Core { resolve, way, limits, links: Mutex::default() };
        Client { core: Arc::new(core), options: self.options.clone() }
    }

    /// The same client, giving its calls this long; capped at a year. It is also the time of their streams.
    #[must_use]
    pub fn with_deadline(&self, time: Duration) -> Client {
        self.with_options(|options| options.time = Some(time))
    }

    /// The same client, sending this pair beside the arguments; a pair of the same key is replaced. A pair that breaks a
    /// limit of [`Metadata`](crate::Metadata) fails every call with `InvalidArgument`.
    #[must_use]
    pub fn with_metadata(&self, key: &str, value: impl Into<Vec<u8>>) -> Client {
        self.with_options(|options| {
            if let Ok(metadata) = &mut options.metadata
                && let Err(error) = metadata.replace(key, value)
            {
                options.metadata = Err(error);
            }
        })
    }

    /// The same client, whose calls wait for a server that cannot be reached, or is not known yet, until their deadline.
    /// Only calls that certainly did not run are tried again, with jittered pauses of at most 2 s.
    /// Over a passed-in socket there is no server to wait for, and this changes nothing.
    #[must_use]
    pub fn wait_for_ready(&self) -> Client {
        if self.core.way.as_ref().is_some_and(Way::is_single) {
            return self.clone();
        }
        self.with_options(|options| options.patience = Patience::UntilDeadline)
    }

    fn with_options(&self, change: impl FnOnce(&mut Options)) -> Client {
        let mut options = Options::clone(&self.options);
        change(&mut options);
        Client { core: self.core.clone(), options: Arc::new(options) }
    }

    /// Calls `procedure` and waits for its answer.
    ///
    /// # Errors
    /// The procedure's own error, or a [`Status`] as one.
    pub fn call<A, T, E>(&self, procedure: &'static Procedure, arguments: &A) -> Result<T, E>
    where
        A: Serialize,
        T: DeserializeOwned,
        E: From<Status> + DeserializeOwned,
    {
        let deadline = self.options.deadline();
        let attempts = Attempts::new(self.options.patience, procedure.repetition, deadline);
        let answer = attempts.make(|| {
            let flight = self.send(procedure.name, arguments, deadline, Departure::WithItsCaller, None)?;
            match flight.wait() {
                Answer::Status(failure) => Err(self.note(failure, procedure.name, flight.endpoint())),
                answer => Ok(answer),
            }
        });
        decode(answer?)
    }

    /// Starts calling `procedure`; its frame leaves with others of this thread, within a millisecond. Once it has left it
    /// is not tried again.
    pub fn start<A, T, E>(&self, procedure: &'static Procedure, arguments: &A) -> Pending<T, E>
    where
        A: Serialize,
        T: DeserializeOwned,
        E: From<Status> + DeserializeOwned,
    {
        let deadline = self.options.deadline();
        let attempts = Attempts::new(self.options.patience, procedure.repetition, deadline);
        Pending::new(attempts.make(|| self.send(procedure.name, arguments, deadline, Departure::Soon, None)))
    }

    /// Finds the server and queues the call.
    fn send<A: Serialize>(
        &self,
        procedure: &'static str,
        arguments: &A,
        deadline: Instant,
        departure: Departure,
        legs: Option<Legs>,
    ) -> Result<Flight, Status> {
        Context::check_current().map_err(Status::not_run)?;
        let metadata = self.options.metadata()?;
        // A stream without an end does not look for its server without one.
        let reached_by = deadline.min(self.options.deadline());
        let endpoints = self.core.resolve.resolve(procedure, reached_by)?;
        let Some(Weighted { endpoint, .. }) = endpoints.iter().next() else {
            return Err(Status::not_found(format!("nobody serves {procedure}")).not_run());
        };
        let link = self.core.link(endpoint);
        let sent = link.connection(reached_by).and_then(|connection| {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return Err(Status::deadline_exceeded(format!("{procedure} had no time left")).not_run());
            }
            let endless = legs.is_some() && self.options.stream_deadline().is_none();
            let remaining_ms = (!endless).then(|| CallHeader::milliseconds(remaining));
            let header = CallHeader { id: 0, procedure, remaining_ms, encoding: 0, metadata };
            let id = with_encoded(arguments, |payload| {
                connection.start(header, payload, deadline, departure, legs)
            })?;
            Ok(Flight { connection, id, procedure, deadline })
        });
        sent.map_err(|failure| self.note(failure, procedure, endpoint))
    }

    /// Tells the resolver of a server that is gone or does not have the procedure.
    fn note(&self, failure: Status, procedure: &str, endpoint: &Endpoint) -> Status {
        if matches!(failure.code(), Code::Unavailable | Code::Unimplemented) {
            self.core.resolve.reject(procedure, endpoint, &failure);
        }
        failure
    }
}

/// Encodes outside any lock, into memory that is used again; arguments that call back into a client get their own.
fn with_encoded<A: Serialize, T>(
    arguments: &A,
    body: impl FnOnce(&mut Vec<u8>) -> Result<T, Status>,
) -> Result<T, Status> {
    let mut payload = ARGUMENTS.take();
    payload.clear();
    let encoded = codec::encode(arguments, &mut payload)
        .map_err(|error| Status::invalid_argument(format!("the arguments do not encode: {error}")).not_run());
    let result = encoded.and_then(|()| body(&mut payload));
    if payload.capacity() <= KEPT {
        ARGUMENTS.set(payload);
    }
    result
}

impl Core {
    fn link(&self, endpoint: &Endpoint) -> Arc<Link> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(endpoint) {
            return link.clone();
        }
        if links.len() >= LINKS {
            links.retain(|_, link| Arc::strong_count(link) > 1);
        }
        let link = Arc::new(Link::new(endpoint.clone(), self.way.clone(), self.limits.clone()));
        links.insert(endpoint.clone(), link.clone());
        link
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}
