//! The registry: who serves which procedure, and until when.
//!
//! Pure: it knows no socket, clock, thread or log, and time is a parameter. Each process holds one lease, which covers
//! all its procedures. A name has one holder; the last to register has it. Nothing is deleted by who does not hold it,
//! and a lease never ends because the binder itself was ill.
//!
//! ```text
//! register ──► held ──► superseded (told at renewals) ──► forgotten, by unregister or the lease's end
//!               └────► gone, by unregister or the lease's end
//! ```

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use crate::address::Place;
use crate::contract::{Granted, PAGE, Renewal};
use crate::error::BinderError;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

mod lease;

use lease::{Lease, Leases};

/// How long a lease lasts and how much the registry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a lease lasts without a renewal; brought between [`SHORTEST_LEASE`] and [`LONGEST_LEASE`].
    pub lease: Duration,
    /// The most names one lease covers, lost ones that are still to be told included.
    pub names_per_lease: usize,
    /// The most names in all, lost ones that are still to be told included.
    pub names: usize,
}

/// The names and leases a binder knows.
#[derive(Debug)]
pub(crate) struct Registry {
    terms: Terms,
    entries: BTreeMap<ProcedureName, Holding>,
    leases: Leases,
    last_epoch: u64,
    started: Instant,
    looked: Instant,
    expired: usize,
}

/// One name's holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// The instance that holds it.
    pub(crate) instance: Instance,
    /// Where it is served.
    pub(crate) place: Place,
    /// Grows each time the name changes hands.
    pub(crate) epoch: u64,
    /// Since when this holder has it.
    pub(crate) since: Instant,
}

/// A holding and the lease it stands under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held<'a> {
    /// The name.
    pub(crate) name: &'a ProcedureName,
    /// Its holder.
    pub(crate) holding: &'a Holding,
    /// The holder's incarnation.
    pub(crate) incarnation: u64,
    /// How long the lease lasts from now.
    pub(crate) left: Duration,
}

impl Registry {
    /// An empty registry. Epochs are higher than `epoch`: a time as a number makes them grow over restarts too.
    pub(crate) fn new(terms: Terms, epoch: u64, now: Instant) -> Registry {
        let terms = Terms { lease: terms.lease.clamp(SHORTEST_LEASE, LONGEST_LEASE), ..terms };
        Registry {
            terms,
            entries: BTreeMap::new(),
            leases: Leases::default(),
            last_epoch: epoch,
            started: now,
            looked: now,
            expired: 0,
        }
    }

    /// How long a lease lasts.
    pub(crate) fn lease(&self) -> Duration {
        self.terms.lease
    }

    /// Gives `owner` the name, takes it from whoever has it, and renews the owner's lease.
    ///
    /// A later start of an instance replaces the former one, with all its names.
    ///
    /// # Errors
    /// [`BinderError::Restarted`], [`BinderError::LeaseFull`] and [`BinderError::BinderFull`]; nothing is registered then.
    pub(crate) fn register(
        &mut self,
        owner: &Owner,
        name: &ProcedureName,
        place: Place,
        now: Instant,
    ) -> Result<Granted, BinderError> {
        let now = self.look(now);
        self.replace_ghost(owner)?;
        self.check_room(owner, name)?;
        self.leases.renew(owner, now + self.terms.lease);
        let epoch = self.hand_over(owner, name, place, now);
        Ok(Granted { epoch, lease_ms: millis(self.terms.lease) })
    }

    /// Who serves the name.
    ///
    /// # Errors
    /// [`BinderError::NotRegistered`].
    pub(crate) fn lookup(&mut self, name: &ProcedureName, now: Instant) -> Result<Held<'_>, BinderError> {
        let now = self.look(now);
        match self.entries.get_key_value(name) {
            Some((name, holding)) => Ok(self.held(name, holding, now)),
            None => Err(BinderError::NotRegistered {
                name: name.to_string(),
                binder_age_ms: millis(now - self.started),
                lease_ms: millis(self.terms.lease),
            }),
        }
    }

    /// Renews the owner's lease and says what it has lost.
    ///
    /// # Errors
    /// [`BinderError::Restarted`] when a later start of the instance holds the lease.
    pub(crate) fn renew(&mut self, owner: &Owner, now: Instant) -> Result<Renewal, BinderError> {
        let now = self.look(now);
        self.refuse_ghost(owner)?;
        if self.leases.of(owner).is_none() {
            return Ok(Renewal::UnknownLease);
        }
        let lease = self.leases.renew(owner, now + self.terms.lease);
        let superseded = lease.superseded.iter().map(ToString::to_string).collect();
        Ok(Renewal::Renewed { lease_ms: millis(self.terms.lease), superseded })
    }

    /// Removes those of these names that the owner holds, and forgets that he lost the others.
    pub(crate) fn unregister(&mut self, owner: &Owner, names: &[ProcedureName], now: Instant) {
        self.look(now);
        for name in names {
            if self.leases.forget(owner, name) == Some(lease::Share::Held) {
                self.entries.remove(name);
            }
        }
    }

    /// The first [`PAGE`] names behind `after`, in order.
    pub(crate) fn list(&mut self, after: &str, now: Instant) -> Vec<Held<'_>> {
        let now = self.look(now);
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let page = self.entries.range::<str, _>(behind).take(PAGE);
        page.map(|(name, holding)| self.held(name, holding, now)).collect()
    }

    /// Looks at the clock, and says how many names have gone with their leases since the last sweep.
    ///
    /// To be called at least every [`PAUSE_SHARE`]th part of a lease: nothing expires while nobody looks.
    pub(crate) fn sweep(&mut self, now: Instant) -> usize {
        self.look(now);
        std::mem::take(&mut self.expired)
    }

    /// Ends the leases whose time is over, and returns a time that never runs backwards.
    ///
    /// A gap of more than [`PAUSE_SHARE`] of a lease since the last look means that the binder stood still. Renewals
    /// may wait unread then, so every lease gets a fresh full term.
    fn look(&mut self, now: Instant) -> Instant {
        let now = now.max(self.looked);
        if now - self.looked > self.terms.lease / PAUSE_SHARE {
            self.leases.renew_all(now + self.terms.lease);
        }
        self.looked = now;
        while let Some(lease) = self.leases.take_ended(now) {
            self.expired = self.expired.saturating_add(lease.names.len());
            self.remove_names_of(&lease);
        }
        now
    }

    fn refuse_ghost(&self, owner: &Owner) -> Result<(), BinderError> {
        match self.leases.incarnation(&owner.instance) {
            Some(later) if later > owner.incarnation => {
                Err(BinderError::Restarted { incarnation: owner.incarnation, later })
            }
            _ => Ok(()),
        }
    }

    fn replace_ghost(&mut self, owner: &Owner) -> Result<(), BinderError> {
        self.refuse_ghost(owner)?;
        if self.leases.of(owner).is_none()
            && let Some(ghost) = self.leases.take(&owner.instance)
        {
            self.remove_names_of(&ghost);
        }
        Ok(())
    }

    fn remove_names_of(&mut self, lease: &Lease) {
        for name in &lease.names {
            self.entries.remove(name);
        }
    }

    fn check_room(&self, owner: &Owner, name: &ProcedureName) -> Result<(), BinderError> {
        let lease = self.leases.of(owner);
        let share = lease.and_then(|lease| lease.share_of(name));
        // A name that changes hands stays with its loser as one to be told of, so each new share needs room.
        if share.is_some() {
            return Ok(());
        }
        if lease.map_or(0, Lease::size) >= self.terms.names_per_lease {
            return Err(BinderError::LeaseFull { limit: self.terms.names_per_lease as u64 });
        }
        if self.leases.size() >= self.terms.names {
            return Err(BinderError::BinderFull { limit: self.terms.names as u64 });
        }
        Ok(())
    }

    /// Makes `owner` the holder; the epoch grows unless he was it already.
    fn hand_over(&mut self, owner: &Owner, name: &ProcedureName, place: Place, now: Instant) -> u64 {
        if let Some(holding) = self.entries.get_mut(name).filter(|holding| holding.instance == owner.instance)
        {
            holding.place = place;
            return holding.epoch;
        }
        self.last_epoch += 1;
        let epoch = self.last_epoch;
        let holding = Holding { instance: owner.instance.clone(), place, epoch, since: now };
        if let Some(loser) = self.entries.insert(name.clone(), holding) {
            self.leases.supersede(&loser.instance, name);
        }
        self.leases.hold(&owner.instance, name);
        epoch
    }

    fn held<'a>(&self, name: &'a ProcedureName, holding: &'a Holding, now: Instant) -> Held<'a> {
        let lease = self.leases.get(&holding.instance);
        let incarnation = lease.map_or(0, |lease| lease.incarnation);
        let left = lease.map_or(Duration::ZERO, |lease| lease.ends - now);
        Held { name, holding, incarnation, left }
    }
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { lease: DEFAULT_LEASE, names_per_lease: NAMES_PER_LEASE, names: NAMES }
    }
}

/// A duration as whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A dead server is found within this time, and a living one sends a message every third of it.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(15);
/// Shorter leases would end by the scheduler's whim.
pub const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// Longer leases would keep the dead for longer than people wait.
pub const LONGEST_LEASE: Duration = Duration::from_secs(300);
/// The most names one lease covers.
pub const NAMES_PER_LEASE: usize = 10_000;
/// The most names in all: at their longest they take about 100 MB.
pub const NAMES: usize = 100_000;
/// A gap between two looks at the clock of more than one part in this many of a lease is a pause of the binder.
pub const PAUSE_SHARE: u32 = 4;

#[cfg(test)]
mod tests;
