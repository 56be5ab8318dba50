//! What surrounds a call: its deadline, peer and metadata, and whether anyone still waits for it.
//!
//! Calls run on threads, so the context is a thread's own: [`Context::current`] inside a procedure is that call's. Calls
//! made inside take its deadline as their bound and end with it when it is cancelled. To go on on another thread, carry it
//! with [`Context::scope`]; to finish something whoever waits, leave it with [`Context::background`].

mod cancellation;

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

pub use self::cancellation::Canceller;
pub(crate) use self::cancellation::{Alarm, Cancellation};
use crate::metadata::{Metadata, MetadataError};
use crate::status::{Code, Status};
use crate::sync::{self, thread};

/// One call's surroundings; cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Surroundings>);

struct Surroundings {
    procedure: &'static str,
    deadline: Option<Instant>,
    metadata: Metadata,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    /// `None`: nobody can cancel it.
    cancellation: Option<Arc<Cancellation>>,
}

/// What a server knows of a call before its procedure runs.
pub(crate) struct Incoming {
    pub(crate) procedure: &'static str,
    pub(crate) deadline: Option<Instant>,
    pub(crate) metadata: Metadata,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) cancellation: Arc<Cancellation>,
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

    /// A context of no call: no deadline, peer or metadata, never cancelled.
    ///
    /// What must be done whether or not anybody waits for the call runs in it: `Context::background().scope(|| …)`. Calls
    /// made there have their own time, and the call around them does not end them.
    pub fn background() -> Context {
        Context(Arc::new(Surroundings {
            procedure: "",
            deadline: None,
            metadata: Metadata::new(),
            peer: None,
            local: None,
            cancellation: None,
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

    pub(crate) fn new(incoming: Incoming) -> Context {
        let Incoming { procedure, deadline, metadata, peer, local, cancellation } = incoming;
        let cancellation = Some(cancellation);
        Context(Arc::new(Surroundings { procedure, deadline, metadata, peer, local, cancellation }))
    }

    /// The same context with one more pair of metadata: how a service is tested in process.
    ///
    /// # Errors
    /// When the pair breaks a limit of [`Metadata`].
    pub fn with_metadata(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<Context, MetadataError> {
        let mut metadata = self.0.metadata.clone();
        metadata.insert(key, value)?;
        Ok(self.changed(|surroundings| surroundings.metadata = metadata))
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

    fn changed(&self, change: impl FnOnce(&mut Surroundings)) -> Context {
        let held = &*self.0;
        let mut surroundings = Surroundings {
            procedure: held.procedure,
            deadline: held.deadline,
            metadata: held.metadata.clone(),
            peer: held.peer,
            local: held.local,
            cancellation: held.cancellation.clone(),
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
        &self.0.metadata
    }

    /// The caller's address; `None` outside a call, or where the transport has none.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
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
        let check = |context: &Context| match () {
            () if context.is_late() => {
                Err(Status::deadline_exceeded("the time of the call around it passed"))
            }
            () if context.was_cancelled() => Err(Status::cancelled("the call around it was cancelled")),
            () => Ok(()),
        };
        Context::with_current(check).unwrap_or(Ok(()))
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
mod tests {
    use super::*;

    #[test]
    fn a_scope_ends_with_its_body_also_in_a_panic() {
        let context = Context::background().with_metadata("k", "v").unwrap();
        let seen = context.scope(|| Context::current().metadata().first("k").map(<[u8]>::to_vec));
        assert_eq!(seen.as_deref(), Some(&b"v"[..]));
        let caught = std::panic::catch_unwind(|| context.scope(|| std::panic::resume_unwind(Box::new(()))));
        assert!(caught.is_err());
        assert!(Context::current().metadata().is_empty());
    }

    fn of_a_call() -> (Context, Arc<Cancellation>) {
        let cancellation = Arc::<Cancellation>::default();
        let context = Context::new(Incoming {
            procedure: "p",
            deadline: None,
            metadata: Metadata::new(),
            peer: None,
            local: None,
            cancellation: cancellation.clone(),
        });
        (context, cancellation)
    }

    #[test]
    fn cancelling_disconnects_channels_asked_for_before_and_after() {
        let (context, cancellation) = of_a_call();
        let before = context.cancelled();
        assert_eq!(before.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
        cancellation.cancel();
        assert!(context.is_cancelled());
        assert_eq!(before.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
        assert_eq!(context.cancelled().try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
        let never = Context::background().cancelled();
        assert_eq!(never.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
    }

    #[test]
    fn a_pause_ends_when_its_call_is_cancelled_before_or_meanwhile() {
        for delay in [Duration::ZERO, Duration::from_millis(5)] {
            let (context, cancellation) = of_a_call();
            let outcome = thread::scope(|scope| {
                scope.spawn(|| {
                    thread::park_timeout(delay);
                    cancellation.cancel();
                });
                context.scope(|| Context::pause(Duration::from_secs(3600)))
            });
            assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
        }
        assert_eq!(Context::pause(Duration::from_millis(1)), Ok(()));
    }

    #[test]
    fn a_cancellable_context_ends_when_its_canceller_is_dropped() {
        let (context, canceller) = Context::cancellable();
        assert!(!context.is_cancelled());
        let outcome = thread::scope(|scope| {
            scope.spawn(|| drop(canceller));
            context.scope(|| Context::pause(Duration::from_secs(3600)))
        });
        assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
    }

    #[test]
    fn a_deadline_only_moves_closer() {
        let now = Instant::now();
        let near = Context::background().with_deadline(now);
        assert_eq!(near.with_deadline(now + Duration::from_secs(9)).deadline(), Some(now));
        assert!(near.is_cancelled());
    }
}
