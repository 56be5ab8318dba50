//! What surrounds a call: its deadline, peer and metadata, and whether anyone still waits for it.
//!
//! Calls run on threads, so the context is a thread's own: [`Context::current`] inside a procedure is that call's. Calls
//! made inside take its deadline as their bound. To go on on another thread, carry it with [`Context::scope`].

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::metadata::{Metadata, MetadataError};

/// One call's surroundings; cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Surroundings>);

struct Surroundings {
    procedure: &'static str,
    deadline: Option<Instant>,
    metadata: Metadata,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    cancellation: Arc<Cancellation>,
}

/// Set once; the channel is made only when somebody asks for it.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    channel: OnceLock<Channel>,
    cancelled: OnceLock<()>,
}

/// Never carries anything; it is disconnected by dropping the sender.
#[derive(Debug)]
struct Channel {
    sender: Mutex<Option<Sender<Infallible>>>,
    receiver: Receiver<Infallible>,
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

    /// A context of no call: no deadline, peer or metadata, never cancelled.
    pub fn background() -> Context {
        Context::new(Incoming {
            procedure: "",
            deadline: None,
            metadata: Metadata::new(),
            peer: None,
            local: None,
            cancellation: Arc::default(),
        })
    }

    pub(crate) fn new(incoming: Incoming) -> Context {
        let Incoming { procedure, deadline, metadata, peer, local, cancellation } = incoming;
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
        self.0.cancellation.is_cancelled() || self.remaining().is_some_and(|left| left.is_zero())
    }

    /// A channel that is disconnected when the call is cancelled: for a `select!` beside what the procedure waits for.
    pub fn cancelled(&self) -> Receiver<Infallible> {
        self.0.cancellation.channel()
    }
}

impl Cancellation {
    pub(crate) fn cancel(&self) {
        if self.cancelled.set(()).is_ok() {
            self.close_channel();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.get().is_some()
    }

    fn channel(&self) -> Receiver<Infallible> {
        let channel = self.channel.get_or_init(|| {
            let (sender, receiver) = crossbeam_channel::bounded(0);
            Channel { sender: Mutex::new(Some(sender)), receiver }
        });
        if self.is_cancelled() {
            self.close_channel();
        }
        channel.receiver.clone()
    }

    fn close_channel(&self) {
        if let Some(channel) = self.channel.get() {
            drop(channel.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
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

    #[test]
    fn cancelling_disconnects_channels_asked_for_before_and_after() {
        let context = Context::background();
        let before = context.cancelled();
        assert_eq!(before.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
        context.0.cancellation.cancel();
        assert!(context.is_cancelled());
        assert_eq!(before.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
        let late = Context::background();
        late.0.cancellation.cancel();
        assert_eq!(late.cancelled().try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
    }

    #[test]
    fn a_deadline_only_moves_closer() {
        let now = Instant::now();
        let near = Context::background().with_deadline(now);
        assert_eq!(near.with_deadline(now + Duration::from_secs(9)).deadline(), Some(now));
        assert!(near.is_cancelled());
    }
}
