//! A thread that waits, and how other threads wake it: out of a park, and out of a read.
//!
//! ```text
//!            listen                 the wait ends
//!   Awake ───────────▶ Listening ──────────────────▶ Awake
//!     │ wake               │ wake: also through the thread's own pair
//!     └──▶ Woken ◀─────────┘
//! ```
//! As with `park`, to be woken before the wait is to be woken: the next wait does not begin. A wake-up says only that the
//! thread is to look again at what it waits for. Who wakes may be held up before he writes to the pair: the thread knows
//! that a byte is on its way, and takes it whenever it comes. The pair (two descriptors) is made at its first such read.

use std::cell::{Cell, OnceCell};
use std::io;
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

/// What a thread keeps for its own waits.
struct Own {
    waiter: Waiter,
    /// Empty until there was a wait, and descriptors for it.
    wake: OnceCell<Wake>,
    /// Bytes that are in the pair, or on their way to it.
    owed: Cell<usize>,
}

thread_local! {
    static OWN: Own = Own {
        waiter: Waiter(Arc::new(Waiting {
            thread: thread::current(),
            state: AtomicU8::new(AWAKE),
            waker: OnceLock::new(),
        })),
        wake: OnceCell::new(),
        owed: Cell::new(0),
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
        let wake = own.wake(Waker::pair);
        if state.compare_exchange(AWAKE, LISTENING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            state.store(AWAKE, Ordering::Release);
            return None;
        }
        let outcome = wait(wake);
        let woken = state.swap(AWAKE, Ordering::AcqRel) == WOKEN;
        if let Some(wake) = wake {
            let owed = own.owed.get() + usize::from(woken);
            own.owed.set(if owed == 0 { 0 } else { owed.saturating_sub(wake.take()) });
        }
        Some(outcome)
    })
}

impl Own {
    /// What ends this thread's waits. A machine that has no descriptors now may have some at the next wait.
    fn wake(&self, pair: impl FnOnce() -> io::Result<(Waker, Wake)>) -> Option<&Wake> {
        if self.wake.get().is_none() {
            match pair() {
                Ok((waker, wake)) => {
                    self.waiter.0.waker.set(waker).ok()?;
                    self.wake.set(wake).ok()?;
                }
                Err(error) => tracing::debug!(%error, "no descriptors to wake a reading thread by"),
            }
        }
        self.wake.get()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags};

    use super::{LISTENING, OWN, WOKEN, Waiter, Waker, listen};
    use crate::sync::atomic::Ordering;
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

    /// The byte of a wake-up that was held up came when the wait had ended by itself, and nobody took it: every later wait
    /// ended at once, and a reading thread spun.
    #[test]
    fn a_late_byte_ends_one_wait_at_most() {
        let waiter = Waiter::current();
        for waits_between in 0..3 {
            // Who wakes has changed the state and not written yet; the wait ends meanwhile.
            listen(|_| assert_eq!(waiter.0.state.swap(WOKEN, Ordering::AcqRel), LISTENING));
            (0..waits_between).for_each(|_| assert!(!is_woken(Duration::ZERO)));
            waiter.0.waker.get().unwrap().wake();
            assert!(is_woken(Duration::ZERO));
            assert!((0..100).all(|_| !is_woken(Duration::ZERO)));
        }
    }

    /// That there was no descriptor once was remembered for the thread's life.
    #[test]
    fn a_thread_that_found_no_descriptors_asks_again() {
        let none = || Err(io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error()));
        assert!(OWN.with(|own| own.wake(none).is_none()));
        assert!(OWN.with(|own| own.wake(Waker::pair).is_some()));
        assert!(OWN.with(|own| own.wake(none).is_some()));
        assert!(!is_woken(Duration::ZERO));
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
