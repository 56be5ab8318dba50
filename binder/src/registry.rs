//! The registry: who serves which procedure, and until when.
//!
//! Pure: it knows no socket, clock, thread or log, and time is a parameter. Each process holds one lease, which covers
//! all its procedures. Nothing is deleted by who does not hold it or does not name the very registration, and a lease
//! never ends because the binder itself was ill.
//!
//! ```text
//! register ──► live ◄──heard of── suspect ──one more lease──► gone
//!               │ └────one lease────►┘
//!               └──► superseded or removed (told at renewals) ──► forgotten, by unregister or the lease's end
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::contract::{Departure, Granted, Loss, LossReason, Mode, Renewal};
use crate::error::BinderError;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

mod book;
mod guard;
mod history;
mod lease;
mod queries;
mod rate;
mod record;
mod removals;
mod saved;
mod terms;
mod time;

use book::Book;
use guard::Guard;
pub(crate) use guard::GuardNews;
pub use guard::{GUARD_LEASES, GUARD_TIME};
use history::History;
use lease::{Lease, Leases, Share};
pub(crate) use queries::{Census, Extent, Names, News, Spot, Told, Whoever};
use rate::Rate;
pub(crate) use record::{Event, Health, Held, Intent, Offered, Record};
pub use removals::REMOVED_FOR;
use removals::Removals;
pub(crate) use saved::{Saved, SavedLease, SavedRecord, SavedRemoval, Snapshot};
pub use terms::*;
pub(crate) use time::Sweep;

/// The names and leases a binder knows.
#[derive(Debug)]
pub(crate) struct Registry {
    terms: Terms,
    book: Book,
    leases: Leases,
    guard: Guard,
    removals: Removals,
    history: History,
    last_epoch: u64,
    started: Instant,
    looked: Instant,
    report: Sweep,
}

impl Registry {
    /// An empty registry. Epochs are higher than `epoch`: a time as a number makes them grow over restarts too.
    pub(crate) fn new(terms: Terms, epoch: u64, now: Instant) -> Registry {
        Registry {
            terms: terms.within_bounds(),
            book: Book::default(),
            leases: Leases::default(),
            guard: Guard::default(),
            removals: Removals::default(),
            history: History::default(),
            last_epoch: epoch,
            started: now,
            looked: now,
            report: Sweep::default(),
        }
    }

    /// Gives `owner` the name and renews his lease, for `wished` if he says so.
    ///
    /// An exclusive name is taken from whoever has it, unless he had it before and lost it since: then a call that is repeated
    /// because its answer was lost, or because the registry forgot it, takes nothing back. A later start of an instance
    /// replaces the former one: what it does not register is suspect, and goes with its first renewal.
    ///
    /// # Errors
    /// [`BinderError::Restarted`], [`BinderError::Superseded`], [`BinderError::Removed`], [`BinderError::OtherMode`] and the
    /// limits; nothing is registered then.
    pub(crate) fn register(
        &mut self,
        owner: &Owner,
        offered: Offered,
        wished: Option<Duration>,
        now: Instant,
    ) -> Result<Granted, BinderError> {
        let now = self.look(now);
        self.refuse_ghost(owner)?;
        self.refuse_removed(owner, &offered.name, now)?;
        self.refuse_loser(owner, &offered)?;
        self.check_mode(owner, &offered)?;
        self.check_room(owner, &offered)?;
        let term = self.terms.grant(wished);
        self.renew_lease(owner, term, Some(&offered.name), now);
        let epoch = self.hand_over(owner, offered, now);
        self.history.commit();
        Ok(Granted { epoch, lease_ms: millis(term) })
    }

    /// Renews the owner's lease and says what it has lost.
    ///
    /// # Errors
    /// [`BinderError::Restarted`] when a later start of the instance holds the lease.
    pub(crate) fn renew(
        &mut self,
        owner: &Owner,
        wished: Option<Duration>,
        now: Instant,
    ) -> Result<Renewal, BinderError> {
        let now = self.look(now);
        self.refuse_ghost(owner)?;
        if self.leases.of(owner).is_none() {
            return Ok(Renewal::UnknownLease);
        }
        let term = self.terms.grant(wished);
        self.renew_lease(owner, term, None, now);
        self.drop_inherited(owner);
        self.history.commit();
        let lost = self.leases.of(owner).map(losses).unwrap_or_default();
        Ok(Renewal::Renewed { lease_ms: millis(term), lost })
    }

    /// Removes those of these names that the owner holds, and forgets that he lost the others.
    pub(crate) fn unregister(&mut self, owner: &Owner, names: &[ProcedureName], now: Instant) {
        self.look(now);
        for name in names {
            if self.leases.of(owner).is_some()
                && self.leases.forget(&owner.instance, name) == Some(Share::Held)
            {
                self.strike(name, &owner.instance, Departure::Unregistered);
            }
        }
        self.history.commit();
    }

    /// Says of those of these names that the owner holds whether he means to go on serving them.
    pub(crate) fn intend(&mut self, owner: &Owner, names: &[ProcedureName], intent: Intent, now: Instant) {
        self.look(now);
        if self.leases.of(owner).is_some() {
            for name in names {
                self.change(name, &owner.instance, |record| record.intent = intent);
            }
        }
        self.history.commit();
    }

    /// Says of exactly this registration whether it is to go on; whether it was there.
    pub(crate) fn intend_target(
        &mut self,
        name: &ProcedureName,
        epoch: u64,
        intent: Intent,
        now: Instant,
    ) -> Spot {
        self.look(now);
        let Some(record) = self.book.exactly(name, epoch) else { return Spot::Empty };
        let instance = record.owner.instance.clone();
        self.change(name, &instance, |record| record.intent = intent);
        self.history.commit();
        Spot::Found
    }

    /// Removes exactly this registration, if its holder is one of those; whether it was there. The start that had it does
    /// not have it again for [`REMOVED_FOR`], unless it sends no id.
    pub(crate) fn remove_target(
        &mut self,
        name: &ProcedureName,
        epoch: u64,
        whose: Whoever,
        now: Instant,
    ) -> Spot {
        let now = self.look(now);
        let found = self.book.exactly(name, epoch);
        let Some(record) = found.filter(|record| whose == Whoever::Any || record.health == Health::Suspect)
        else {
            return Spot::Empty;
        };
        let owner = record.owner.clone();
        self.strike(name, &owner.instance, Departure::Removed);
        self.leases.lose(&owner, name, LossReason::Removed);
        self.removals.note(&owner, name, now + REMOVED_FOR, self.terms.registrations);
        self.history.commit();
        Spot::Found
    }

    fn refuse_ghost(&self, owner: &Owner) -> Result<(), BinderError> {
        match self.leases.get(&owner.instance).map(|lease| lease.incarnation) {
            Some(later) if later > owner.incarnation => {
                Err(BinderError::Restarted { incarnation: owner.incarnation, later })
            }
            _ => Ok(()),
        }
    }

    fn refuse_removed(&self, owner: &Owner, name: &ProcedureName, now: Instant) -> Result<(), BinderError> {
        match self.removals.left(owner, name, now) {
            Some(left) => Err(BinderError::Removed { name: name.to_string(), left_ms: millis(left) }),
            None => Ok(()),
        }
    }

    /// Who lost a name and was not told does not take it back by telling again what he had: neither while his lease says so,
    /// nor by a claim when it has ended or everything was forgotten.
    fn refuse_loser(&self, owner: &Owner, offered: &Offered) -> Result<(), BinderError> {
        let superseded = |epoch| BinderError::Superseded { name: offered.name.to_string(), epoch };
        if let Some(epoch) = self.leases.of(owner).and_then(|lease| lease.untold(owner, &offered.name)) {
            return Err(superseded(epoch));
        }
        let Some(claim) = offered.claim else { return Ok(()) };
        // An epoch that was never given proves nothing about whoever has the name.
        let claim = if claim <= self.last_epoch { claim } else { 0 };
        let took_it_later =
            |record: &&Arc<Record>| is_displaced(record, owner, offered.mode) && record.rank > claim;
        match self.book.of(&offered.name).iter().find(took_it_later) {
            Some(record) => Err(superseded(record.epoch)),
            None => Ok(()),
        }
    }

    /// A name is not taken from living servers by one that would hold it in another way.
    fn check_mode(&self, owner: &Owner, offered: &Offered) -> Result<(), BinderError> {
        let lives =
            |record: &&Arc<Record>| record.owner.instance != owner.instance && record.health == Health::Live;
        match self.book.of(&offered.name).iter().find(lives) {
            Some(record) if record.mode != offered.mode => {
                Err(BinderError::OtherMode { name: offered.name.to_string(), held: record.mode })
            }
            _ => Ok(()),
        }
    }

    fn check_room(&self, owner: &Owner, offered: &Offered) -> Result<(), BinderError> {
        let name = &offered.name;
        let lease = self.leases.get(&owner.instance);
        let stays = |record: &&Arc<Record>| !is_displaced(record, owner, offered.mode);
        let servers = self.book.of(name).iter().filter(stays).count();
        if self.book.find(name, &owner.instance).is_none() && servers >= self.terms.servers_per_name {
            return Err(BinderError::NameFull { limit: self.terms.servers_per_name as u64 });
        }
        // A name that changes hands stays with its loser as one to be told of, so each new share needs room.
        if lease.and_then(|lease| lease.share_of(name)).is_some() {
            return Ok(());
        }
        if lease.map_or(0, Lease::size) >= self.terms.names_per_lease {
            return Err(BinderError::LeaseFull { limit: self.terms.names_per_lease as u64 });
        }
        if self.leases.size() >= self.terms.registrations {
            return Err(BinderError::BinderFull { limit: self.terms.registrations as u64 });
        }
        Ok(())
    }

    fn drop_inherited(&mut self, owner: &Owner) {
        let inherited = self.leases.of(owner).map(|lease| lease.inherited.clone()).unwrap_or_default();
        for name in &inherited {
            self.leases.forget(&owner.instance, name);
            self.strike(name, &owner.instance, Departure::Restarted);
        }
    }

    /// Makes `owner` a holder, and the only one of an exclusive name. The epoch stays if this start holds it already.
    fn hand_over(&mut self, owner: &Owner, offered: Offered, now: Instant) -> u64 {
        let Offered { name, place, mode, features, claim } = offered;
        let name = self.book.shared(name);
        let own = self.book.find(&name, &owner.instance).filter(|own| own.owner == *owner).cloned();
        let (epoch, rank, since, intent) = match &own {
            Some(own) => (own.epoch, own.rank, own.since, own.intent),
            None => {
                let epoch = self.next_epoch();
                // A claim gives nobody a higher rank than he would have without it.
                (epoch, claim.unwrap_or(epoch).min(epoch), now, Intent::Stay)
            }
        };
        self.displace(&name, owner, mode, epoch);
        let owner = owner.clone();
        let health = Health::Live;
        self.leases.hold(&owner.instance, &name);
        self.put(Record { name, owner, place, mode, features, epoch, rank, since, health, intent });
        epoch
    }

    /// Takes the name from all others where only one may have it, or where they held it in another way.
    fn displace(&mut self, name: &ProcedureName, owner: &Owner, mode: Mode, epoch: u64) {
        let displaced = |record: &&Arc<Record>| is_displaced(record, owner, mode);
        let losers: Vec<_> = self.book.of(name).iter().filter(displaced).cloned().collect();
        for loser in losers {
            self.strike(name, &loser.owner.instance, Departure::Superseded);
            self.leases.lose(&loser.owner, name, LossReason::Superseded { epoch });
        }
    }

    fn next_epoch(&mut self) -> u64 {
        self.last_epoch = self.last_epoch.saturating_add(1);
        self.last_epoch
    }

    fn change(&mut self, name: &ProcedureName, instance: &Instance, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.book.find(name, instance) {
            let mut record = Record::clone(record);
            change(&mut record);
            self.put(record);
        }
    }

    /// Puts a record into the book, and tells of it if anything is new.
    fn put(&mut self, record: Record) {
        if self.book.find(&record.name, &record.owner.instance).is_some_and(|held| **held == record) {
            return;
        }
        let record = Arc::new(record);
        let former = self.book.put(record.clone());
        self.history.note(if former.is_some() { Event::Changed(record) } else { Event::Added(record) });
    }

    fn strike(&mut self, name: &ProcedureName, instance: &Instance, why: Departure) {
        if let Some(record) = self.book.remove(name, instance) {
            self.history.note(Event::Removed(record, why));
        }
    }
}

/// Whether a registration ends when `owner` takes its name in this mode.
fn is_displaced(record: &Record, owner: &Owner, mode: Mode) -> bool {
    record.owner.instance != owner.instance && (mode == Mode::Exclusive || record.mode != mode)
}

fn losses(lease: &Lease) -> Vec<Loss> {
    lease.lost.iter().map(|(name, why)| Loss { name: name.to_string(), why: *why }).collect()
}

/// A duration as whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
