//! The calling side: [`Client`] finds the server of each procedure, keeps one connection to it, and calls.

mod attempts;
mod attendant;
mod budget;
mod calls;
mod choice;
mod connection;
mod core;
mod directory;
mod group;
mod link;
#[cfg(all(test, shuttle))]
mod models;
mod options;
mod pending;
mod reader;
mod silence;
mod standing;
mod streams;

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::attempts::{Attempts, Trail};
use self::calls::Answer;
pub use self::choice::Choice;
use self::connection::Departure;
use self::core::Core;
use self::options::{Options, Readiness};
pub use self::pending::Pending;
use self::pending::{Flight, decode};
use crate::codec;
use crate::context::Context;
use crate::limits::Limits;
use crate::resolve::{Endpoint, Endpoints, Fixed, Resolve};
use crate::service::Procedure;
use crate::status::Status;
use crate::stream::Legs;
use crate::transport::Way;
use crate::wire::CallHeader;

/// Calls procedures; cheap to clone, and any number of threads may share one.
///
/// Every call has a deadline, 30 s unless told otherwise, that covers finding a server, connecting, queueing, sending,
/// waiting, decoding and every attempt. Connections are made when first needed, one a server, and again after a loss.
/// Of several servers each call goes to one ([`Choice`]); one that fails is set aside while others serve.
///
/// A call that certainly did not run is tried at each server once. One that may have run is only tried again if its trait
/// marks it `#[idempotent]`, at most [`ATTEMPTS`](crate::limits::ATTEMPTS) times in all and as long as most calls of this
/// client and its clones succeed ([`RETRY_TOKENS`](crate::limits::RETRY_TOKENS)). Usually a client is wrapped by the
/// `…Client` that [`#[service]`](macro@crate::service) writes.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    options: Arc<Options>,
}

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
        Client { core: Arc::new(Core::new(resolve, way, Limits::default())), options: Arc::default() }
    }

    /// A client of the same servers with connections of its own, under these limits. Of them a client knows `frame`,
    /// `stream_credit`, `stream_bytes`, `queued_bytes`, `frame_time`, `write_stall`, `keepalive` and `pong_time`. A
    /// passed-in socket belongs to the first of them that calls.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Client {
        Client { core: Arc::new(self.core.with_limits(limits)), options: self.options.clone() }
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
        if self.core.is_single() {
            return self.clone();
        }
        self.with_options(|options| options.readiness = Readiness::Awaited)
    }

    /// The same client, choosing so among the endpoints of a procedure. [`Choice::LeastBusy`] unless told otherwise; of
    /// one endpoint there is no choice.
    #[must_use]
    pub fn with_choice(&self, choice: Choice) -> Client {
        self.with_options(|options| options.choice = choice)
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
        let answer = self.attempts(procedure, deadline).make(|trail| {
            let flight =
                self.send(procedure.name, arguments, deadline, Departure::WithItsCaller, None, trail)?;
            match flight.wait() {
                Answer::Status(failure) => Err(self.failed_at(&flight, failure, trail)),
                answer => {
                    self.core.note_answer(&flight.link);
                    Ok(answer)
                }
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
        Pending::new(
            self.attempts(procedure, deadline)
                .make(|trail| self.send(procedure.name, arguments, deadline, Departure::Soon, None, trail)),
        )
    }

    fn attempts(&self, procedure: &'static Procedure, deadline: Instant) -> Attempts<'_> {
        Attempts::new(&self.core, procedure, self.options.readiness, deadline)
    }

    /// Finds a server and queues the call.
    fn send<A: Serialize>(
        &self,
        procedure: &'static str,
        arguments: &A,
        deadline: Instant,
        departure: Departure,
        legs: Option<Legs>,
        trail: &mut Trail,
    ) -> Result<Flight, Status> {
        Context::check_current().map_err(Status::not_run)?;
        let metadata = self.options.metadata()?;
        // A stream without an end does not look for its server without one.
        let reached_by = deadline.min(self.options.deadline());
        let (link, connection) = self.core.reach(procedure, self.options.choice, reached_by, trail)?;
        let begun = Instant::now();
        let remaining = deadline.saturating_duration_since(begun);
        if remaining.is_zero() {
            return Err(Status::deadline_exceeded(format!("{procedure} had no time left")).not_run());
        }
        let endless = legs.is_some() && self.options.stream_deadline().is_none();
        let remaining_ms = (!endless).then(|| CallHeader::milliseconds(remaining));
        let header = CallHeader { id: 0, procedure, remaining_ms, encoding: 0, metadata };
        let sent =
            with_encoded(arguments, |payload| connection.start(header, payload, deadline, departure, legs));
        match sent {
            Ok(id) => Ok(Flight { connection, id, procedure, deadline, link, begun }),
            Err(failure) => {
                self.core.note_failure(procedure, link.link(), begun, &failure, trail);
                Err(failure)
            }
        }
    }

    fn failed_at(&self, flight: &Flight, failure: Status, trail: &mut Trail) -> Status {
        self.core.note_failure(flight.procedure, flight.link.link(), flight.begun, &failure, trail);
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}
