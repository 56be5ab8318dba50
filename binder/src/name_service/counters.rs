//! How often the binder was asked. Numbers for people: no order between them is promised.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::contract::Counters;

#[derive(Debug, Default)]
pub(super) struct Tally {
    lookups: AtomicU64,
    registrations: AtomicU64,
    renewals: AtomicU64,
    expired: AtomicU64,
}

impl Tally {
    pub(super) fn looked_up(&self) {
        self.lookups.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn registered(&self) {
        self.registrations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn renewed(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn expired(&self, count: usize) {
        self.expired.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            lookups: read(&self.lookups),
            registrations: read(&self.registrations),
            renewals: read(&self.renewals),
            expired: read(&self.expired),
        }
    }
}
