//! What a registry answers without changing anything but the time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::record::{Event, Held, Record};
use super::{Registry, millis};
use crate::contract::{Cursor, Departure, Scope};
use crate::error::BinderError;
use crate::features::Wanted;
use crate::name::ProcedureName;

/// Whether a registration that was named is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    Found,
    Empty,
}

/// A part of all records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) held: Vec<Held>,
    /// Where the next part begins; `None` behind the last one.
    pub(crate) next: Option<Cursor>,
}

/// What a watcher has missed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missed {
    pub(crate) start: Start,
    pub(crate) news: Vec<Told>,
    /// The revision these lead to.
    pub(crate) number: u64,
}

/// Whether a watcher keeps what he knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// He does: the news are what came after it.
    Onward,
    /// He does not: the news are all there is.
    Anew,
}

/// An event with what is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Added(Held),
    Changed(Held),
    Removed(Arc<Record>, Departure),
}

/// How much a registry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) names: usize,
    pub(crate) registrations: usize,
    pub(crate) leases: usize,
    pub(crate) suspects: usize,
    /// For how long the guard has been on.
    pub(crate) guarded_for: Option<Duration>,
    pub(crate) uptime: Duration,
}

impl Registry {
    /// Those who serve the name and are what is wanted: the best state that there is.
    ///
    /// # Errors
    /// [`BinderError::NotRegistered`] and [`BinderError::NoMatch`].
    pub(crate) fn lookup(
        &mut self,
        name: &ProcedureName,
        wanted: &Wanted,
        now: Instant,
    ) -> Result<Vec<Held>, BinderError> {
        let now = self.look(now);
        let records = self.book.of(name);
        if records.is_empty() {
            return Err(BinderError::NotRegistered {
                name: name.to_string(),
                binder_age_ms: millis(now - self.started),
                lease_ms: millis(self.terms.lease),
            });
        }
        let fitting = || records.iter().filter(|record| wanted.is_met_by(&record.features));
        let best = fitting()
            .map(|record| record.state())
            .min()
            .ok_or_else(|| BinderError::NoMatch { name: name.to_string(), servers: records.len() as u64 })?;
        Ok(fitting().filter(|record| record.state() == best).map(|record| self.held(record, now)).collect())
    }

    /// At most `limit` records behind `after` whose names begin with `prefix` and that are what is wanted, in order.
    pub(crate) fn list(
        &mut self,
        prefix: &str,
        wanted: &Wanted,
        after: Option<&Cursor>,
        limit: usize,
        now: Instant,
    ) -> Slice {
        let now = self.look(now);
        let after = after.map(|cursor| (cursor.name.as_str(), cursor.epoch));
        let mut held = Vec::new();
        let mut last = None;
        for (count, record) in self.book.behind(after, prefix).enumerate() {
            if held.len() == limit || count == SEARCHED {
                return Slice { held, next: last.map(cursor) };
            }
            if wanted.is_met_by(&record.features) {
                held.push(self.held(record, now));
            }
            last = Some(record);
        }
        Slice { held, next: None }
    }

    /// What happened in this scope after the revision that was seen; all there is where that is not known any more.
    pub(crate) fn missed(&mut self, scope: &Scope, seen: Option<u64>, now: Instant) -> Missed {
        let now = self.look(now);
        let number = self.history.number();
        if let Some(events) = seen.and_then(|seen| self.history.since(seen)) {
            let events = events.filter(|event| scope.has(event.record().name.as_str()));
            let news = events.map(|event| self.told(event, now)).collect();
            return Missed { start: Start::Onward, news, number };
        }
        let (Scope::Name(text) | Scope::Prefix(text)) = scope;
        let records = self.book.behind(None, text).filter(|record| scope.has(record.name.as_str()));
        let news = records.map(|record| Told::Added(self.held(record, now))).collect();
        Missed { start: Start::Anew, news, number }
    }

    /// The number of changes so far.
    pub(crate) fn number(&self) -> u64 {
        self.history.number()
    }

    /// How much there is.
    pub(crate) fn census(&mut self, now: Instant) -> Census {
        let now = self.look(now);
        Census {
            names: self.book.names(),
            registrations: self.book.records(),
            leases: self.leases.count(),
            suspects: self.leases.suspects(),
            guarded_for: self.guard.on_since().map(|since| now - since),
            uptime: now - self.started,
        }
    }

    fn told(&self, event: &Event, now: Instant) -> Told {
        match event {
            Event::Added(record) => Told::Added(self.held(record, now)),
            Event::Changed(record) => Told::Changed(self.held(record, now)),
            Event::Removed(record, why) => Told::Removed(record.clone(), *why),
        }
    }

    fn held(&self, record: &Arc<Record>, now: Instant) -> Held {
        let lease = self.leases.get(&record.owner.instance);
        let term = lease.map_or(self.terms.lease, |lease| lease.term);
        let left = match lease {
            Some(lease) if lease.health == super::Health::Live => lease.ends.saturating_duration_since(now),
            _ => Duration::ZERO,
        };
        Held { record: record.clone(), term, left }
    }
}

fn cursor(record: &Arc<Record>) -> Cursor {
    Cursor { name: record.name.to_string(), epoch: record.epoch }
}

/// The most records that one page looks at: a page that finds little ends after about a millisecond too.
const SEARCHED: usize = 10_000;
