//! Who waits on a connection: whose turn it is to read, and who wants a place.

use std::collections::BTreeMap;

use crate::transport::Waiter;

/// Threads that wait, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    /// Those that sleep here, to inherit the reading.
    heirs: BTreeMap<Berth, Waiter>,
    /// Those that wait for the server's preface, asleep or reading.
    strangers: BTreeMap<Berth, Waiter>,
    /// Those that wait for a place, likewise.
    seekers: BTreeMap<Berth, Waiter>,
    last: u64,
}

/// One wait of a thread, until it looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Berth(u64);

/// What a thread waits for on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The answer to this call.
    Answer(u64),
    /// The server's preface.
    Greeting,
    /// A place for a call.
    Place,
    /// Something that its stream wakes it for.
    Stream,
}

impl Sleepers {
    pub(super) fn berth(&mut self) -> Berth {
        self.last += 1;
        Berth(self.last)
    }

    pub(super) fn sleep(&mut self, berth: Berth, waiter: Waiter) {
        self.heirs.insert(berth, waiter);
    }

    pub(super) fn await_greeting(&mut self, berth: Berth, waiter: Waiter) {
        self.strangers.insert(berth, waiter);
    }

    pub(super) fn seek(&mut self, berth: Berth, waiter: Waiter) {
        self.seekers.insert(berth, waiter);
    }

    /// A thread looks again: nobody may leave the reading to one that is not there.
    pub(super) fn rise(&mut self, berth: Berth) {
        self.heirs.remove(&berth);
        self.strangers.remove(&berth);
        self.seekers.remove(&berth);
    }

    pub(super) fn heir(&mut self) -> Option<Waiter> {
        self.heirs.pop_first().map(|(_, waiter)| waiter)
    }

    /// As many of those who want a place as there are places.
    pub(super) fn seekers(&mut self, places: usize) -> Vec<Waiter> {
        let found = std::iter::from_fn(|| self.seekers.pop_first().map(|(_, waiter)| waiter));
        found.take(places).collect()
    }

    /// Everyone who waits for the connection itself.
    pub(super) fn strangers_and_seekers(&mut self) -> Vec<Waiter> {
        let (strangers, seekers) = (std::mem::take(&mut self.strangers), std::mem::take(&mut self.seekers));
        strangers.into_values().chain(seekers.into_values()).collect()
    }
}
