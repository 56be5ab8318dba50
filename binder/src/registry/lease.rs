//! The leases of a registry, by instance and by their ends.
//!
//! Every lease covers at least one name, held or lost, so their number is bounded by the number of names.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

/// One process' lease.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) incarnation: u64,
    pub(super) ends: Instant,
    pub(super) names: BTreeSet<ProcedureName>,
    pub(super) superseded: BTreeSet<ProcedureName>,
}

/// How a lease covers a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Held,
    Lost,
}

#[derive(Debug, Default)]
pub(super) struct Leases {
    by_instance: HashMap<Instance, Lease>,
    by_end: BTreeSet<(Instant, Instance)>,
    /// The sum of all leases' sizes.
    size: usize,
}

impl Lease {
    pub(super) fn size(&self) -> usize {
        self.names.len() + self.superseded.len()
    }

    pub(super) fn share_of(&self, name: &ProcedureName) -> Option<Share> {
        if self.names.contains(name) {
            return Some(Share::Held);
        }
        self.superseded.contains(name).then_some(Share::Lost)
    }
}

impl Leases {
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn get(&self, instance: &Instance) -> Option<&Lease> {
        self.by_instance.get(instance)
    }

    /// The lease of this very start of the instance.
    pub(super) fn of(&self, owner: &Owner) -> Option<&Lease> {
        self.get(&owner.instance).filter(|lease| lease.incarnation == owner.incarnation)
    }

    pub(super) fn incarnation(&self, instance: &Instance) -> Option<u64> {
        self.get(instance).map(|lease| lease.incarnation)
    }

    /// Moves the end of the owner's lease, and makes the lease if there is none; the caller gives it a name then.
    pub(super) fn renew(&mut self, owner: &Owner, ends: Instant) -> &Lease {
        let incarnation = owner.incarnation;
        let lease = self.by_instance.entry(owner.instance.clone()).or_insert_with(|| Lease {
            incarnation,
            ends,
            names: BTreeSet::new(),
            superseded: BTreeSet::new(),
        });
        self.by_end.remove(&(lease.ends, owner.instance.clone()));
        self.by_end.insert((ends, owner.instance.clone()));
        lease.ends = ends;
        lease
    }

    pub(super) fn renew_all(&mut self, ends: Instant) {
        self.by_end.clear();
        for (instance, lease) in &mut self.by_instance {
            lease.ends = ends;
            self.by_end.insert((ends, instance.clone()));
        }
    }

    pub(super) fn take(&mut self, instance: &Instance) -> Option<Lease> {
        let lease = self.by_instance.remove(instance)?;
        self.by_end.remove(&(lease.ends, instance.clone()));
        self.size -= lease.size();
        Some(lease)
    }

    /// A lease that has ended by `now`, if there is one.
    pub(super) fn take_ended(&mut self, now: Instant) -> Option<Lease> {
        let (_, instance) = self.by_end.first().filter(|(ends, _)| *ends <= now)?.clone();
        self.take(&instance)
    }

    pub(super) fn hold(&mut self, instance: &Instance, name: &ProcedureName) {
        let Some(lease) = self.by_instance.get_mut(instance) else { return };
        let before = lease.size();
        lease.superseded.remove(name);
        lease.names.insert(name.clone());
        self.size = self.size - before + lease.size();
    }

    pub(super) fn supersede(&mut self, instance: &Instance, name: &ProcedureName) {
        let Some(lease) = self.by_instance.get_mut(instance) else { return };
        lease.names.remove(name);
        lease.superseded.insert(name.clone());
    }

    /// Takes a name off the owner's lease, and ends the lease with its last name.
    pub(super) fn forget(&mut self, owner: &Owner, name: &ProcedureName) -> Option<Share> {
        let lease = self.by_instance.get_mut(&owner.instance)?;
        if lease.incarnation != owner.incarnation {
            return None;
        }
        let share = lease.share_of(name)?;
        lease.names.remove(name);
        lease.superseded.remove(name);
        self.size -= 1;
        if lease.size() == 0 {
            self.take(&owner.instance);
        }
        Some(share)
    }
}
