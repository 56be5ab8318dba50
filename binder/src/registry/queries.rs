//! What a registry answers without changing anything but the time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::record::{Event, Held, Record};
use super::{Registry, millis};
use crate::contract::{Cursor, Departure};
use crate::error::BinderError;
use crate::features::Wanted;
use crate::name::ProcedureName;
use crate::selection::Selection;

/// Whether a registration that was named is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    Found,
    Empty,
}

/// Whose registrations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whoever {
    Any,
    /// Of those alone who are not heard of.
    Suspect,
}

/// A part of all records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) held: Vec<Held>,
    /// Where the next part begins; `None` behind the last one.
    pub(crate) next: Option<Cursor>,
}

/// Some names with all their records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) held: Vec<Held>,
    pub(crate) to: Extent,
}

/// How far some names go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Up to this one, itself included.
    Name(ProcedureName),
    /// To the last there is.
    End,
}

/// A change, and the revision that it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) number: u64,
    pub(crate) told: Told,
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

impl Told {
    /// Which procedure it is about.
    pub(crate) fn name(&self) -> &ProcedureName {
        match self {
            Told::Added(held) | Told::Changed(held) => &held.record.name,
            Told::Removed(record, _) => &record.name,
        }
    }
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
                lease_ms: millis(self.terms.settled_after()),
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

    /// The records of the selected names behind `after`, in order and each name whole: `enough` of them, or all.
    pub(crate) fn names_behind(
        &mut self,
        selection: &Selection,
        after: Option<&ProcedureName>,
        enough: usize,
        now: Instant,
    ) -> Names {
        let now = self.look(now);
        let mut names = Names { held: Vec::new(), to: Extent::End };
        for (name, records) in self.book.selected(selection, after) {
            if names.held.len() >= enough {
                return names;
            }
            names.held.extend(records.iter().map(|record| self.held(record, now)));
            names.to = Extent::Name(name.clone());
        }
        names.to = Extent::End;
        names
    }

    /// What happened after a revision to names that are selected; `None` when that is not remembered, or the revision is
    /// none of this registry's.
    pub(crate) fn since(
        &mut self,
        seen: u64,
        selected: impl Fn(&ProcedureName) -> bool,
        now: Instant,
    ) -> Option<Vec<News>> {
        let now = self.look(now);
        let events = self.history.since(seen)?.filter(|(_, event)| selected(&event.record().name));
        Some(events.map(|(number, event)| News { number, told: self.told(event, now) }).collect())
    }

    /// How long this registry has been there, and the age at which it knows every living server.
    pub(crate) fn footing(&self, now: Instant) -> (Duration, Duration) {
        (now.saturating_duration_since(self.started), self.terms.settled_after())
    }

    /// The most names that one lease covers.
    pub(crate) fn names_per_lease(&self) -> usize {
        self.terms.names_per_lease
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
            leases: self.leases.servers(),
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
        let calls = lease.and_then(|lease| lease.rates.get(&record.name)).and_then(|rate| rate.now(now));
        Held { record: record.clone(), term, left, calls }
    }
}

fn cursor(record: &Arc<Record>) -> Cursor {
    Cursor { name: record.name.to_string(), epoch: record.epoch }
}

/// The most records that one page looks at: a page that finds little ends after about a millisecond too.
const SEARCHED: usize = 10_000;
