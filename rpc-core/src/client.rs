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
mod hedge;
#[cfg(feature = "json")]
mod json;
mod layered;
mod link;
mod lookout;
#[cfg(all(test, shuttle))]
mod models;
mod options;
mod pending;
mod reader;
mod sending;
mod silence;
mod standing;
mod streams;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::attempts::Attempts;
use self::calls::Answer;
pub use self::choice::Choice;
use self::connection::Departure;
use self::core::Core;
#[cfg(feature = "json")]
pub use self::json::{JsonClient, JsonError};
use self::link::Approach;
use self::options::{Options, Readiness, Span};
pub use self::pending::Pending;
use self::pending::decode;
use self::sending::Dispatch;
use crate::codec::Encoding;
use crate::layer::Layer;
use crate::limits::Limits;
use crate::resolve::{Endpoint, Endpoints, Fixed, Resolve};
use crate::service::{Procedure, Repetition};
use crate::status::Status;
use crate::transport::Way;

/// Calls procedures; cheap to clone, and any number of threads may share one.
///
/// Every call has a deadline, 30 s unless told otherwise, that covers finding a server, connecting, queueing, sending,
/// waiting, decoding and every attempt. Looking a host name up is the machine's (`getaddrinfo`, which waits 5 s a name server
/// and try unless told otherwise) and cannot be ended: where that is too long, give IP addresses. Connections are made when first needed, one a server, and again after a loss.
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
        Client {
            core: Arc::new(Core::new(resolve, Approach::from(way), Limits::default())),
            options: Arc::default(),
        }
    }

    /// A client of the same servers with connections of its own, under these limits. Of them a client knows `frame`,
    /// `stream_credit`, `stream_bytes`, `queued_bytes`, `frame_time`, `spin`, `write_stall`, `keepalive` and `pong_time`. A
    /// passed-in socket belongs to the first of them that calls. A limit that is out of its range fails every call with
    /// `InvalidArgument`.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Client {
        Client { core: Arc::new(self.core.with_limits(limits)), options: self.options.clone() }
    }

    /// A client of the same servers with connections of its own, which it makes over TLS. It covers every server that this
    /// client is led to, not what a resolver asks in its turn.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(&self, tls: crate::transport::ClientTls) -> Client {
        let core = self.core.with_security(crate::transport::ClientSecurity::Tls(tls));
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

    /// The same client, which sends a call of a procedure marked `#[idempotent]` once more if it is not answered after
    /// this time, to another server if there is one. The first answer wins; the other call is cancelled at its server.
    ///
    /// Against the tail: give the time within which 95 of 100 calls are answered. Each hedge costs a token
    /// ([`RETRY_TOKENS`](crate::limits::RETRY_TOKENS)), so that hedges stay a tenth of the calls, and one of the
    /// [`ATTEMPTS`](crate::limits::ATTEMPTS) of its call. Of a client and its clones at most
    /// [`HEDGED_CALLS`](crate::limits::HEDGED_CALLS) are under way twice; others wait for their first answer. Started calls
    /// and streams are not hedged.
    ///
    /// ```
    /// # use {rpc_core::Client, std::time::Duration};
    /// let client = Client::connect_any(["10.0.0.1:4000", "10.0.0.2:4000"]).with_hedging(Duration::from_millis(20));
    /// ```
    #[must_use]
    pub fn with_hedging(&self, after: Duration) -> Client {
        self.with_options(|options| options.hedging = Some(after))
    }

    /// The same client with one more [layer](crate::layer) around its calls: the first that is named is the outermost.
    ///
    /// It stands around each call, not each attempt: repeated and hedged attempts are one call. Around a started call and
    /// around a stream it stands until that has begun; [`Answered::on_end`](crate::layer::Answered::on_end) tells it of the
    /// end.
    ///
    /// ```
    /// # use rpc_core::{Client, layer::{Call, Next}};
    /// let client = Client::connect("10.0.0.1:4000")
    ///     .with_layer(|call: Call, next: Next<'_>| next.run(call.with_metadata("tenant", "blue")?));
    /// ```
    #[must_use]
    pub fn with_layer(&self, layer: impl Layer) -> Client {
        self.with_options(|options| options.layers.push(layer))
    }

    /// The same client, whose arguments, results, errors and items are written so: in bincode unless told otherwise.
    #[must_use]
    pub fn with_encoding(&self, encoding: Encoding) -> Client {
        self.with_options(|options| options.encoding = encoding)
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
        let span = self.options.span();
        let (decoded, _) = self.within_layers(procedure, Some(span.ends), |client, ends| {
            let answer = client.attempt_all(procedure, arguments, self.options.beneath_layers(span, ends))?;
            decode(answer, self.options.encoding)
        })?;
        decoded
    }

    fn attempt_all<A: Serialize>(
        &self,
        procedure: &'static Procedure,
        arguments: &A,
        span: Span,
    ) -> Result<Answer, Status> {
        self.attempts(procedure, span).make(|trail| {
            let dispatch = Dispatch::of_call(span.ends, Departure::WithItsCaller);
            let mut flight = self.send(procedure.name, arguments, dispatch, trail)?;
            match self.options.hedging {
                Some(after) if procedure.repetition == Repetition::Idempotent => {
                    self.await_or_hedge(flight, after, arguments, trail)
                }
                _ => {
                    let answer = flight.wait();
                    self.settle(&flight, answer, trail)
                }
            }
        })
    }

    /// Starts calling `procedure`; its frame leaves with others of this thread, within a millisecond. Once it has left it
    /// is not tried again.
    ///
    /// It waits for its turn, as every call does: where as many are in flight as the server runs at once, and, behind the
    /// first call of a connection, until the server has said how many that is, which takes a round trip.
    pub fn start<A, T, E>(&self, procedure: &'static Procedure, arguments: &A) -> Pending<T, E>
    where
        A: Serialize,
        T: DeserializeOwned,
        E: From<Status> + DeserializeOwned,
    {
        let span = self.options.span();
        Pending::new(self.within_layers(procedure, Some(span.ends), |client, ends| {
            let span = self.options.beneath_layers(span, ends);
            let dispatch = || Dispatch::of_call(span.ends, Departure::Soon);
            client
                .attempts(procedure, span)
                .make(|trail| client.send(procedure.name, arguments, dispatch(), trail))
        }))
    }

    fn attempts(&self, procedure: &'static Procedure, span: Span) -> Attempts<'_> {
        Attempts::new(&self.core, procedure, self.options.readiness, span)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}
