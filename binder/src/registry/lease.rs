//! The leases of a registry, by instance and by their ends.
//!
//! Every lease covers at least one name, held or lost, so their number is bounded by the number of names. A live lease
//! that ends becomes suspect; a suspect one that ends is taken by the registry. One that holds no name is nobody's silence:
//! it is idle, counts for nothing, and is dropped when it ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::Rate;
use super::record::Health;
use crate::contract::LossReason;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

mod crowd;

use crowd::Crowd;

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
    /// How often it says that its procedures are called. No part of what is saved or told to watchers as a change.
    pub(super) rates: BTreeMap<ProcedureName, Rate>,
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
    ends: Ends,
    /// The sum of all leases' sizes.
    size: usize,
}

/// Whose silence a lease would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Live,
    Suspect,
    /// It holds nothing.
    Idle,
}

/// When leases end, the first one first. Each lease is in one of the three, as it stands.
#[derive(Debug, Default)]
struct Ends {
    crowd: Crowd,
    live: BTreeSet<(Instant, Instance)>,
    suspect: BTreeSet<(Instant, Instance)>,
    idle: BTreeSet<(Instant, Instance)>,
}

impl Ends {
    fn of(&mut self, standing: Standing) -> &mut BTreeSet<(Instant, Instance)> {
        match standing {
            Standing::Live => &mut self.live,
            Standing::Suspect => &mut self.suspect,
            Standing::Idle => &mut self.idle,
        }
    }

    fn insert(&mut self, standing: Standing, ends: Instant, instance: Instance) {
        self.crowd.enter(&instance, standing);
        self.of(standing).insert((ends, instance));
    }

    fn remove(&mut self, standing: Standing, ends: Instant, instance: &Instance) {
        self.crowd.leave(instance, standing);
        self.of(standing).remove(&(ends, instance.clone()));
    }

    /// The first lease of this standing that has ended by `now`.
    fn due(&mut self, standing: Standing, now: Instant) -> Option<Instance> {
        let (_, instance) = self.of(standing).first().filter(|(ends, _)| *ends <= now)?;
        Some(instance.clone())
    }
}

impl Lease {
    fn standing(&self) -> Standing {
        match self.health {
            _ if self.names.is_empty() => Standing::Idle,
            Health::Live => Standing::Live,
            Health::Suspect => Standing::Suspect,
        }
    }

    fn empty(owner: &Owner, term: Duration, ends: Instant) -> Lease {
        Lease {
            incarnation: owner.incarnation,
            term,
            health: Health::Live,
            ends,
            names: BTreeSet::new(),
            inherited: BTreeSet::new(),
            lost: BTreeMap::new(),
            rates: BTreeMap::new(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.names.len() + self.lost.len()
    }

    /// The epoch of whoever took this name from this start, which has not said that it knows. Who sends no id has no way to
    /// say so: what he registers again he has again.
    pub(super) fn untold(&self, owner: &Owner, name: &ProcedureName) -> Option<u64> {
        match (&owner.instance, self.lost.get(name)) {
            (Instance::Named(_), Some(LossReason::Superseded { epoch })) => Some(*epoch),
            _ => None,
        }
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

    /// The servers that hold a name.
    pub(super) fn servers(&self) -> usize {
        self.ends.crowd.servers()
    }

    /// Those of them that were not heard of for their term.
    pub(super) fn suspects(&self) -> usize {
        self.ends.crowd.silent()
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
    pub(super) fn renew(&mut self, owner: &Owner, term: Duration, now: Instant) {
        if !self.by_instance.contains_key(&owner.instance) {
            self.restore(owner.instance.clone(), Lease::empty(owner, term, now));
        }
        self.change(&owner.instance, |lease| {
            if lease.incarnation != owner.incarnation {
                lease.lost.clear();
                lease.rates.clear();
                lease.inherited.clone_from(&lease.names);
                lease.incarnation = owner.incarnation;
            }
            (lease.term, lease.health, lease.ends) = (term, Health::Live, now + term);
        });
    }

    /// Gives a full term from now to every lease that a gap of this length may have ended.
    pub(super) fn forgive(&mut self, gap: Duration, share: u32, now: Instant) {
        for (instance, lease) in &mut self.by_instance {
            if gap > lease.term / share {
                let ends = self.ends.of(lease.standing());
                ends.remove(&(lease.ends, instance.clone()));
                lease.ends = now + lease.term;
                ends.insert((lease.ends, instance.clone()));
            }
        }
    }

    /// Makes a live lease that has ended by `now` suspect; its instance, if there is one.
    pub(super) fn suspect_ended(&mut self, now: Instant) -> Option<Instance> {
        let instance = self.ends.due(Standing::Live, now)?;
        self.change(&instance, |lease| {
            lease.health = Health::Suspect;
            lease.ends += lease.term;
        });
        Some(instance)
    }

    /// A suspect lease that has ended by `now`, if there is one.
    pub(super) fn take_ended(&mut self, now: Instant) -> Option<(Instance, Lease)> {
        let instance = self.ends.due(Standing::Suspect, now)?;
        let lease = self.take(&instance)?;
        Some((instance, lease))
    }

    /// Drops the leases that hold no name and have ended by `now`.
    pub(super) fn drop_idle(&mut self, now: Instant) {
        while let Some(instance) = self.ends.due(Standing::Idle, now) {
            self.take(&instance);
        }
    }

    /// Gives every suspect lease a full term from now.
    pub(super) fn spare_suspects(&mut self, now: Instant) {
        for (_, instance) in self.ends.suspect.clone() {
            self.change(&instance, |lease| lease.ends = now + lease.term);
        }
    }

    pub(super) fn hold(&mut self, instance: &Instance, name: &ProcedureName) {
        self.change(instance, |lease| {
            lease.lost.remove(name);
            lease.inherited.remove(name);
            lease.names.insert(name.clone());
        });
    }

    /// Notes how often a held name is called.
    pub(super) fn rate(&mut self, instance: &Instance, name: &ProcedureName, rate: Rate) {
        let lease = self.by_instance.get_mut(instance);
        if let Some(lease) = lease.filter(|lease| lease.names.contains(name)) {
            lease.rates.insert(name.clone(), rate);
        }
    }

    /// Turns a name that this start holds into a lost one, which it is told of. What a former start held is no loss of the
    /// present one, which may register it yet.
    pub(super) fn lose(&mut self, owner: &Owner, name: &ProcedureName, why: LossReason) {
        if self.of(owner).is_none() {
            self.forget(&owner.instance, name);
            return;
        }
        self.change(&owner.instance, |lease| {
            lease.names.remove(name);
            lease.rates.remove(name);
            lease.lost.insert(name.clone(), why);
        });
    }

    /// Takes a name off a lease, and ends the lease with its last name.
    pub(super) fn forget(&mut self, instance: &Instance, name: &ProcedureName) -> Option<Share> {
        let share = self.get(instance)?.share_of(name)?;
        self.change(instance, |lease| {
            lease.names.remove(name);
            lease.inherited.remove(name);
            lease.rates.remove(name);
            lease.lost.remove(name);
        });
        if self.get(instance).is_some_and(|lease| lease.size() == 0) {
            self.take(instance);
        }
        Some(share)
    }

    /// Changes a lease, and what is counted of it.
    fn change(&mut self, instance: &Instance, change: impl FnOnce(&mut Lease)) {
        let Some(lease) = self.by_instance.get_mut(instance) else { return };
        let (standing, ends, size) = (lease.standing(), lease.ends, lease.size());
        change(lease);
        self.size = self.size - size + lease.size();
        if (standing, ends) != (lease.standing(), lease.ends) {
            self.ends.remove(standing, ends, instance);
            self.ends.insert(lease.standing(), lease.ends, instance.clone());
        }
    }

    /// Puts a lease in that is not there.
    pub(super) fn restore(&mut self, instance: Instance, lease: Lease) {
        self.size += lease.size();
        self.ends.insert(lease.standing(), lease.ends, instance.clone());
        self.by_instance.insert(instance, lease);
    }

    fn take(&mut self, instance: &Instance) -> Option<Lease> {
        let lease = self.by_instance.remove(instance)?;
        self.ends.remove(lease.standing(), lease.ends, instance);
        self.size -= lease.size();
        Some(lease)
    }
}
