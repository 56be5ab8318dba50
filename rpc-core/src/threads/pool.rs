//! Threads that run one job each, then wait a while for the next.
//!
//! The pool has no queue. A job is taken by a thread that has nothing to do, by a new one, or is handed back: a job never
//! waits behind another.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::{self, Condvar, Mutex, MutexGuard};
use crate::threads::{self, Thread};

type Job = Box<dyn FnOnce() + Send>;

/// A bounded set of threads that grows with the work and shrinks in quiet times.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    /// What its threads are called.
    name: &'static str,
    state: Mutex<State>,
    /// Told when a job was handed over, and when the pool closes.
    handed: Condvar,
    /// Told when a thread has ended.
    left: Condvar,
}

#[derive(Default)]
struct State {
    /// Jobs handed over and not begun; with `promised` never more than `waiting`.
    jobs: Vec<Job>,
    /// Places that were given out and not used yet.
    promised: usize,
    /// Threads without a job, those that are being started included.
    waiting: usize,
    alive: usize,
    limit: usize,
    closed: bool,
    next: u64,
    threads: HashMap<u64, Thread>,
    /// Threads that have counted themselves out, to be joined by the next one that does: an ended thread keeps its stack
    /// until then.
    ended: Vec<u64>,
}

/// A thread that is kept for one job; it is given back if it is dropped unused.
pub(crate) struct Place {
    shared: Arc<Shared>,
}

/// How many threads a pool has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crew {
    pub(crate) alive: usize,
    /// Those of them without a job.
    pub(crate) idle: usize,
    pub(crate) limit: usize,
}

/// How long a thread without work stays: 2 s.
const STAY: Duration = Duration::from_secs(2);

impl Pool {
    pub(crate) fn new(name: &'static str, limit: usize) -> Pool {
        let state = State { limit, ..State::default() };
        Pool {
            shared: Arc::new(Shared {
                name,
                state: Mutex::new(state),
                handed: Condvar::new(),
                left: Condvar::new(),
            }),
        }
    }

    /// Runs `job` on a thread of its own, now.
    ///
    /// # Errors
    /// When no thread is free and no further one may be, or can be, started; the job is dropped.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.place().map(|place| place.run(job))
    }

    /// A thread for a job that is still to be made: for who must know that there is one before he lets go of something.
    ///
    /// # Errors
    /// When no thread is free and no further one may be, or can be, started.
    pub(crate) fn place(&self) -> io::Result<Place> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(io::Error::other("the server is closing"));
        }
        let place = Place { shared: self.shared.clone() };
        state.promised += 1;
        if state.has_enough() {
            return Ok(place);
        }
        if state.alive >= state.limit {
            drop(state);
            return Err(io::Error::other("no thread is free"));
        }
        state.alive += 1;
        state.waiting += 1;
        state.next += 1;
        let id = state.next;
        drop(state);
        let shared = self.shared.clone();
        let started = threads::spawn(shared.name, move || shared.work(id));
        let mut state = self.shared.lock();
        match started {
            Ok(thread) => {
                state.threads.insert(id, thread);
                drop(state);
                Ok(place)
            }
            Err(error) => {
                state.alive -= 1;
                state.waiting -= 1;
                drop(state);
                Err(error)
            }
        }
    }

    pub(crate) fn crew(&self) -> Crew {
        let state = self.shared.lock();
        Crew { alive: state.alive, idle: state.waiting, limit: state.limit }
    }

    /// Takes no further job and waits until `deadline` for the threads to end; says whether all did.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.handed.notify_all();
        while state.alive > 0 {
            let left = deadline.saturating_duration_since(sync::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let all = state.alive == 0;
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for thread in threads.into_values() {
            if all || thread.is_finished() { thread.join() } else { thread.abandon() }
        }
        all
    }
}

impl Place {
    pub(crate) fn run(self, job: impl FnOnce() + Send + 'static) {
        self.shared.lock().jobs.push(Box::new(job));
        // Dropping the place wakes the thread that was kept.
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.promised -= 1;
        let closed = state.closed;
        drop(state);
        if closed { self.shared.handed.notify_all() } else { self.shared.handed.notify_one() }
    }
}

impl State {
    /// Whether there is a waiting thread for every job and place.
    fn has_enough(&self) -> bool {
        self.waiting >= self.jobs.len() + self.promised
    }

    /// Whether there is one more.
    fn has_spare(&self) -> bool {
        self.waiting > self.jobs.len() + self.promised
    }
}

impl Shared {
    fn work(&self, id: u64) {
        /// Counts the thread out, also if a job panics.
        struct Leave<'a>(&'a Shared, u64);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.leave(self.1);
            }
        }
        let _leave = Leave(self, id);
        let mut next = self.await_job(self.lock());
        while let Some(job) = next {
            job();
            let mut state = self.lock();
            state.waiting += 1;
            next = self.await_job(state);
        }
    }

    fn leave(&self, id: u64) {
        let mut state = self.lock();
        state.alive -= 1;
        let State { threads, ended, .. } = &mut *state;
        let mut former = Vec::new();
        // One that is not noted yet stays for the next to leave.
        ended.retain(|id| match threads.remove(id) {
            Some(thread) => {
                former.push(thread);
                false
            }
            None => true,
        });
        ended.push(id);
        drop(state);
        self.left.notify_all();
        former.into_iter().for_each(Thread::join);
    }

    /// The next job for a thread that counts as waiting; none when it is to leave.
    fn await_job(&self, mut state: MutexGuard<'_, State>) -> Option<Job> {
        let mut until = sync::now() + STAY;
        loop {
            if let Some(job) = state.jobs.pop() {
                state.waiting -= 1;
                if state.closed {
                    // Others may have stayed for this job.
                    self.handed.notify_all();
                }
                return Some(job);
            }
            let left = until.saturating_duration_since(sync::now());
            if (left.is_zero() || state.closed) && state.has_spare() {
                state.waiting -= 1;
                return None;
            }
            if left.is_zero() {
                until = sync::now() + STAY;
                continue;
            }
            state = self.handed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    #[test]
    fn a_job_past_the_limit_is_refused_and_never_waits() {
        let pool = Pool::new("test", 2);
        let (release, wait) = bounded::<()>(0);
        for _ in 0..2 {
            let wait = wait.clone();
            pool.run(move || wait.recv().unwrap_or_default()).unwrap();
        }
        assert!(pool.run(|| {}).is_err());
        drop(release);
        assert!(pool.close(sync::now() + Duration::from_secs(10)));
    }

    #[test]
    fn a_thread_that_has_finished_takes_the_next_job() {
        let pool = Pool::new("test", 1);
        let (done, finished) = bounded(0);
        for round in 0..100 {
            let done = done.clone();
            while pool
                .run({
                    let done = done.clone();
                    move || done.send(round).unwrap_or_default()
                })
                .is_err()
            {
                std::thread::yield_now();
            }
            drop(done);
            assert_eq!(finished.recv(), Ok(round));
        }
        assert!(pool.close(sync::now() + Duration::from_secs(10)));
    }

    #[test]
    fn a_place_keeps_its_thread_also_while_the_pool_closes() {
        let pool = Pool::new("test", 1);
        let place = pool.place().unwrap();
        assert!(pool.run(|| {}).is_err(), "the place was given away");
        assert!(!pool.close(sync::now()));
        let (done, finished) = bounded(1);
        place.run(move || done.send(()).unwrap_or_default());
        assert_eq!(finished.recv_timeout(Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn a_place_that_is_not_used_is_free_again() {
        let pool = Pool::new("test", 1);
        for _ in 0..3 {
            drop(pool.place().unwrap());
        }
        assert!(pool.close(sync::now() + Duration::from_secs(10)));
    }

    #[test]
    fn closing_reports_a_job_that_does_not_end() {
        let pool = Pool::new("test", 1);
        let (release, wait) = bounded::<()>(0);
        pool.run(move || wait.recv().unwrap_or_default()).unwrap();
        assert!(!pool.close(sync::now()));
        drop(release);
    }
}
