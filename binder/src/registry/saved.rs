//! A registry as it is kept over a restart.
//!
//! What is kept is who registered what, never how long ago he was heard of: every lease begins anew, in full.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lease::Lease;
use super::record::{Event, Health, Intent, Record};
use super::{REMOVED_FOR, Registry, Terms};
use crate::address::Place;
use crate::contract::{LossReason, Mode};
use crate::features::Features;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

/// A registry as it was at one moment, to be saved while it goes on.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// No epoch that is given before the next save is higher.
    pub(crate) epoch: u64,
    taken: Instant,
    /// With the lost names of each.
    leases: Vec<(Owner, Duration, BTreeMap<ProcedureName, LossReason>)>,
    records: Vec<Arc<Record>>,
    removals: Vec<SavedRemoval>,
}

/// All that a binder keeps over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// That of the [`Snapshot`].
    pub(crate) epoch: u64,
    pub(crate) leases: Vec<SavedLease>,
    pub(crate) removals: Vec<SavedRemoval>,
}

/// What a start of a server may not have, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedRemoval {
    pub(crate) owner: Owner,
    pub(crate) name: ProcedureName,
    pub(crate) left: Duration,
}

/// A lease and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedLease {
    pub(crate) owner: Owner,
    pub(crate) term: Duration,
    pub(crate) held: Vec<SavedRecord>,
    pub(crate) lost: BTreeMap<ProcedureName, LossReason>,
}

/// A registration, as old as it was when it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedRecord {
    pub(crate) name: ProcedureName,
    pub(crate) place: Place,
    pub(crate) mode: Mode,
    pub(crate) features: Features,
    pub(crate) epoch: u64,
    pub(crate) rank: u64,
    /// The start that registered it: its lease's, or a former one.
    pub(crate) incarnation: u64,
    pub(crate) age: Duration,
    pub(crate) intent: Intent,
}

impl Registry {
    /// What is to be kept. Records never change, so nothing but pointers to them is copied: nobody can ask meanwhile.
    pub(crate) fn snapshot(&self, now: Instant) -> Snapshot {
        let lease = |(instance, lease): (&Instance, &Lease)| {
            let owner = Owner { instance: instance.clone(), incarnation: lease.incarnation };
            (owner, lease.term, lease.lost.clone())
        };
        Snapshot {
            epoch: self.last_epoch.saturating_add(EPOCHS_AHEAD),
            taken: now,
            leases: self.leases.iter().map(lease).collect(),
            records: self.book.all().cloned().collect(),
            removals: self
                .removals
                .all(now)
                .map(|(owner, name, left)| SavedRemoval { owner, name, left })
                .collect(),
        }
    }

    /// A registry that knows what was saved. Epochs are higher than all that were, and than `epoch`.
    pub(crate) fn restore(terms: Terms, saved: Saved, epoch: u64, now: Instant) -> Registry {
        let mut registry = Registry::new(terms, epoch.max(saved.epoch), now);
        for lease in saved.leases {
            registry.restore_lease(lease, now);
        }
        for SavedRemoval { owner, name, left } in saved.removals {
            registry.removals.note(&owner, &name, now + left.min(REMOVED_FOR), registry.terms.registrations);
        }
        // Who watched before the restart knows another binder: nothing of this is news.
        registry.history.commit();
        registry
    }

    fn restore_lease(&mut self, saved: SavedLease, now: Instant) {
        let SavedLease { owner, term, held, lost } = saved;
        let shared =
            |record: SavedRecord| SavedRecord { name: self.book.shared(record.name.clone()), ..record };
        let held: Vec<_> = held.into_iter().map(shared).collect();
        let former = |record: &&SavedRecord| record.incarnation != owner.incarnation;
        let lease = Lease {
            incarnation: owner.incarnation,
            term: self.terms.grant(Some(term)),
            health: Health::Live,
            ends: now + self.terms.grant(Some(term)),
            names: held.iter().map(|record| record.name.clone()).collect(),
            inherited: held.iter().filter(former).map(|record| record.name.clone()).collect(),
            lost,
            rates: BTreeMap::new(),
        };
        for record in held {
            let health = if record.incarnation == owner.incarnation { Health::Live } else { Health::Suspect };
            let record = Arc::new(restored_record(record, &owner, health, now));
            self.book.put(record.clone());
            self.history.note(Event::Added(record));
        }
        self.leases.restore(owner.instance, lease);
    }
}

impl Snapshot {
    /// What is kept from whom.
    pub(crate) fn removals(&self) -> &[SavedRemoval] {
        &self.removals
    }

    /// The leases, each with what it covers: made one by one, since together they are large.
    pub(crate) fn leases(&self) -> impl Iterator<Item = SavedLease> {
        let mut held: HashMap<&Instance, Vec<&Record>> = HashMap::new();
        for record in &self.records {
            held.entry(&record.owner.instance).or_default().push(record);
        }
        self.leases.iter().map(move |(owner, term, lost)| {
            let records = held.remove(&owner.instance).unwrap_or_default();
            let held = records.into_iter().map(|record| saved_record(record, self.taken)).collect();
            SavedLease { owner: owner.clone(), term: *term, held, lost: lost.clone() }
        })
    }
}

fn saved_record(record: &Record, now: Instant) -> SavedRecord {
    SavedRecord {
        name: record.name.clone(),
        place: record.place.clone(),
        mode: record.mode,
        features: record.features.clone(),
        epoch: record.epoch,
        rank: record.rank,
        incarnation: record.owner.incarnation,
        age: now.saturating_duration_since(record.since),
        intent: record.intent,
    }
}

fn restored_record(saved: SavedRecord, lease: &Owner, health: Health, now: Instant) -> Record {
    let SavedRecord { name, place, mode, features, epoch, rank, incarnation, age, intent } = saved;
    Record {
        name,
        owner: Owner { instance: lease.instance.clone(), incarnation },
        place,
        mode,
        features,
        epoch,
        rank: rank.min(epoch),
        // A machine that has just booted has no earlier time than its boot.
        since: now.checked_sub(age).unwrap_or(now),
        health,
        intent,
    }
}

/// How many epochs are given at most between two saves: one a microsecond for a second.
const EPOCHS_AHEAD: u64 = 1_000_000;
