//! A registry as it is kept over a restart.
//!
//! What is kept is who registered what, never how long ago he was heard of: every lease begins anew, in full.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lease::Lease;
use super::record::{Event, Health, Intent, Offered, Record};
use super::{Registry, Terms};
use crate::contract::LossReason;
use crate::identity::Owner;
use crate::name::ProcedureName;

/// All that a binder keeps over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// No epoch that is given before the next save is higher.
    pub(crate) epoch: u64,
    pub(crate) leases: Vec<SavedLease>,
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
    pub(crate) offered: Offered,
    pub(crate) epoch: u64,
    /// The start that registered it: its lease's, or a former one.
    pub(crate) incarnation: u64,
    pub(crate) age: Duration,
    pub(crate) intent: Intent,
}

impl Registry {
    /// What is to be kept. Cheap: it is called while nobody else can ask.
    pub(crate) fn save(&self, now: Instant) -> Saved {
        let lease = |(instance, lease): (&_, &Lease)| SavedLease {
            owner: Owner { instance: Clone::clone(instance), incarnation: lease.incarnation },
            term: lease.term,
            held: lease
                .names
                .iter()
                .filter_map(|name| self.book.find(name, instance))
                .map(|record| saved_record(record, now))
                .collect(),
            lost: lease.lost.clone(),
        };
        Saved {
            epoch: self.last_epoch.saturating_add(EPOCHS_AHEAD),
            leases: self.leases.iter().map(lease).collect(),
        }
    }

    /// A registry that knows what was saved. Epochs are higher than all that were, and than `epoch`.
    pub(crate) fn restore(terms: Terms, saved: Saved, epoch: u64, now: Instant) -> Registry {
        let mut registry = Registry::new(terms, epoch.max(saved.epoch), now);
        for lease in saved.leases {
            registry.restore_lease(lease, now);
        }
        // Who watched before the restart knows another binder: nothing of this is news.
        registry.history.commit();
        registry
    }

    fn restore_lease(&mut self, saved: SavedLease, now: Instant) {
        let SavedLease { owner, term, held, lost } = saved;
        let former = |record: &&SavedRecord| record.incarnation != owner.incarnation;
        let lease = Lease {
            incarnation: owner.incarnation,
            term: self.terms.grant(Some(term)),
            health: Health::Live,
            ends: now + self.terms.grant(Some(term)),
            names: held.iter().map(|record| record.offered.name.clone()).collect(),
            inherited: held.iter().filter(former).map(|record| record.offered.name.clone()).collect(),
            lost,
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

fn saved_record(record: &Arc<Record>, now: Instant) -> SavedRecord {
    SavedRecord {
        offered: Offered {
            name: record.name.clone(),
            place: record.place.clone(),
            mode: record.mode,
            features: record.features.clone(),
        },
        epoch: record.epoch,
        incarnation: record.owner.incarnation,
        age: now.saturating_duration_since(record.since),
        intent: record.intent,
    }
}

fn restored_record(saved: SavedRecord, lease: &Owner, health: Health, now: Instant) -> Record {
    let Offered { name, place, mode, features } = saved.offered;
    Record {
        name,
        owner: Owner { instance: lease.instance.clone(), incarnation: saved.incarnation },
        place,
        mode,
        features,
        epoch: saved.epoch,
        // A machine that has just booted has no earlier time than its boot.
        since: now.checked_sub(saved.age).unwrap_or(now),
        health,
        intent: saved.intent,
    }
}

/// How many epochs are given at most between two saves: one a microsecond for a second.
const EPOCHS_AHEAD: u64 = 1_000_000;
