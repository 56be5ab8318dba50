//! Calls counted as they end: by procedure, by what came of them, and by how long they took.
//!
//! Made once for the procedures that are known, so that a call costs three additions, without a lock or memory. Threads of
//! different connections write to different shards, and only who looks adds those up. The counters are std's, also in a
//! model: no thread waits for what they say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::histogram::Histogram;
use super::{Distribution, Family};
use crate::outcome::Outcome;
use crate::status::Code;

/// The counters of a set of procedures.
#[derive(Debug)]
pub(crate) struct Tally {
    names: Vec<&'static str>,
    /// A power of two of them.
    shards: Box<[Box<[Counters]>]>,
}

/// A procedure's place in a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u32);

/// Of one procedure and shard; alone on its cache lines, and on those that the processor fetches with them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    outcomes: [AtomicU64; OUTCOMES],
    times: Histogram,
    items_received: AtomicU64,
    items_sent: AtomicU64,
}

/// `Returned`, the codes by number, `Failed`.
const OUTCOMES: usize = Code::ALL.len() + 2;

/// More shards than this are looked through at each scrape for nothing.
const MOST_SHARDS: usize = 16;

/// What calls of procedures that are not known count under: no method has this name.
pub(crate) const UNKNOWN: &str = "(unknown)";

impl Tally {
    /// For these procedures, and those that are not known.
    pub(crate) fn new(procedures: &[&'static str]) -> Tally {
        let names: Vec<_> = procedures.iter().copied().chain([UNKNOWN]).collect();
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let counters = || names.iter().map(|_| Counters::default()).collect();
        let shards =
            std::iter::repeat_with(counters).take(processors.next_power_of_two().min(MOST_SHARDS)).collect();
        Tally { names, shards }
    }

    /// The place of procedures that are not known.
    pub(crate) fn unknown(&self) -> Slot {
        Slot::nth(self.names.len() - 1)
    }

    /// A call of connection `of` is over.
    pub(crate) fn count(&self, of: u64, slot: Slot, outcome: Result<Outcome, Code>, time: Duration) {
        if let Some(counters) = self.counters(of, slot) {
            counters.count(outcome, time);
        }
    }

    /// Items of a stream have come over connection `of`.
    pub(crate) fn receive_items(&self, of: u64, slot: Slot, items: u32) {
        if let Some(counters) = self.counters(of, slot) {
            counters.items_received.fetch_add(u64::from(items), Ordering::Relaxed);
        }
    }

    /// Items of a stream were queued for connection `of`.
    pub(crate) fn send_items(&self, of: u64, slot: Slot, items: u32) {
        if let Some(counters) = self.counters(of, slot) {
            counters.items_sent.fetch_add(u64::from(items), Ordering::Relaxed);
        }
    }

    /// Adds the calls of each procedure.
    pub(crate) fn calls(&self, family: Family) -> Family {
        let names = self.names.iter().enumerate();
        names.fold(family, |family, (slot, name)| Counters::calls(family, name, || self.of(slot)))
    }

    /// Adds a histogram for each procedure.
    pub(crate) fn times(&self, family: Family) -> Family {
        let names = self.names.iter().enumerate();
        names.fold(family, |family, (slot, name)| Counters::times(family, name, self.of(slot)))
    }

    /// Adds a sample for this procedure.
    pub(crate) fn received_items(&self, family: Family, slot: Slot) -> Family {
        let Some(name) = self.names.get(slot.index()) else { return family };
        family.with([("procedure", *name)], self.sum(slot.index(), |counters| Some(&counters.items_received)))
    }

    /// Adds a sample for this procedure.
    pub(crate) fn sent_items(&self, family: Family, slot: Slot) -> Family {
        let Some(name) = self.names.get(slot.index()) else { return family };
        family.with([("procedure", *name)], self.sum(slot.index(), |counters| Some(&counters.items_sent)))
    }

    fn counters(&self, of: u64, slot: Slot) -> Option<&Counters> {
        let shard = usize::try_from(of).unwrap_or(0) & (self.shards.len() - 1);
        self.shards.get(shard)?.get(slot.index())
    }

    fn of(&self, slot: usize) -> impl Iterator<Item = &Counters> {
        self.shards.iter().filter_map(move |shard| shard.get(slot))
    }

    fn sum<'a>(&'a self, slot: usize, counter: impl Fn(&'a Counters) -> Option<&'a AtomicU64>) -> u64 {
        self.of(slot).filter_map(counter).map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Counters {
    /// A call is over.
    pub(crate) fn count(&self, outcome: Result<Outcome, Code>, time: Duration) {
        if let Some(count) = self.outcomes.get(index(outcome)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.times.add(time);
    }

    /// Adds a sample for each way in which calls of a procedure can end, with the sum of `all`; also for those that have not
    /// happened: a rate that begins with its first event does not see it.
    pub(crate) fn calls<'a, I: Iterator<Item = &'a Counters>>(
        family: Family,
        procedure: &str,
        all: impl Fn() -> I,
    ) -> Family {
        outcomes().fold(family, |family, outcome| {
            let counts = all().filter_map(|counters| counters.outcomes.get(index(outcome)));
            let count: u64 = counts.map(|count| count.load(Ordering::Relaxed)).sum();
            family.with([("procedure", procedure), ("code", &outcome_name(outcome))], count)
        })
    }

    /// Adds a histogram of how long calls of a procedure took, of all these.
    pub(crate) fn times<'a>(
        family: Family,
        procedure: &str,
        all: impl Iterator<Item = &'a Counters>,
    ) -> Family {
        let mut times = Distribution::default();
        all.for_each(|counters| counters.times.add_to(&mut times));
        family.with([("procedure", procedure)], times)
    }
}

impl Slot {
    /// Of the procedure with this index among those that a tally is made for.
    pub(crate) fn nth(index: usize) -> Slot {
        Slot(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Every way in which a call can end.
fn outcomes() -> impl Iterator<Item = Result<Outcome, Code>> {
    [Ok(Outcome::Returned), Ok(Outcome::Failed)].into_iter().chain(Code::ALL.map(Err))
}

fn index(outcome: Result<Outcome, Code>) -> usize {
    match outcome {
        Ok(Outcome::Returned) => 0,
        Err(code) => usize::from(u8::from(code)),
        Ok(Outcome::Failed) => OUTCOMES - 1,
    }
}

fn outcome_name(outcome: Result<Outcome, Code>) -> String {
    match outcome {
        Ok(Outcome::Returned) => "Ok".to_owned(),
        Ok(Outcome::Failed) => "Failed".to_owned(),
        Err(code) => code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn every_outcome_has_a_place_and_a_name_of_its_own() {
        let places: BTreeSet<usize> = outcomes().map(index).collect();
        assert_eq!(places, (0..OUTCOMES).collect());
        let names: BTreeSet<String> = outcomes().map(outcome_name).collect();
        assert_eq!(names.len(), OUTCOMES);
    }

    #[test]
    fn what_connections_count_adds_up_by_procedure_and_outcome() {
        let tally = Tally::new(&["a", "b"]);
        let time = Duration::from_millis(1);
        for connection in 0..100 {
            tally.count(connection, Slot::nth(0), Ok(Outcome::Returned), time);
            tally.count(connection, Slot::nth(1), Err(Code::Internal), time);
            tally.receive_items(connection, Slot::nth(1), 7);
        }
        tally.count(u64::MAX, tally.unknown(), Err(Code::Unimplemented), Duration::ZERO);
        let calls = tally.calls(Family::counter("calls_total", ""));
        let metrics = Metrics::from_iter([calls, tally.times(Family::histogram("seconds", ""))]);
        let calls =
            |procedure, code| metrics.value("calls_total", &[("procedure", procedure), ("code", code)]);
        assert_eq!((calls("a", "Ok"), calls("a", "Internal")), (Some(100.0), Some(0.0)));
        assert_eq!((calls("b", "Internal"), calls(UNKNOWN, "Unimplemented")), (Some(100.0), Some(1.0)));
        assert_eq!(metrics.value("seconds", &[("procedure", "b")]), Some(100.0));
        let items =
            Metrics::from_iter([tally.received_items(Family::counter("items_total", ""), Slot::nth(1))]);
        assert_eq!(items.value("items_total", &[("procedure", "b")]), Some(700.0));
    }
}
