//! The deadlines of calls that nobody else looks at, in the order of their time.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::context::Cancellation;
use crate::server::connection::Connection;
use crate::server::turn::Running;

#[derive(Default)]
pub(super) struct Deadlines {
    by_time: BTreeMap<(Instant, u64, u64), Due>,
    /// How many were left by the last sweep.
    swept: usize,
}

/// A call that ends at a known time.
pub(in crate::server) struct Due {
    /// Weak, so that a connection that has ended is freed also while the watcher sleeps.
    connection: Weak<Connection>,
    of: u64,
    id: u64,
    /// Alive while the call is.
    call: Weak<Cancellation>,
    deadline: Instant,
}

/// Below this many it is not worth looking for calls that have ended.
const FEW: usize = 1024;

impl Deadlines {
    pub(super) fn add(&mut self, due: Due) {
        self.by_time.insert((due.deadline, due.of, due.id), due);
        if self.by_time.len() > 2 * self.swept + FEW {
            self.by_time.retain(|_, due| due.call.strong_count() > 0);
            self.swept = self.by_time.len();
        }
    }

    /// The next that is over.
    pub(super) fn take_over(&mut self, now: Instant) -> Option<(Arc<Connection>, u64)> {
        while let Some(entry) = self.by_time.first_entry() {
            if entry.key().0 > now {
                return None;
            }
            let due = entry.remove();
            if let Some(connection) = due.connection.upgrade() {
                return Some((connection, due.id));
            }
        }
        None
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(deadline, _, _)| *deadline)
    }
}

impl Due {
    /// None for a call without an end.
    pub(in crate::server) fn of(connection: &Arc<Connection>, call: &Running) -> Option<Due> {
        Some(Due {
            connection: Arc::downgrade(connection),
            of: connection.id(),
            id: call.id,
            call: Arc::downgrade(&call.cancellation),
            deadline: call.deadline?,
        })
    }
}
