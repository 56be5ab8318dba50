//! What has changed lately, by revision.

use std::collections::VecDeque;

use super::record::Event;

/// The latest changes; what is older is forgotten, and who missed it starts anew.
#[derive(Debug, Default)]
pub(super) struct History {
    number: u64,
    /// Behind each event, the revision it led to.
    latest: VecDeque<(u64, Event)>,
    /// What has happened since the last revision.
    pending: Vec<Event>,
}

impl History {
    /// The revision that is known to all.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn note(&mut self, event: Event) {
        self.pending.push(event);
    }

    /// Makes what was noted one revision, if anything was.
    pub(super) fn commit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.number += 1;
        let number = self.number;
        self.latest.extend(self.pending.drain(..).map(|event| (number, event)));
        while self.latest.len() > EVENTS {
            self.forget_oldest();
        }
    }

    /// What came after a revision, each with the revision that it led to; `None` when that is not remembered, or the
    /// revision is none of ours.
    pub(super) fn since(&self, seen: u64) -> Option<impl Iterator<Item = (u64, &Event)>> {
        let oldest = self.latest.front().map_or(self.number, |(number, _)| number - 1);
        if seen < oldest || seen > self.number {
            return None;
        }
        let from = self.latest.partition_point(|(number, _)| *number <= seen);
        Some(self.latest.range(from..).map(|(number, event)| (*number, event)))
    }

    /// A revision is remembered whole or not at all.
    fn forget_oldest(&mut self) {
        let Some((oldest, _)) = self.latest.front() else { return };
        let oldest = *oldest;
        while self.latest.front().is_some_and(|(number, _)| *number == oldest) {
            self.latest.pop_front();
        }
    }
}

/// The most events remembered, among them the end of a lease with as many names as one covers. A watcher that was away for
/// more starts anew.
const EVENTS: usize = 16_384;
