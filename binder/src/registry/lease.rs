//! The leases of a registry, by instance and by their ends.
//!
//! Every lease covers at least one name, held or lost, so their number is bounded by the number of names. A live lease
//! that ends becomes suspect if it holds a name; a suspect one that ends is taken by the registry.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::record::Health;
use crate::contract::LossReason;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

/// One process' lease.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) incarnation: u64,
    pub(super) term: Duration,
    pub(super) health: Health,
    /// When it becomes suspect, or goes.
    pub(super) ends: Instant,
    pub(super) names: BTreeSet<ProcedureName>,
    /// Those of the names that a former start registered and this one has not yet.
    pub(super) inherited: BTreeSet<ProcedureName>,
    pub(super) lost: BTreeMap<ProcedureName, LossReason>,
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
    live: BTreeSet<(Instant, Instance)>,
    suspect: BTreeSet<(Instant, Instance)>,
    /// The sum of all leases' sizes.
    size: usize,
}

impl Lease {
    pub(super) fn size(&self) -> usize {
        self.names.len() + self.lost.len()
    }

    pub(super) fn share_of(&self, name: &ProcedureName) -> Option<Share> {
        if self.names.contains(name) {
            return Some(Share::Held);
        }
        self.lost.contains_key(name).then_some(Share::Lost)
    }
}

impl Leases {
    /// The sum of the names that all leases cover.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn count(&self) -> usize {
        self.by_instance.len()
    }

    pub(super) fn suspects(&self) -> usize {
        self.suspect.len()
    }

    pub(super) fn get(&self, instance: &Instance) -> Option<&Lease> {
        self.by_instance.get(instance)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Instance, &Lease)> {
        self.by_instance.iter()
    }

    /// The lease of this very start of the instance.
    pub(super) fn of(&self, owner: &Owner) -> Option<&Lease> {
        self.get(&owner.instance).filter(|lease| lease.incarnation == owner.incarnation)
    }

    /// Makes the owner's lease live for another term, and makes it if there is none; the caller gives it a name then. A
    /// later start takes over the lease of the former one, whose names it inherits.
    pub(super) fn renew(&mut self, owner: &Owner, term: Duration, now: Instant) -> &Lease {
        let lease = self.by_instance.entry(owner.instance.clone()).or_insert_with(|| Lease {
            incarnation: owner.incarnation,
            term,
            health: Health::Live,
            ends: now,
            names: BTreeSet::new(),
            inherited: BTreeSet::new(),
            lost: BTreeMap::new(),
        });
        let former = (lease.ends, owner.instance.clone());
        self.live.remove(&former);
        self.suspect.remove(&former);
        if lease.incarnation != owner.incarnation {
            self.size -= lease.lost.len();
            lease.lost.clear();
            lease.inherited.clone_from(&lease.names);
            lease.incarnation = owner.incarnation;
        }
        (lease.term, lease.health, lease.ends) = (term, Health::Live, now + term);
        self.live.insert((lease.ends, owner.instance.clone()));
        lease
    }

    /// Gives a full term from now to every lease that a gap of this length may have ended.
    pub(super) fn forgive(&mut self, gap: Duration, share: u32, now: Instant) {
        for (instance, lease) in &mut self.by_instance {
            if gap > lease.term / share {
                let ends = if lease.health == Health::Live { &mut self.live } else { &mut self.suspect };
                ends.remove(&(lease.ends, instance.clone()));
                lease.ends = now + lease.term;
                ends.insert((lease.ends, instance.clone()));
            }
        }
    }

    /// Makes a live lease that has ended by `now` suspect; its instance, if there is one.
    pub(super) fn suspect_ended(&mut self, now: Instant) -> Option<Instance> {
        let (ends, instance) = self.live.first().filter(|(ends, _)| *ends <= now)?.clone();
        self.live.pop_first();
        let lease = self.by_instance.get_mut(&instance)?;
        lease.health = Health::Suspect;
        // What holds nothing has nothing to be doubted.
        lease.ends = if lease.names.is_empty() { ends } else { ends + lease.term };
        self.suspect.insert((lease.ends, instance.clone()));
        Some(instance)
    }

    /// A suspect lease that has ended by `now`, if there is one.
    pub(super) fn take_ended(&mut self, now: Instant) -> Option<(Instance, Lease)> {
        let (_, instance) = self.suspect.first().filter(|(ends, _)| *ends <= now)?.clone();
        let lease = self.take(&instance)?;
        Some((instance, lease))
    }

    /// Gives every suspect lease a full term from now.
    pub(super) fn spare_suspects(&mut self, now: Instant) {
        for (_, instance) in std::mem::take(&mut self.suspect) {
            let Some(lease) = self.by_instance.get_mut(&instance) else { continue };
            lease.ends = now + lease.term;
            self.suspect.insert((lease.ends, instance));
        }
    }

    pub(super) fn hold(&mut self, instance: &Instance, name: &ProcedureName) {
        let Some(lease) = self.by_instance.get_mut(instance) else { return };
        let before = lease.size();
        lease.lost.remove(name);
        lease.inherited.remove(name);
        lease.names.insert(name.clone());
        self.size = self.size - before + lease.size();
    }

    /// Turns a held name into a lost one, which its server is told of.
    pub(super) fn lose(&mut self, instance: &Instance, name: &ProcedureName, why: LossReason) {
        let Some(lease) = self.by_instance.get_mut(instance) else { return };
        lease.names.remove(name);
        lease.inherited.remove(name);
        lease.lost.insert(name.clone(), why);
    }

    /// Takes a name off a lease, and ends the lease with its last name.
    pub(super) fn forget(&mut self, instance: &Instance, name: &ProcedureName) -> Option<Share> {
        let lease = self.by_instance.get_mut(instance)?;
        let share = lease.share_of(name)?;
        lease.names.remove(name);
        lease.inherited.remove(name);
        lease.lost.remove(name);
        self.size -= 1;
        if lease.size() == 0 {
            self.take(instance);
        }
        Some(share)
    }

    /// Puts a lease in that was saved.
    pub(super) fn restore(&mut self, instance: Instance, lease: Lease) {
        self.size += lease.size();
        let ends = if lease.health == Health::Live { &mut self.live } else { &mut self.suspect };
        ends.insert((lease.ends, instance.clone()));
        self.by_instance.insert(instance, lease);
    }

    fn take(&mut self, instance: &Instance) -> Option<Lease> {
        let lease = self.by_instance.remove(instance)?;
        let end = (lease.ends, instance.clone());
        self.live.remove(&end);
        self.suspect.remove(&end);
        self.size -= lease.size();
        Some(lease)
    }
}
