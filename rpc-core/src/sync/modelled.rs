//! The same as a model checker has it, with a clock that goes only when a model says so.

pub(crate) mod channel;
pub(crate) mod clock;
pub(crate) mod outside;
pub(crate) mod thread;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LockResult, PoisonError};
use std::time::Duration;

use clock::Heard;
pub(crate) use clock::now;
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
pub(crate) use shuttle::thread_local;

/// A condition variable whose waits end when the clock passes their time: everybody who waits looks again then, which a
/// condition variable allows.
#[derive(Debug, Default)]
pub(crate) struct Condvar(Arc<shuttle::sync::Condvar>);

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// As std's; whether the time was over is not told, since nobody here asks.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let (condvar, over) = (self.0.clone(), Arc::new(AtomicBool::new(false)));
        let heard = over.clone();
        clock::at(now() + time, move || {
            condvar.notify_all();
            if heard.load(Ordering::SeqCst) { Heard::Yes } else { Heard::NotYet }
        });
        let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        over.store(true, Ordering::SeqCst);
        Ok((guard, ()))
    }
}
