//! What a registration does next, and what it makes of the answers.
//!
//! Pure: time is a parameter, chance is a seed, and calling is the worker's.
//!
//! ```text
//! wanted ──granted──► held ──taken by another──► lost, for good
//!   ▲ └─refused: later─┘ │
//!   └─────forgotten──────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rpc_core::Status;

use super::LostTo;
use crate::contract::{Granted, Loss, Renewal};
use crate::error::BinderError;
use crate::name::ProcedureName;

mod news;
mod outage;

pub(super) use news::{News, Step};
use outage::Outage;

/// The registration of one server's procedures, without the network.
#[derive(Debug)]
pub(super) struct Keeper {
    /// To be registered, some not before a certain time. Every name is in one of these three.
    wanted: BTreeMap<ProcedureName, Option<Instant>>,
    held: BTreeSet<ProcedureName>,
    lost: BTreeMap<ProcedureName, LostTo>,
    /// Those of the wanted ones that may be registered: the answer was lost.
    unsure: BTreeSet<ProcedureName>,
    /// The epochs under which names were granted first: what is claimed where the binder has forgotten it.
    claims: BTreeMap<ProcedureName, u64>,
    /// Lost names that the binder need not tell any more.
    to_acknowledge: Vec<ProcedureName>,
    /// Zero until something is granted for the first time.
    lease: Duration,
    /// When this server started, and what the clock said then: milliseconds since the Unix epoch.
    started: (Instant, u64),
    /// Our start to this binder, where the clock's is none.
    incarnation: Option<u64>,
    leaving: Leaving,
    renew_at: Option<Instant>,
    outage: Option<Outage>,
    refusal: Option<BinderError>,
    /// How often it had forgotten what we hold.
    forgotten: u64,
    news: Vec<News>,
    chance: fastrand::Rng,
}

/// Whether the server is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// The binder is to be told; one that does not answer, until then.
    Wanted(Instant),
    /// It knows.
    Told,
}

impl Keeper {
    pub(super) fn new(names: Vec<ProcedureName>, started: (Instant, u64), chance: fastrand::Rng) -> Keeper {
        Keeper {
            wanted: names.into_iter().map(|name| (name, None)).collect(),
            held: BTreeSet::new(),
            lost: BTreeMap::new(),
            unsure: BTreeSet::new(),
            claims: BTreeMap::new(),
            to_acknowledge: Vec::new(),
            lease: Duration::ZERO,
            started,
            incarnation: None,
            leaving: Leaving::No,
            renew_at: None,
            outage: None,
            refusal: None,
            forgotten: 0,
            news: Vec::new(),
            chance,
        }
    }

    pub(super) fn step(&self, now: Instant) -> Step {
        if let Some(outage) = self.outage.as_ref().filter(|outage| now < outage.until) {
            return Step::Wait(match self.leaving {
                Leaving::Wanted(given_up) if given_up > now => outage.until.min(given_up),
                _ => outage.until,
            });
        }
        if !self.to_acknowledge.is_empty() {
            return Step::Acknowledge(self.to_acknowledge.clone());
        }
        if matches!(self.leaving, Leaving::Wanted(_)) && !self.held.is_empty() {
            return Step::Drain(self.held.iter().cloned().collect());
        }
        let due = self.wanted.iter().filter(|(_, from)| from.is_none_or(|from| from <= now));
        let due: Vec<_> = due.map(|(name, _)| name.clone()).take(self.window()).collect();
        if !due.is_empty() {
            return Step::Register(due);
        }
        let later = self.wanted.values().flatten().chain(&self.renew_at).min();
        match later.copied() {
            Some(at) if at > now => Step::Wait(at),
            Some(_) => Step::Renew,
            None => Step::Rest,
        }
    }

    /// Takes the answer to the registration of one name.
    pub(super) fn registered(
        &mut self,
        name: &ProcedureName,
        answer: Result<Granted, BinderError>,
        now: Instant,
    ) {
        match &answer {
            Err(BinderError::Status(status)) if status.may_have_run() => self.unsure.insert(name.clone()),
            Err(BinderError::Status(_)) => false,
            Ok(_) | Err(_) => self.unsure.remove(name),
        };
        match answer {
            Ok(granted) => {
                self.answered();
                if self.wanted.remove(name).is_some() {
                    self.claims.entry(name.clone()).or_insert(granted.epoch);
                    self.held.insert(name.clone());
                }
                self.schedule(granted.lease_ms, now);
                if self.wanted.is_empty() {
                    self.refusal = None;
                    self.news.push(News::Complete(self.held.len()));
                }
            }
            Err(BinderError::Status(status)) => self.silent(status, now),
            Err(BinderError::Restarted { later, .. }) if self.is_behind_a_clock_set_back(later, now) => {
                self.succeed(name, later, now);
            }
            Err(BinderError::Restarted { .. }) => self.lose_all(),
            Err(BinderError::Superseded { .. }) => {
                self.answered();
                self.leave(LostTo::AnotherServer, vec![name.clone()]);
            }
            Err(BinderError::Removed { .. }) => {
                self.answered();
                self.leave(LostTo::Operator, vec![name.clone()]);
            }
            Err(refusal) => {
                self.answered();
                self.wanted.insert(name.clone(), Some(now + ASK_AGAIN_AFTER));
                if self.refusal.as_ref() != Some(&refusal) {
                    self.news.push(News::Refused(name.clone(), refusal.clone()));
                }
                self.refusal = Some(refusal);
            }
        }
    }

    /// Takes the answer to a renewal.
    pub(super) fn renewed(&mut self, answer: Result<Renewal, BinderError>, now: Instant) {
        match answer {
            Ok(Renewal::Renewed { lease_ms, lost }) => {
                self.answered();
                self.schedule(lease_ms, now);
                self.lose(&lost);
            }
            Ok(Renewal::UnknownLease) => {
                self.answered();
                self.forget();
            }
            Err(BinderError::Status(status)) => self.silent(status, now),
            Err(BinderError::Restarted { .. }) => self.lose_all(),
            Err(other) => self.silent(Status::failed_precondition(other.to_string()), now),
        }
    }

    /// Takes the answer to an acknowledgement.
    pub(super) fn acknowledged(&mut self, answer: Result<(), BinderError>, now: Instant) {
        match answer {
            Err(BinderError::Status(status)) => self.silent(status, now),
            // Refused or not, it is told again at most.
            Ok(()) | Err(_) => {
                self.answered();
                self.to_acknowledge.clear();
            }
        }
    }

    /// The server is about to end. What is not registered by now need not be. A binder that did not answer lately is asked
    /// at once, and for a third of the lease: as long as clients take to move where it does answer.
    pub(super) fn drain(&mut self, now: Instant) {
        self.wanted.clear();
        self.leaving = Leaving::Wanted(now + self.lease / 3);
        if let Some(outage) = &mut self.outage {
            outage.hurry(now);
        }
    }

    /// Takes the answer to that.
    pub(super) fn drained(&mut self, answer: Result<(), BinderError>, now: Instant) {
        match answer {
            Err(BinderError::Status(status)) => self.silent(status, now),
            // A refusal would be the same again.
            Ok(()) | Err(_) => {
                self.answered();
                self.leaving = Leaving::Told;
            }
        }
    }

    /// How long clients may still use what the binder told them of us; `None` while it is to be told that we leave, and may
    /// yet be.
    pub(super) fn parting(&self, now: Instant) -> Option<Duration> {
        match self.leaving {
            _ if self.held.is_empty() => Some(Duration::ZERO),
            Leaving::Told => Some(self.lease / 3),
            Leaving::Wanted(given_up) if self.is_out_of_contact() && given_up <= now => Some(Duration::ZERO),
            Leaving::No | Leaving::Wanted(_) => None,
        }
    }

    /// The start that the binder is to be told, if not the clock's.
    pub(super) fn incarnation(&self) -> Option<u64> {
        self.incarnation
    }

    /// The epoch under which this name was granted first, if it ever was.
    pub(super) fn claim(&self, name: &ProcedureName) -> Option<u64> {
        self.claims.get(name).copied()
    }

    /// What has become worth telling since the last time.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// How many procedures are still to be registered.
    pub(super) fn missing(&self) -> usize {
        self.wanted.len()
    }

    /// The names that are left alone, and for whom.
    pub(super) fn lost(&self) -> &BTreeMap<ProcedureName, LostTo> {
        &self.lost
    }

    /// How often the binder had forgotten what was registered.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The names that are registered, as far as is known.
    pub(super) fn held(&self) -> &BTreeSet<ProcedureName> {
        &self.held
    }

    /// The names that the binder may have of us: held ones, and those whose answers were lost.
    pub(super) fn owed(&self) -> BTreeSet<&ProcedureName> {
        self.held.union(&self.unsure).collect()
    }

    /// How long the binder believes in us without a renewal; zero if it never said.
    pub(super) fn lease(&self) -> Duration {
        self.lease
    }

    /// Why something is missing, as far as is known.
    pub(super) fn trouble(&self) -> Option<BinderError> {
        let silent = self.outage.as_ref().map(|outage| BinderError::Status(outage.why.clone()));
        silent.or_else(|| self.refusal.clone())
    }

    /// Whether the binder did not answer when it was last asked.
    pub(super) fn is_out_of_contact(&self) -> bool {
        self.outage.is_some()
    }

    /// A binder that has not answered yet, or not lately, is tried with one call.
    fn window(&self) -> usize {
        if self.lease.is_zero() || self.is_out_of_contact() { 1 } else { WINDOW }
    }

    fn answered(&mut self) {
        if self.outage.take().is_some() {
            self.news.push(News::Back);
        }
    }

    /// Backs off.
    fn silent(&mut self, why: Status, now: Instant) {
        match &mut self.outage {
            Some(outage) => outage.go_on(why, now, &mut self.chance),
            None => {
                self.news.push(News::Silent(why.clone()));
                self.outage = Some(Outage::begin(why, now, &mut self.chance));
            }
        }
    }

    /// The next renewal is a little before a third of the lease, so that servers that started together spread out; of a long
    /// lease it is sooner, so that a binder that has forgotten us soon knows us again.
    fn schedule(&mut self, lease_ms: u64, now: Instant) {
        self.lease = Duration::from_millis(lease_ms).clamp(crate::SHORTEST_LEASE, crate::LONGEST_LEASE);
        let share = 0.8 + 0.2 * self.chance.f64();
        self.renew_at = Some(now + (self.lease.min(crate::HEARD_WITHIN) / 3).mul_f64(share));
    }

    fn forget(&mut self) {
        if !self.held.is_empty() {
            self.forgotten = self.forgotten.saturating_add(1);
            self.news.push(News::Forgotten);
        }
        self.unsure.clear();
        let held = std::mem::take(&mut self.held);
        if self.leaving == Leaving::No {
            self.wanted.extend(held.into_iter().map(|name| (name, None)));
        }
        self.renew_at = None;
    }

    fn lose(&mut self, lost: &[Loss]) {
        let mut told: BTreeMap<LostTo, Vec<_>> = BTreeMap::new();
        for loss in lost {
            if let Some(name) = ProcedureName::parse(&loss.name).ok().filter(|name| self.knows(name)) {
                told.entry(LostTo::from(loss.why)).or_default().push(name);
            }
        }
        self.to_acknowledge = told.values().flatten().cloned().collect();
        for (lost_to, names) in told {
            self.leave(lost_to, names);
        }
    }

    fn knows(&self, name: &ProcedureName) -> bool {
        self.held.contains(name) || self.lost.contains_key(name) || self.wanted.contains_key(name)
    }

    /// Whether a start that the binder knows as later was before ours. A start that lies ahead of the clock can only be one of
    /// before it was set back; any other came behind ours, and we are its ghost.
    fn is_behind_a_clock_set_back(&self, later: u64, now: Instant) -> bool {
        let (started, clock) = self.started;
        let since = u64::try_from(now.saturating_duration_since(started).as_millis()).unwrap_or(u64::MAX);
        self.lease.is_zero() && later > clock.saturating_add(since)
    }

    /// Comes behind that start. A binder that says so again is not asked in a hurry.
    fn succeed(&mut self, name: &ProcedureName, later: u64, now: Instant) {
        self.answered();
        let from = self.incarnation.map(|_| now + ASK_AGAIN_AFTER);
        self.wanted.insert(name.clone(), from);
        if self.incarnation.is_none() {
            self.news.push(News::Succeeds(later));
        }
        self.incarnation = Some(later.saturating_add(1));
    }

    /// A later start of this instance has everything.
    fn lose_all(&mut self) {
        self.answered();
        self.leave(LostTo::LaterStart, self.held.iter().chain(self.wanted.keys()).cloned().collect());
    }

    fn leave(&mut self, lost_to: LostTo, names: Vec<ProcedureName>) {
        let mut new = Vec::new();
        for name in names {
            self.held.remove(&name);
            self.wanted.remove(&name);
            self.unsure.remove(&name);
            if self.lost.insert(name.clone(), lost_to).is_none() {
                new.push(name);
            }
        }
        if !new.is_empty() {
            self.news.push(News::Lost(lost_to, new));
        }
        if self.held.is_empty() {
            self.renew_at = None;
        }
    }
}

/// How many registrations are under way at once.
const WINDOW: usize = 64;
/// A procedure that the binder refuses is tried again after this time: its operator may have mended the cause.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
