//! A thread that waits, and how other threads wake it: out of a park, and out of a read.
//!
//! ```text
//!            listen                 the wait ends
//!   Awake ───────────▶ Listening ──────────────────▶ Awake
//!     │ wake               │ wake: also through the thread's own pair
//!     └──▶ Woken ◀─────────┘
//! ```
//! As with `park`, to be woken before the wait is to be woken: the next wait does not begin. A wake-up says only that the
//! thread is to look again at what it waits for. The pair (two descriptors) is made at a thread's first such read.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

use super::wake::{Wake, Waker};
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::thread::{self, Thread, ThreadId};
use crate::sync::thread_local;

/// A waiting thread, as who wakes it holds it; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Waiter(Arc<Waiting>);

#[derive(Debug)]
struct Waiting {
    thread: Thread,
    state: AtomicU8,
    waker: OnceLock<Waker>,
}

const AWAKE: u8 = 0;
const LISTENING: u8 = 1;
const WOKEN: u8 = 2;

/// What a thread keeps for its own waits. Without a descriptor for it, `wake` is `None`.
struct Own {
    waiter: Waiter,
    wake: OnceCell<Option<Wake>>,
}

thread_local! {
    static OWN: Own = Own {
        waiter: Waiter(Arc::new(Waiting {
            thread: thread::current(),
            state: AtomicU8::new(AWAKE),
            waker: OnceLock::new(),
        })),
        wake: OnceCell::new(),
    };
}

impl Waiter {
    /// This thread.
    pub(crate) fn current() -> Waiter {
        OWN.with(|own| own.waiter.clone())
    }

    pub(crate) fn id(&self) -> ThreadId {
        self.0.thread.id()
    }

    /// Has the thread look again. Never waits. Whoever wakes himself looks again anyway, before he waits.
    pub(crate) fn wake(&self) {
        if OWN.with(|own| Arc::ptr_eq(&own.waiter.0, &self.0)) {
            return;
        }
        let former = self.0.state.swap(WOKEN, Ordering::AcqRel);
        if former == LISTENING
            && let Some(waker) = self.0.waker.get()
        {
            waker.wake();
        }
        self.0.thread.unpark();
    }
}

pub(crate) fn wake_all(waiters: &[Waiter]) {
    waiters.iter().for_each(Waiter::wake);
}

/// Runs `wait`, on this thread, with what ends it when the thread is woken; not at all if it was woken before. The thread
/// must look again at what it waits for either way. `wait` gets `None` when the machine has no descriptors for it.
pub(crate) fn listen<T>(wait: impl FnOnce(Option<&Wake>) -> T) -> Option<T> {
    OWN.with(|own| {
        let state = &own.waiter.0.state;
        let wake = own.wake.get_or_init(|| own.waiter.wired());
        if state.compare_exchange(AWAKE, LISTENING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            state.store(AWAKE, Ordering::Release);
            return None;
        }
        let outcome = wait(wake.as_ref());
        if state.swap(AWAKE, Ordering::AcqRel) == WOKEN
            && let Some(wake) = wake
        {
            wake.clear();
        }
        Some(outcome)
    })
}

impl Waiter {
    fn wired(&self) -> Option<Wake> {
        match Waker::pair() {
            Ok((waker, wake)) => self.0.waker.set(waker).ok().map(|()| wake),
            Err(error) => {
                tracing::warn!(%error, "no descriptors to wake a reading thread by");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags};

    use super::{Waiter, listen};
    use crate::transport::poll_until;

    const SOON: Duration = Duration::from_secs(10);

    /// Whether a wait for nothing but a wake-up ended by one.
    fn is_woken(time: Duration) -> bool {
        let woken = listen(|wake| {
            let mut polled = [PollFd::new(wake.unwrap(), PollFlags::IN)];
            poll_until(&mut polled, Some(Instant::now() + time)).unwrap() == 1
        });
        woken.unwrap_or(true)
    }

    #[test]
    fn a_wait_ends_by_a_wake_up_before_it_and_during_it_and_by_no_older_one() {
        let waiter = Waiter::current();
        thread::scope(|scope| scope.spawn(|| waiter.wake()).join().unwrap());
        assert!(is_woken(SOON));
        assert!(!is_woken(Duration::ZERO));
        waiter.wake();
        assert!(!is_woken(Duration::ZERO));
        thread::scope(|scope| {
            scope.spawn(|| waiter.wake());
            assert!(is_woken(SOON));
        });
        assert!(!is_woken(Duration::from_millis(5)));
    }

    #[test]
    fn no_wake_up_is_lost_whenever_it_comes() {
        let waiter = Waiter::current();
        let (ask, asked) = crossbeam_channel::bounded(0);
        thread::scope(|scope| {
            scope.spawn(|| asked.iter().for_each(|()| waiter.wake()));
            for _ in 0..2000 {
                ask.send(()).unwrap();
                assert!(is_woken(SOON));
            }
            drop(ask);
        });
    }
}
