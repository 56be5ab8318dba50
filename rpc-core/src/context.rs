//! What surrounds a call: its deadline, peer and metadata, and whether anyone still waits for it.
//!
//! Calls run on threads, so the context is a thread's own: [`Context::current`] inside a procedure is that call's. Calls
//! made inside take its deadline as their bound and end with it when it is cancelled. To go on on another thread, carry it
//! with [`Context::scope`]; to finish something whoever waits, leave it with [`Context::background`].

mod cancellation;
mod incoming;
mod values;

use std::any::Any;
use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

pub use self::cancellation::Canceller;
pub(crate) use self::cancellation::{Alarm, Cancellation};
pub(crate) use self::incoming::{Incoming, Spare};
use self::values::Values;
use crate::metadata::{Metadata, MetadataError};
use crate::shares::Origin;
use crate::status::{Code, Status};
use crate::sync::{self, thread};
use crate::transport::PeerIdentity;

/// One call's surroundings; cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Surroundings>);

struct Surroundings {
    procedure: &'static str,
    deadline: Option<Instant>,
    metadata: Carried,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    /// The number of the connection that brought it, at its server.
    connection: Option<u64>,
    identity: Option<Arc<PeerIdentity>>,
    /// `None`: nobody can cancel it.
    cancellation: Option<Arc<Cancellation>>,
    values: Values,
}

/// Metadata is not copied for each context that is made from another.
enum Carried {
    Own(Metadata),
    Of(Context),
}

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

impl Context {
    /// The context of the call that runs on this thread; [`Context::background`] when there is none.
    pub fn current() -> Context {
        CURRENT.with_borrow(Clone::clone).unwrap_or_else(Context::background)
    }

    /// Looks at the current context, if this thread has one.
    pub(crate) fn with_current<T>(look: impl FnOnce(&Context) -> T) -> Option<T> {
        CURRENT.with_borrow(|current| current.as_ref().map(look))
    }

    /// When the call that runs on this thread is over, if it ends.
    pub(crate) fn current_deadline() -> Option<Instant> {
        Context::with_current(Context::deadline).flatten()
    }

    /// A context of no call: no deadline, peer or metadata, never cancelled.
    ///
    /// What must be done whether or not anybody waits for the call runs in it: `Context::background().scope(|| …)`. Calls
    /// made there have their own time, and the call around them does not end them.
    pub fn background() -> Context {
        Context(Arc::new(Surroundings {
            procedure: "",
            deadline: None,
            metadata: Carried::Own(Metadata::new()),
            peer: None,
            local: None,
            connection: None,
            identity: None,
            cancellation: None,
            values: Values::default(),
        }))
    }

    /// A context of no call that is cancelled when the [`Canceller`] is dropped: for a thread of one's own whose calls and
    /// streams somebody else must be able to end.
    pub fn cancellable() -> (Context, Canceller) {
        let cancellation = Arc::<Cancellation>::default();
        let canceller = Canceller(cancellation.clone());
        let cancelled = |surroundings: &mut Surroundings| surroundings.cancellation = Some(cancellation);
        (Context::background().changed(cancelled), canceller)
    }

    /// A context of no call that is over when this is cancelled, and at `deadline`.
    pub(crate) fn ending(deadline: Instant, cancellation: Arc<Cancellation>) -> Context {
        Context::background().changed(|surroundings| {
            surroundings.deadline = Some(deadline);
            surroundings.cancellation = Some(cancellation);
        })
    }

    /// What tells whoever has this context that its call is cancelled.
    pub(crate) fn cancellation(&self) -> Arc<Cancellation> {
        self.0.cancellation.clone().unwrap_or_default()
    }

    /// Of a call that is about to be made from here: what it will carry. It is over when the call around it is.
    pub(crate) fn outgoing(
        procedure: &'static str,
        deadline: Option<Instant>,
        metadata: Metadata,
    ) -> Context {
        let cancellation = Context::with_current(|context| context.0.cancellation.clone()).flatten();
        Context(Arc::new(Surroundings {
            procedure,
            deadline,
            metadata: Carried::Own(metadata),
            peer: None,
            local: None,
            connection: None,
            identity: None,
            cancellation,
            values: Values::default(),
        }))
    }

    /// The same context with one more pair of metadata: how a service is tested in process.
    ///
    /// # Errors
    /// When the pair breaks a limit of [`Metadata`].
    pub fn with_metadata(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<Context, MetadataError> {
        let mut metadata = self.metadata().clone();
        metadata.insert(key, value)?;
        Ok(self.carrying(metadata))
    }

    pub(crate) fn carrying(&self, metadata: Metadata) -> Context {
        self.changed(|surroundings| surroundings.metadata = Carried::Own(metadata))
    }

    /// The same context with this value beside the others: what a [layer](crate::layer) found out about the call, such as
    /// who makes it. Of two values of one type the later one counts.
    ///
    /// ```
    /// # use rpc_core::Context;
    /// #[derive(Debug, PartialEq)]
    /// struct User(String);
    ///
    /// let context = Context::background().with_value(User("ana".to_owned()));
    /// assert_eq!(context.value::<User>().as_deref(), Some(&User("ana".to_owned())));
    /// assert_eq!(context.value::<u8>(), None);
    /// ```
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Context {
        self.changed(|surroundings| surroundings.values = surroundings.values.with(value))
    }

    /// The value of this type, if the context has one.
    pub fn value<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.values.latest()
    }

    /// The same context, ending at `deadline` at the latest.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Context {
        let earliest = self.0.deadline.map_or(deadline, |held| held.min(deadline));
        self.changed(|surroundings| surroundings.deadline = Some(earliest))
    }

    /// The same context as seen from these addresses: how address rules are tested in process.
    #[must_use]
    pub fn with_addresses(&self, peer: SocketAddr, local: SocketAddr) -> Context {
        self.changed(|surroundings| {
            surroundings.peer = Some(peer);
            surroundings.local = Some(local);
        })
    }

    /// The same context, of a caller who is this: how rules about identities are tested in process.
    #[must_use]
    pub fn with_peer_identity(&self, identity: PeerIdentity) -> Context {
        self.changed(|surroundings| surroundings.identity = Some(Arc::new(identity)))
    }

    fn changed(&self, change: impl FnOnce(&mut Surroundings)) -> Context {
        let held = &*self.0;
        let mut surroundings = Surroundings {
            procedure: held.procedure,
            deadline: held.deadline,
            metadata: Carried::Of(self.carrier().clone()),
            peer: held.peer,
            local: held.local,
            connection: held.connection,
            identity: held.identity.clone(),
            cancellation: held.cancellation.clone(),
            values: held.values.clone(),
        };
        change(&mut surroundings);
        Context(Arc::new(surroundings))
    }

    /// Runs `body` with this context as the current one of this thread.
    pub fn scope<T>(&self, body: impl FnOnce() -> T) -> T {
        /// Puts the former context back, also when the body panics.
        struct Restore(Option<Context>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let former = self.0.take();
                CURRENT.with_borrow_mut(|current| *current = former);
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        body()
    }

    /// The procedure's name; empty outside a call.
    pub fn procedure(&self) -> &str {
        self.0.procedure
    }

    /// When the caller stops waiting; `None` if he gave no time.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// The time left until the deadline; zero when it is over, `None` without one.
    pub fn remaining(&self) -> Option<Duration> {
        self.0.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// What the caller sent beside the arguments.
    pub fn metadata(&self) -> &Metadata {
        const NOTHING: &Metadata = &Metadata::new();
        match &self.carrier().0.metadata {
            Carried::Own(metadata) => metadata,
            Carried::Of(_) => NOTHING,
        }
    }

    /// The context whose metadata this one has; it has its own.
    fn carrier(&self) -> &Context {
        match &self.0.metadata {
            Carried::Own(_) => self,
            Carried::Of(carrier) => carrier,
        }
    }

    /// The caller's address; `None` outside a call, or where the transport has none.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// Where the call comes from, as far as those who call share what is scarce.
    pub fn origin(&self) -> Origin {
        match (self.0.peer, self.0.connection) {
            (Some(peer), _) => Origin::of(peer.ip()),
            (None, Some(connection)) => Origin::Connection(connection),
            (None, None) => Origin::Here,
        }
    }

    /// Who the caller is, by the certificate that it has proved to own: where the server asks for one (mutual TLS).
    pub fn peer_identity(&self) -> Option<&PeerIdentity> {
        self.0.identity.as_deref()
    }

    /// The address of ours at which the caller reached us.
    pub fn local(&self) -> Option<SocketAddr> {
        self.0.local
    }

    /// Whether nobody waits for the answer any more: the caller gave up, vanished, or its time is over.
    pub fn is_cancelled(&self) -> bool {
        self.was_cancelled() || self.is_late()
    }

    /// A channel that is disconnected when the call is cancelled: for a `select!` beside what the procedure waits for.
    pub fn cancelled(&self) -> Receiver<Infallible> {
        match &self.0.cancellation {
            Some(cancellation) => cancellation.channel(),
            None => crossbeam_channel::never(),
        }
    }

    fn was_cancelled(&self) -> bool {
        self.0.cancellation.as_ref().is_some_and(|cancellation| cancellation.is_cancelled())
    }

    fn is_late(&self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }

    /// Why nothing is begun, or waited for, on this thread any more, if it runs a call that is over.
    pub(crate) fn check_current() -> Result<(), Status> {
        Context::with_current(Context::check).unwrap_or(Ok(()))
    }

    /// Why nobody waits for the call any more, if so.
    pub(crate) fn check(&self) -> Result<(), Status> {
        match () {
            () if self.is_late() => Err(Status::deadline_exceeded("the time of the call around it passed")),
            () if self.was_cancelled() => Err(Status::cancelled("the call around it was cancelled")),
            () => Ok(()),
        }
    }

    /// Whether this thread runs in this very context.
    pub(crate) fn is_current(&self) -> bool {
        Context::with_current(|current| Arc::ptr_eq(&current.0, &self.0)).unwrap_or(false)
    }

    /// Why a wait has ended that found nothing: as [`check_current`](Context::check_current) says, or since the time for it
    /// passed, of which `late` tells.
    pub(crate) fn wait_ended(late: impl Into<String>) -> Status {
        let ended = Context::check_current().err();
        ended.filter(|why| why.code() == Code::Cancelled).unwrap_or_else(|| Status::deadline_exceeded(late))
    }

    /// Pauses, unless the call that this thread runs for is over or ends meanwhile.
    pub(crate) fn pause(time: Duration) -> Result<(), Status> {
        let (until, alarm) = (sync::now() + time, Alarm::set());
        loop {
            if alarm.has_rung() {
                return Context::check_current();
            }
            let left = until.saturating_duration_since(sync::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::park_timeout(left);
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("procedure", &self.0.procedure)
            .field("peer", &self.0.peer)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
