//! The same as a model checker has it, with a clock that goes only when a model says so.

use std::sync::{Arc, LockResult};
use std::time::Duration;

pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
pub(crate) use shuttle::thread_local;

pub(crate) use clock::now;

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

    /// As std's; whether the time was over is not told, since nobody here asks.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let condvar = self.0.clone();
        clock::at(now() + time, move || condvar.notify_all());
        let guard = self.0.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok((guard, ()))
    }
}

/// Threads that the model checker schedules.
pub(crate) mod thread {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    pub(crate) use shuttle::thread::{Thread, ThreadId, current, park};

    use super::clock;

    pub(crate) fn park_timeout(time: Duration) {
        let sleeper = current();
        clock::at(clock::now() + time, move || sleeper.unpark());
        park();
    }

    /// As std's, by as much as our threads need.
    #[derive(Default)]
    pub(crate) struct Builder(shuttle::thread::Builder);

    impl Builder {
        pub(crate) fn new() -> Builder {
            Builder::default()
        }

        pub(crate) fn name(self, name: String) -> Builder {
            Builder(self.0.name(name))
        }

        pub(crate) fn spawn(self, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
            let finished = Arc::new(AtomicBool::new(false));
            let ended = finished.clone();
            let handle = self.0.spawn(move || {
                body();
                ended.store(true, Ordering::SeqCst);
            })?;
            Ok(JoinHandle { handle, finished })
        }
    }

    #[derive(Debug)]
    pub(crate) struct JoinHandle<T> {
        handle: shuttle::thread::JoinHandle<T>,
        finished: Arc<AtomicBool>,
    }

    impl<T> JoinHandle<T> {
        pub(crate) fn is_finished(&self) -> bool {
            self.finished.load(Ordering::SeqCst)
        }

        pub(crate) fn join(self) -> shuttle::thread::Result<T> {
            self.handle.join()
        }

        pub(crate) fn thread(&self) -> &Thread {
            self.handle.thread()
        }
    }
}

/// Time as the model has it. Each model runs on one thread of the machine, so the clock is that thread's.
pub(crate) mod clock {
    use std::cell::RefCell;
    use std::time::{Duration, Instant};

    struct Clock {
        begun: Instant,
        passed: Duration,
        alarms: Vec<(Instant, Box<dyn FnOnce()>)>,
    }

    thread_local! {
        static CLOCK: RefCell<Clock> = RefCell::new(Clock {
            begun: Instant::now(),
            passed: Duration::ZERO,
            alarms: Vec::new(),
        });
    }

    pub(crate) fn now() -> Instant {
        CLOCK.with_borrow(|clock| clock.begun + clock.passed)
    }

    /// Forgets what the last run has left.
    pub(crate) fn reset() {
        CLOCK.with_borrow_mut(|clock| {
            clock.passed = Duration::ZERO;
            clock.alarms.clear();
        });
    }

    /// Has `ring` called once the time has come.
    pub(crate) fn at(time: Instant, ring: impl FnOnce() + 'static) {
        CLOCK.with_borrow_mut(|clock| clock.alarms.push((time, Box::new(ring))));
    }

    /// Lets time pass, and ends the waits whose time it is.
    pub(crate) fn advance(time: Duration) {
        let due = CLOCK.with_borrow_mut(|clock| {
            clock.passed += time;
            let now = clock.begun + clock.passed;
            clock.alarms.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>()
        });
        due.into_iter().for_each(|(_, ring)| ring());
    }
}
