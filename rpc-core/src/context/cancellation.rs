//! That nobody waits for a call any more, and who is told: a channel to `select!` on, and threads that wait in ours.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock, PoisonError};

use crossbeam_channel::{Receiver, Sender};

use super::Context;
use crate::sync::{Mutex, MutexGuard};
use crate::transport::{Waiter, wake_all};

/// Set once; the channel is made only when somebody asks for it.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    cancelled: OnceLock<()>,
    channel: OnceLock<Channel>,
    /// Threads of this call that wait right now.
    waiters: Mutex<Vec<Waiter>>,
}

/// Never carries anything; it is disconnected by dropping the sender.
#[derive(Debug)]
struct Channel {
    sender: Mutex<Option<Sender<Infallible>>>,
    receiver: Receiver<Infallible>,
}

/// Wakes this thread when the call that it runs for is cancelled, until it is dropped. Outside a call it never rings.
#[derive(Debug)]
pub(crate) struct Alarm(Option<(Arc<Cancellation>, Waiter)>);

/// Cancels a context of [`Context::cancellable`] when it is dropped.
#[must_use = "dropping it cancels"]
#[derive(Debug)]
pub struct Canceller(pub(super) Arc<Cancellation>);

impl Drop for Canceller {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Cancellation {
    /// Tells everyone. Nothing of theirs runs here.
    pub(crate) fn cancel(&self) {
        if self.cancelled.set(()).is_err() {
            return;
        }
        self.close_channel();
        let waiters = std::mem::take(&mut *self.waiters());
        wake_all(&waiters);
    }

    /// Whether it is as it was made.
    pub(super) fn is_untouched(&mut self) -> bool {
        let waiters = self.waiters.get_mut().unwrap_or_else(PoisonError::into_inner);
        waiters.is_empty() && !self.is_cancelled() && self.channel.get().is_none()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get().is_some()
    }

    pub(super) fn channel(&self) -> Receiver<Infallible> {
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

    fn waiters(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alarm {
    /// For what this thread waits for next. It must be looked at before each wait.
    pub(crate) fn set() -> Alarm {
        let cancellation = Context::with_current(|context| context.0.cancellation.clone()).flatten();
        Alarm(cancellation.map(|cancellation| {
            let waiter = Waiter::current();
            cancellation.waiters().push(waiter.clone());
            (cancellation, waiter)
        }))
    }

    /// Whether it may ring at all.
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn has_rung(&self) -> bool {
        self.0.as_ref().is_some_and(|(cancellation, _)| cancellation.is_cancelled())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let Some((cancellation, waiter)) = &self.0 else { return };
        let mut waiters = cancellation.waiters();
        if let Some(own) = waiters.iter().position(|other| other.id() == waiter.id()) {
            waiters.swap_remove(own);
        }
    }
}
