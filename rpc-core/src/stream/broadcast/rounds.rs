//! Rounds over the subscribers, and the threads that go them.
//!
//! ```text
//!   send ─▶ shard: idle ─▶ queued ─▶ a writer goes round ─▶ idle
//!                            ▲                │ something was sent meanwhile
//!                            └────────────────┘
//! ```
//! A shard is gone round by one writer at a time; while it is busy everything new waits for the next round, so that rounds
//! batch by themselves. All broadcasts of a process share the writers.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex as AnyMutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::SubscriberId;
use super::chain::{Chain, Place};
use super::subscriber::Subscriber;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{self, Condvar, Mutex, MutexGuard};
use crate::threads::Pool;

/// Some subscribers of a broadcast, who are served one after the other.
pub(super) struct Shard {
    chain: Arc<Chain>,
    members: Mutex<BTreeMap<SubscriberId, Arc<Subscriber>>>,
    phase: AtomicU8,
    /// What had been sent when the last round began.
    begun: Mutex<Place>,
}

/// Nothing is new.
const IDLE: u8 = 0;
/// A round is wanted, and nobody has begun it.
const QUEUED: u8 = 1;
/// A writer is on its round.
const ROUND: u8 = 2;
/// As before, and more was sent since it began.
const ROUND_AND_MORE: u8 = 3;

/// The threads that go rounds.
pub(super) struct Writers {
    queue: Arc<Queue>,
    pool: Pool,
    /// How many there are at most.
    most: usize,
}

struct Queue {
    state: Mutex<State>,
    /// Told after each round, if somebody waits.
    passed: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<Shard>>,
    /// Writers on their way.
    busy: usize,
    /// Senders that wait for rounds.
    waiting: usize,
}

/// More writers than this gain nothing: they meet in the kernel.
const MOST_WRITERS: usize = 4;

/// How long the end of the last broadcast waits for rounds under way. No round waits for a peer.
const CLOSING: Duration = Duration::from_secs(1);

/// The writers of this process, as long as a broadcast needs them.
static WRITERS: AnyMutex<Weak<Writers>> = AnyMutex::new(Weak::new());

impl Shard {
    pub(super) fn new(chain: Arc<Chain>) -> Shard {
        Shard { chain, members: Mutex::default(), phase: AtomicU8::new(IDLE), begun: Mutex::default() }
    }

    pub(super) fn admit(&self, subscriber: Arc<Subscriber>) {
        self.lock().insert(subscriber.id(), subscriber);
    }

    pub(super) fn forget(&self, id: SubscriberId) {
        let gone = self.lock().remove(&id);
        drop(gone);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Those of these subscribers that are members.
    pub(super) fn members_of(&self, ids: &[SubscriberId]) -> Vec<Arc<Subscriber>> {
        let members = self.lock();
        ids.iter().filter_map(|id| members.get(id)).cloned().collect()
    }

    /// Whether no round has begun to pass on what was sent up to `sent`, for so much that the sender is to wait.
    pub(super) fn is_far_behind(&self, sent: Place) -> bool {
        if self.phase.load(Ordering::SeqCst) == IDLE {
            return false;
        }
        sent.is_far_from(*self.begun(), self.chain.lag())
    }

    /// Asks for a round, since something was sent; says whether it must be queued.
    fn ask(&self, sent: Place) -> bool {
        if self.phase.load(Ordering::SeqCst) == IDLE {
            *self.begun() = sent;
        }
        let asked = self.phase.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |phase| match phase {
            IDLE => Some(QUEUED),
            ROUND => Some(ROUND_AND_MORE),
            _ => None,
        });
        asked == Ok(IDLE)
    }

    /// One round; says whether there must be another.
    fn go_round(&self, members: &mut Vec<Arc<Subscriber>>, payload: &mut Vec<u8>) -> bool {
        self.phase.store(ROUND, Ordering::SeqCst);
        *self.begun() = self.chain.sent();
        members.extend(self.lock().values().cloned());
        for member in members.drain(..) {
            // What a connection drops when it ends may be a user's; his panic is not the others'.
            let delivered = catch_unwind(AssertUnwindSafe(|| member.deliver(payload)));
            if delivered.is_err() {
                member.leave();
            }
        }
        let end = |phase| Some(if phase == ROUND { IDLE } else { QUEUED });
        self.phase.fetch_update(Ordering::SeqCst, Ordering::SeqCst, end) != Ok(ROUND)
    }

    fn begun(&self) -> MutexGuard<'_, Place> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SubscriberId, Arc<Subscriber>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writers {
    pub(super) fn of_this_process() -> Arc<Writers> {
        let mut held = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writers) = held.upgrade() {
            return writers;
        }
        let writers = Writers::new();
        *held = Arc::downgrade(&writers);
        writers
    }

    /// Writers who share nothing with others.
    pub(super) fn new() -> Arc<Writers> {
        let queue = Queue { state: Mutex::default(), passed: Condvar::new() };
        // It reads files to find out, so it is asked once. A writer that leaves counts as one until its thread has seen so.
        let most = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WRITERS);
        Arc::new(Writers { queue: Arc::new(queue), pool: Pool::new("rpc-broadcast", 2 * most), most })
    }

    /// Has a writer go round `shard`, soon.
    pub(super) fn serve(&self, shard: &Arc<Shard>, sent: Place) {
        if !shard.ask(sent) {
            return;
        }
        let mut state = self.queue.lock();
        state.ready.push_back(shard.clone());
        if state.busy >= self.most {
            return;
        }
        state.busy += 1;
        drop(state);
        let queue = self.queue.clone();
        if self.pool.run(move || queue.work()).is_err() {
            // No thread is to be had: the sender goes the round himself.
            self.queue.go_round_of(shard);
        }
    }

    /// Waits until `done`, asked after every round, or `deadline`.
    pub(super) fn wait(&self, deadline: Instant, done: impl Fn() -> bool) {
        let mut state = self.queue.lock();
        while !done() {
            let left = deadline.saturating_duration_since(sync::now());
            if left.is_zero() {
                return;
            }
            state.waiting += 1;
            state = self.queue.passed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.pool.close(sync::now() + CLOSING);
    }
}

impl Queue {
    /// Goes rounds while some are wanted.
    fn work(&self) {
        let (mut members, mut payload) = (Vec::new(), Vec::new());
        loop {
            let mut state = self.lock();
            let Some(shard) = state.ready.pop_front() else {
                // Under the lock, so that no shard is queued behind the back of the last writer.
                state.busy -= 1;
                return;
            };
            drop(state);
            let again = shard.go_round(&mut members, &mut payload);
            let mut state = self.lock();
            if again {
                state.ready.push_back(shard);
            }
            if state.waiting > 0 {
                self.passed.notify_all();
            }
        }
    }

    /// One round of a shard that waits for its turn, where there is no writer for it. What is sent meanwhile has the next.
    fn go_round_of(&self, shard: &Arc<Shard>) {
        let mut state = self.lock();
        state.busy -= 1;
        let waiting = state.ready.len();
        state.ready.retain(|ready| !Arc::ptr_eq(ready, shard));
        let taken = state.ready.len() < waiting;
        drop(state);
        while taken && shard.go_round(&mut Vec::new(), &mut Vec::new()) {}
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
