//! The binder's procedures over its registry.
//!
//! Owned by [`BinderServer`](crate::BinderServer). The only place that joins the registry with the clock, with who may do
//! what, and with what surrounds a call; it decides nothing. Somebody must [announce](NameService::announce) what changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Context, Status, Stream};

use crate::access::{Access, Permit};
use crate::address::{OutOfReach, Outlook, Place, Vantage};
use crate::contract::{
    Binder, Found, Granted, Load, Location, Notice, Offer, PAGE, Page, Query, Question, Renewal, Revision,
    Scope, Stats, Target,
};
use crate::error::BinderError;
use crate::features::{Features, Wanted};
use crate::identity::{IdentityError, Owner};
use crate::name::ProcedureName;
use crate::registry::{Held, Intent, Offered, Registry, Snapshot, Spot, Sweep, Whoever, millis};
use crate::selection::Selection;

mod counters;
mod savings;
mod telling;
mod watching;

use counters::Tally;
pub(crate) use savings::{Savings, Trouble, Turn};
use watching::{Beginning, Watchers};

/// A binder in this process, without a socket.
#[derive(Clone, Debug)]
pub(crate) struct NameService(Arc<Desk>);

/// What the service and its watchers share.
#[derive(Debug)]
struct Desk {
    registry: Mutex<Registry>,
    watchers: Arc<Watchers>,
    /// Rung whenever the registry has a new revision. One that was rung and not yet heard is enough.
    bell: Sender<()>,
    heard: Receiver<()>,
    access: Access,
    tally: Tally,
    savings: Savings,
    /// More names than a lease covers are not looked at.
    names_per_call: usize,
    /// Which start of which binder this is.
    binder: u64,
}

impl NameService {
    pub(crate) fn new(registry: Registry, access: Access, savings: Savings) -> NameService {
        let (bell, heard) = bounded(1);
        NameService(Arc::new(Desk {
            names_per_call: registry.names_per_lease(),
            registry: Mutex::new(registry),
            watchers: Arc::default(),
            bell,
            heard,
            access,
            tally: Tally::default(),
            savings,
            binder: fastrand::u64(..),
        }))
    }

    /// Ends the leases whose time is over; what has happened by itself since the last time.
    pub(crate) fn sweep(&self) -> Sweep {
        let sweep = self.0.change(|registry| registry.sweep(Instant::now()));
        self.0.tally.expired(sweep.gone);
        sweep
    }

    /// Says that there is something to announce.
    pub(crate) fn bell(&self) -> Receiver<()> {
        self.0.heard.clone()
    }

    /// Tells the watchers what came behind this revision; up to which one they know everything then. To be called by one
    /// thread, after each ring of the [bell](NameService::bell).
    pub(crate) fn announce(&self, told: u64) -> u64 {
        let mut registry = self.0.registry();
        let news = registry.since(told, |_| true, Instant::now());
        let number = registry.number();
        drop(registry);
        match news {
            Some(news) => self.0.watchers.announce(&news, |number| self.0.revision(number)),
            None => self.0.watchers.begin_anew(),
        }
        number
    }

    /// Ends all watching, so that watchers turn to another binder at once.
    pub(crate) fn close(&self) {
        self.0.watchers.close();
    }

    /// What is to be kept over a restart, and as of which revision.
    pub(crate) fn snapshot(&self) -> (u64, Snapshot) {
        let registry = self.0.registry();
        (registry.number(), registry.snapshot(Instant::now()))
    }

    /// The same, if there is anything newer than this revision.
    pub(crate) fn newer_snapshot(&self, than: u64) -> Option<(u64, Snapshot)> {
        let registry = self.0.registry();
        let number = registry.number();
        (number > than).then(|| (number, registry.snapshot(Instant::now())))
    }

    /// How the state file is.
    pub(crate) fn savings(&self) -> &Savings {
        &self.0.savings
    }
}

impl Desk {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that may change what watchers know, and rings if it did.
    fn change<T>(&self, action: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry();
        let before = registry.number();
        let outcome = action(&mut registry);
        let changed = registry.number() != before;
        drop(registry);
        if changed {
            // A bell that still rings will be heard after this change.
            self.bell.try_send(()).ok();
        }
        outcome
    }

    fn revision(&self, number: u64) -> Revision {
        Revision { binder: self.binder, number }
    }

    fn register(&self, offer: Offer) -> Result<Granted, BinderError> {
        let context = Context::current();
        let permit = self.access.permit(&context)?;
        let name = ProcedureName::parse(&offer.name)?;
        permit.check(&name)?;
        let place = Place::advertised(&offer.address, offer.port, Vantage::of(&context))?;
        let features = Features::parse(offer.weight, offer.version.as_deref(), offer.metadata)?;
        let owner = Owner::of(context.metadata())?.unwrap_or_else(|| Owner::at(&place, &name));
        let wished = Owner::wished_lease(context.metadata())?;
        let claim = Owner::claim(context.metadata())?;
        let offered = Offered { name, place, mode: offer.mode, features, claim };
        let granted = self.change(|registry| registry.register(&owner, offered, wished, Instant::now()))?;
        self.tally.registered();
        tracing::debug!("{} is registered by {}", offer.name, owner.instance.short());
        Ok(granted)
    }

    /// The servers that the caller can reach, how long they may be relied on, and as of when.
    fn lookup(&self, question: Question) -> Result<(Vec<Reached>, Duration, Revision), BinderError> {
        let context = Context::current();
        self.access.check_lookup(&context)?;
        let name = ProcedureName::parse(&question.name)?;
        let wanted = Wanted::parse(question.version.as_deref(), question.metadata)?;
        self.tally.looked_up();
        let (held, number) = self.change(|registry| {
            registry.lookup(&name, &wanted, Instant::now()).map(|held| (held, registry.number()))
        })?;
        let max_age = held.iter().map(Held::max_age).min().unwrap_or_default();
        Ok((within_reach(&name, held, outlook(&context))?, max_age, self.revision(number)))
    }

    /// Does the same to all targets that the caller may touch and that are there.
    fn for_each_target(
        &self,
        targets: Vec<Target>,
        action: impl Fn(&mut Registry, &ProcedureName, u64) -> Spot,
    ) -> Result<Vec<Target>, BinderError> {
        if targets.len() > PAGE {
            let (what, count) = ("registrations".to_owned(), targets.len() as u64);
            return Err(BinderError::TooMany { limit: PAGE as u64, what, count });
        }
        let permit = self.permit()?;
        let parse = |target: Target| {
            let name = ProcedureName::parse(&target.name)?;
            permit.check(&name)?;
            Ok((name, target))
        };
        let targets: Vec<_> = targets.into_iter().map(parse).collect::<Result<_, BinderError>>()?;
        let there = |registry: &mut Registry| {
            let found = targets
                .into_iter()
                .filter(|(name, target)| action(registry, name, target.epoch) == Spot::Found);
            found.map(|(_, target)| target).collect()
        };
        Ok(self.change(there))
    }

    /// Names of a caller's own lease.
    fn parse_names(&self, texts: &[String]) -> Result<Vec<ProcedureName>, BinderError> {
        self.check_count(texts.len())?;
        Ok(texts.iter().map(|text| ProcedureName::parse(text)).collect::<Result<_, _>>()?)
    }

    fn check_count(&self, procedures: usize) -> Result<(), BinderError> {
        if procedures <= self.names_per_call {
            return Ok(());
        }
        let (limit, what) = (self.names_per_call as u64, "procedures".to_owned());
        Err(BinderError::TooMany { limit, what, count: procedures as u64 })
    }

    fn permit(&self) -> Result<Permit<'_>, BinderError> {
        Ok(self.access.permit(&Context::current())?)
    }
}

impl Binder for NameService {
    fn register_procedure(
        &self,
        procedure_name: String,
        address: String,
        port: u16,
    ) -> Result<Granted, BinderError> {
        self.0.register(Offer::new(procedure_name, address, port))
    }

    fn lookup_procedure(&self, procedure_name: String) -> Result<Location, BinderError> {
        let question = Question { name: procedure_name, ..Question::default() };
        let (reached, max_age, _) = self.0.lookup(question)?;
        let Some((held, address)) = choose(reached) else {
            return Err(Status::internal("a lookup found nothing and did not say so").into());
        };
        let (port, epoch) = (held.record.place.port(), held.record.epoch);
        Ok(Location { address, port, max_age_ms: millis(max_age), epoch })
    }

    fn register(&self, offer: Offer) -> Result<Granted, BinderError> {
        self.0.register(offer)
    }

    fn renew(&self) -> Result<Renewal, BinderError> {
        self.0.permit()?;
        let owner = caller()?;
        let wished = Owner::wished_lease(Context::current().metadata())?;
        self.0.tally.renewed();
        self.0.change(|registry| registry.renew(&owner, wished, Instant::now()))
    }

    fn unregister(&self, procedure_names: Vec<String>) -> Result<(), BinderError> {
        self.0.permit()?;
        let (owner, names) = (caller()?, self.0.parse_names(&procedure_names)?);
        self.0.change(|registry| registry.unregister(&owner, &names, Instant::now()));
        Ok(())
    }

    fn drain(&self, procedure_names: Vec<String>) -> Result<(), BinderError> {
        self.0.permit()?;
        let (owner, names) = (caller()?, self.0.parse_names(&procedure_names)?);
        self.0.change(|registry| registry.intend(&owner, &names, Intent::Drain, Instant::now()));
        Ok(())
    }

    fn lookup(&self, question: Question) -> Result<Found, BinderError> {
        let (reached, max_age, revision) = self.0.lookup(question)?;
        let outlook = outlook(&Context::current());
        let entries = reached.iter().map(|(held, _)| telling::entry(held, outlook, Instant::now())).collect();
        Ok(Found { entries, max_age_ms: millis(max_age), revision })
    }

    fn list(&self, query: Query) -> Result<Page, BinderError> {
        let context = Context::current();
        self.0.access.check_lookup(&context)?;
        Selection::prefix(query.prefix.clone())?;
        let wanted = Wanted::parse(None, query.metadata)?;
        let limit =
            usize::try_from(query.limit).ok().filter(|limit| (1..=PAGE).contains(limit)).unwrap_or(PAGE);
        let (outlook, now) = (outlook(&context), Instant::now());
        let (slice, number) = self.0.change(|registry| {
            let slice = registry.list(&query.prefix, &wanted, query.after.as_ref(), limit, now);
            (slice, registry.number())
        });
        let entries = slice.held.iter().map(|held| telling::entry(held, outlook, now)).collect();
        Ok(Page { entries, next: slice.next, revision: self.0.revision(number) })
    }

    fn watch(&self, scope: Scope, seen: Option<Revision>) -> Result<Stream<Notice>, BinderError> {
        let context = Context::current();
        self.0.access.check_lookup(&context)?;
        let (desk, outlook, selection) = (&self.0, outlook(&context), Selection::parse(scope)?);
        // What another start of the binder has counted says nothing here.
        let seen = seen.filter(|seen| seen.binder == desk.binder).map(|seen| seen.number);
        let stream = desk.watchers.admit(selection, (context.origin(), outlook), |seat, selection| {
            Beginning::new(desk.clone(), seat, selection.clone(), outlook, seen)
        })?;
        Ok(stream)
    }

    fn report(&self, loads: Vec<Load>) -> Result<(), BinderError> {
        self.0.permit()?;
        let owner = caller()?;
        self.0.check_count(loads.len())?;
        let parse = |load: Load| {
            Ok((ProcedureName::parse(&load.name)?, load.calls, Duration::from_millis(load.within_ms)))
        };
        let loads = loads.into_iter().map(parse).collect::<Result<Vec<_>, BinderError>>()?;
        self.0.change(|registry| registry.report(&owner, &loads, Instant::now()));
        Ok(())
    }

    fn drain_targets(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError> {
        let drain = |registry: &mut Registry, name: &_, epoch| {
            registry.intend_target(name, epoch, Intent::Drain, Instant::now())
        };
        self.0.for_each_target(targets, drain)
    }

    fn resume(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError> {
        let resume = |registry: &mut Registry, name: &_, epoch| {
            registry.intend_target(name, epoch, Intent::Stay, Instant::now())
        };
        self.0.for_each_target(targets, resume)
    }

    fn remove(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError> {
        self.0.for_each_target(targets, |registry, name, epoch| {
            registry.remove_target(name, epoch, Whoever::Any, Instant::now())
        })
    }

    fn remove_suspects(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError> {
        self.0.for_each_target(targets, |registry, name, epoch| {
            registry.remove_target(name, epoch, Whoever::Suspect, Instant::now())
        })
    }

    fn stats(&self) -> Result<Stats, BinderError> {
        let context = Context::current();
        self.0.access.check_lookup(&context)?;
        let stats = self.measure();
        Ok(if self.0.access.trusts(&context) { stats } else { stats.without_paths() })
    }
}

/// A server and the address by which the asker reaches it.
type Reached = (Held, String);

fn within_reach(
    name: &ProcedureName,
    held: Vec<Held>,
    outlook: Outlook,
) -> Result<Vec<Reached>, BinderError> {
    let mut reached = Vec::with_capacity(held.len());
    let mut refused: Option<(Place, OutOfReach)> = None;
    for held in held {
        match held.record.place.seen_from(outlook) {
            Ok(address) => reached.push((held, address)),
            Err(why) => refused = Some((held.record.place.clone(), why)),
        }
    }
    match refused {
        Some((place, why)) if reached.is_empty() => Err(BinderError::OutOfReach {
            name: name.to_string(),
            address: place.to_string(),
            why: why.to_string(),
        }),
        _ => Ok(reached),
    }
}

/// One of them, each as likely as its weight.
fn choose(reached: Vec<Reached>) -> Option<Reached> {
    let weight = |(held, _): &Reached| u64::from(held.record.features.weight.get());
    let total: u64 = reached.iter().map(weight).sum();
    let mut chance = fastrand::u64(..total.max(1));
    let chosen = |reached: &Reached| match chance.checked_sub(weight(reached)) {
        Some(rest) => {
            chance = rest;
            false
        }
        None => true,
    };
    let place = reached.iter().position(chosen)?;
    reached.into_iter().nth(place)
}

fn outlook(context: &Context) -> Outlook {
    Vantage::of(context).outlook()
}

fn caller() -> Result<Owner, BinderError> {
    let owner = Owner::of(Context::current().metadata())?;
    owner.ok_or(BinderError::Identity(IdentityError::Missing))
}

#[cfg(test)]
mod tests;
