//! What an operator took out, and from which start of which server.
//!
//! Kept apart from leases, so that it lasts for a time that can be told, however long its server is silent. Who sends no id
//! is not in here: he could not be told from the program that is started in his place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

/// For how long a removed registration is refused to the start of the server that had it.
pub const REMOVED_FOR: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Removals {
    of: BTreeMap<(Instance, ProcedureName), Removal>,
    ends: BTreeSet<(Instant, Instance, ProcedureName)>,
}

/// No start up to this one may have it before that time.
#[derive(Clone, Copy, Debug)]
struct Removal {
    incarnation: u64,
    ends: Instant,
}

impl Removals {
    /// Keeps the name from this start for so long. Beyond `limit` the oldest removal is forgotten.
    pub(super) fn note(&mut self, owner: &Owner, name: &ProcedureName, ends: Instant, limit: usize) {
        let Instance::Named(_) = owner.instance else { return };
        let removal = Removal { incarnation: owner.incarnation, ends };
        let key = (owner.instance.clone(), name.clone());
        if let Some(former) = self.of.insert(key, removal) {
            self.ends.remove(&(former.ends, owner.instance.clone(), name.clone()));
        }
        self.ends.insert((ends, owner.instance.clone(), name.clone()));
        if self.of.len() > limit {
            self.forget_oldest();
        }
    }

    /// For how long this start may not have the name yet, if it may not.
    pub(super) fn left(&self, owner: &Owner, name: &ProcedureName, now: Instant) -> Option<Duration> {
        let removal = self.of.get(&(owner.instance.clone(), name.clone()))?;
        let left = removal.ends.saturating_duration_since(now);
        (owner.incarnation <= removal.incarnation && !left.is_zero()).then_some(left)
    }

    /// Forgets what is over by `now`.
    pub(super) fn drop_ended(&mut self, now: Instant) {
        while self.ends.first().is_some_and(|(ends, ..)| *ends <= now) {
            self.forget_oldest();
        }
    }

    /// All of them, with how long they last.
    pub(super) fn all(&self, now: Instant) -> impl Iterator<Item = (Owner, ProcedureName, Duration)> {
        self.of.iter().map(move |((instance, name), removal)| {
            let owner = Owner { instance: instance.clone(), incarnation: removal.incarnation };
            (owner, name.clone(), removal.ends.saturating_duration_since(now))
        })
    }

    fn forget_oldest(&mut self) {
        if let Some((_, instance, name)) = self.ends.pop_first() {
            self.of.remove(&(instance, name));
        }
    }
}
