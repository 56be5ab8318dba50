//! What the threads of one server share, and the list of its connections.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::connection::Connection;
use super::metrics::{Census, Events, Traffic};
use super::panics::PanicPolicy;
use super::routes::Routes;
use super::watcher::Due;
use crate::layer::Layers;
use crate::limits::Limits;
use crate::metrics::{Slot, Tally};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{self, Condvar, Mutex, MutexGuard};
use crate::threads::Pool;
use crate::transport::Waker;

pub(super) struct Shared {
    pub(super) routes: Routes,
    pub(super) layers: Layers,
    pub(super) limits: Limits,
    pub(super) panics: PanicPolicy,
    pub(super) pool: Pool,
    pub(super) connection_limit: usize,
    pub(super) tally: Tally,
    pub(super) events: Events,
    connections: Mutex<Connections>,
    /// Told when a connection has ended, and, during a shutdown, when one has no more calls.
    changed: Condvar,
    next_id: AtomicU64,
    watcher: Waker,
    /// Deadlines of calls that the watcher cannot find by itself: those that run aside or stream.
    deadlines: Mutex<Vec<Due>>,
    watcher_sleeps: AtomicBool,
    watching_ended: AtomicBool,
}

/// How a new connection came in.
pub(super) enum Entry {
    Free,
    /// The cap was reached; this stranger has lost its place and is to be told.
    InsteadOf(Arc<Connection>),
    /// The cap is reached, and all are known.
    Full,
}

/// Those whose preface has come, and those, oldest first, that are still strangers.
#[derive(Default)]
struct Connections {
    known: HashMap<u64, Arc<Connection>>,
    strangers: BTreeMap<u64, Arc<Connection>>,
    /// Of those that have left.
    traffic: Traffic,
}

impl Shared {
    pub(super) fn new(
        (routes, layers): (Routes, Layers),
        (limits, panics): (Limits, PanicPolicy),
        pool: Pool,
        connection_limit: usize,
        watcher: Waker,
    ) -> Shared {
        Shared {
            tally: Tally::new(routes.names()),
            events: Events::default(),
            routes,
            layers,
            limits,
            panics,
            pool,
            connection_limit,
            connections: Mutex::default(),
            changed: Condvar::new(),
            next_id: AtomicU64::new(1),
            watcher,
            deadlines: Mutex::default(),
            watcher_sleeps: AtomicBool::new(false),
            watching_ended: AtomicBool::new(false),
        }
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Where calls of this procedure are counted.
    pub(super) fn slot(&self, procedure: &str) -> Slot {
        self.routes.find(procedure).map_or_else(|| self.tally.unknown(), |route| route.slot)
    }

    /// Notes a new connection. At the cap the oldest stranger loses its place, if there is one.
    pub(super) fn enter(&self, connection: &Arc<Connection>) -> Entry {
        let mut connections = self.lock();
        let full = connections.known.len() + connections.strangers.len() >= self.connection_limit;
        let leaving = if full { connections.strangers.pop_first() } else { None };
        let entry = match leaving {
            Some((_, stranger)) => {
                connections.traffic.add(stranger.traffic());
                Entry::InsteadOf(stranger)
            }
            None if full => return Entry::Full,
            None => Entry::Free,
        };
        connections.strangers.insert(connection.id(), connection.clone());
        entry
    }

    /// A connection's preface has come.
    pub(super) fn know(&self, connection: &Arc<Connection>) {
        let mut connections = self.lock();
        if let Some(held) = connections.strangers.remove(&connection.id()) {
            connections.known.insert(connection.id(), held);
        }
    }

    pub(super) fn leave(&self, id: u64) {
        let mut connections = self.lock();
        let left = connections.known.remove(&id).or_else(|| connections.strangers.remove(&id));
        if let Some(left) = &left {
            connections.traffic.add(left.traffic());
        }
        drop(connections);
        self.changed.notify_all();
        drop(left);
    }

    /// Every connection, or those that `wanted` picks.
    pub(super) fn connections(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        let connections = self.lock();
        let all = connections.known.values().chain(connections.strangers.values());
        all.filter(|connection| wanted(connection)).cloned().collect()
    }

    /// How things are with all connections, and what those that have left have sent and received.
    pub(super) fn census(&self) -> Census {
        let connections = self.lock();
        let mut census = Census::after(connections.traffic);
        let all = connections.known.values().chain(connections.strangers.values());
        all.for_each(|connection| census.visit(connection));
        census
    }

    /// Calls `look` with every connection that may run calls.
    pub(super) fn for_each_known(&self, mut look: impl FnMut(&Arc<Connection>)) -> usize {
        let connections = self.lock();
        connections.known.values().for_each(&mut look);
        connections.known.len()
    }

    /// Something changed that a shutdown waits for.
    pub(super) fn note_change(&self) {
        // Taken so that a waiter that has just looked cannot miss this.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Waits until `done`, asked after every change, or `deadline`.
    pub(super) fn wait_until(&self, deadline: Instant, done: impl Fn() -> bool) -> bool {
        loop {
            if done() {
                return true;
            }
            let left = deadline.saturating_duration_since(sync::now());
            if left.is_zero() {
                return false;
            }
            let connections = self.lock();
            let step = left.min(LOOK_AGAIN);
            drop(self.changed.wait_timeout(connections, step).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The procedures that run, one name a call.
    pub(super) fn running(&self) -> Vec<&'static str> {
        let names = |connection: &Arc<Connection>| -> Vec<&'static str> {
            connection.lock().calls().iter().map(|call| call.procedure).collect()
        };
        self.connections(|_| true).iter().flat_map(names).collect()
    }

    pub(super) fn count(&self) -> usize {
        let connections = self.lock();
        connections.known.len() + connections.strangers.len()
    }

    /// Has a call's deadline watched.
    pub(super) fn watch_deadline(&self, due: Due) {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner).push(due);
        self.rouse_watcher();
    }

    pub(super) fn has_new_deadlines(&self) -> bool {
        !self.deadlines.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(super) fn new_deadlines(&self) -> Vec<Due> {
        std::mem::take(&mut *self.deadlines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Called at the start of every call: one load, unless the watcher sleeps.
    pub(super) fn rouse_watcher(&self) {
        if self.watcher_sleeps.load(Ordering::SeqCst) && self.watcher_sleeps.swap(false, Ordering::SeqCst) {
            self.watcher.wake();
        }
    }

    pub(super) fn set_watcher_asleep(&self) {
        self.watcher_sleeps.store(true, Ordering::SeqCst);
    }

    /// Nothing runs any more that must be watched.
    pub(super) fn end_watching(&self) {
        self.watching_ended.store(true, Ordering::SeqCst);
        self.watcher.wake();
    }

    pub(super) fn watching_has_ended(&self) -> bool {
        self.watching_ended.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waiter looks again this often even if nobody told it to: its condition is made of several locks.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);
