//! What the histories of all rooms take together, and which room was used when.
//!
//! Each room has an [`Account`] with the one [`Budget`]; both are counters, so that rooms do not wait for each other.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The memory of all rooms.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Counts uses of rooms: the clock by which one is older than another.
    uses: AtomicU64,
}

/// One room's part of it. Changed under the room's lock, read without.
#[derive(Debug, Default)]
pub(super) struct Account {
    bytes: AtomicUsize,
    last_use: AtomicU64,
}

/// Uses of rooms for which a room counts as in use.
const IN_USE: u64 = 64;

impl Budget {
    pub(super) fn new(limit: usize) -> Budget {
        Budget { limit, used: AtomicUsize::new(0), uses: AtomicU64::new(0) }
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// By a sixteenth, so that rooms are gone through rarely.
    pub(super) fn is_well_within(&self) -> bool {
        self.used.load(Ordering::Relaxed) <= self.limit - self.limit / 16
    }
}

impl Account {
    /// The room was used, and takes this much now.
    pub(super) fn settle(&self, budget: &Budget, bytes: usize) {
        self.last_use.store(budget.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.forgot(budget, bytes);
    }

    /// The room takes this much now, and nobody used it.
    pub(super) fn forgot(&self, budget: &Budget, bytes: usize) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        // The difference alone: others look at the sum at any moment.
        match bytes.checked_sub(before) {
            Some(more) => budget.used.fetch_add(more, Ordering::Relaxed),
            None => budget.used.fetch_sub(before - bytes, Ordering::Relaxed),
        };
    }

    pub(super) fn last_used(&self) -> u64 {
        self.last_use.load(Ordering::Relaxed)
    }

    /// Whether it is among the rooms used last: what was sent there may still be on its way to those who follow.
    pub(super) fn is_in_use(&self, budget: &Budget) -> bool {
        budget.uses.load(Ordering::Relaxed).saturating_sub(self.last_used()) <= IN_USE
    }
}
