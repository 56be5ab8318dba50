//! What a resolver knows of each procedure's servers, and what it makes of what it is told.
//!
//! Pure: time is a parameter, and asking is somebody else's.
//!
//! ```text
//! unknown ──answer──► fresh ──watched──► kept up to date ──contact lost──► stale ──a time──► forgotten
//!                       └────max age, where nobody watches: ask again
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rpc_core::{Endpoint, Endpoints, Revision, Status};

use super::news::{Batch, Server};
use crate::contract::{self, Found};
use crate::error::BinderError;

mod known;

use known::{Freshness, Known};

/// Servers by procedure.
#[derive(Debug)]
pub(super) struct Table {
    names: BTreeMap<Box<str>, Known>,
    stale_for: Duration,
    /// Grows with each change of a list.
    changes: u64,
    /// Which of many servers this client uses.
    seed: u64,
    /// No binder answered: not asked before this time where something is known.
    silent_until: Option<Instant>,
    contact: Contact,
    /// Up to where the watched binder has told.
    watched: Option<contract::Revision>,
}

/// Whether the binders can be reached, as far as the thread knows that watches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    /// Nothing speaks against it.
    Open,
    /// They cannot, and the thread tries on: no call has to.
    Lost,
}

/// How long the binders were given to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as they need unless something is wrong.
    Usual,
    /// Less, since the call that asked ended then.
    Little,
}

/// What to do about a procedure.
#[derive(Debug, PartialEq)]
pub(super) enum Advice {
    /// Go there.
    Use(Endpoints),
    /// There is no way, as was found out a moment ago.
    Refuse(Status),
    /// Ask a binder.
    Ask,
}

impl Table {
    pub(super) fn new(stale_for: Duration, seed: u64) -> Table {
        let contact = Contact::Open;
        Table {
            names: BTreeMap::new(),
            stale_for,
            changes: 0,
            seed,
            silent_until: None,
            contact,
            watched: None,
        }
    }

    pub(super) fn advise(&mut self, procedure: &str, now: Instant) -> Advice {
        let is_silent = self.contact == Contact::Lost || self.silent_until.is_some_and(|until| now < until);
        let stale_for = self.stale_for;
        let Some((known, looks)) = self.look(procedure, now) else { return Advice::Ask };
        known.used = now;
        if let Some((status, until)) = &known.refused
            && now < *until
        {
            return Advice::Refuse(status.clone());
        }
        let is_fresh = match known.freshness {
            Freshness::Watched => true,
            Freshness::Until(until) => now < until,
        };
        let may_serve = is_fresh || (is_silent && !known.is_forgotten(stale_for, now));
        if may_serve && (!known.offered().is_empty() || (is_silent && known.offer_all(looks, now))) {
            return Advice::Use(known.offered().clone());
        }
        Advice::Ask
    }

    /// Takes a binder's answer.
    pub(super) fn learn(&mut self, procedure: &str, found: Found, now: Instant) -> Endpoints {
        self.silent_until = None;
        let watched = self.watched;
        let until = now + Duration::from_millis(found.max_age_ms).min(self.stale_for);
        let servers = found.entries.into_iter().filter_map(Server::of_entry).collect();
        let Some((known, looks)) = self.enter(procedure, now) else {
            return Endpoints::from_iter([] as [Endpoint; 0]);
        };
        let told = watched
            .filter(|told| told.binder == found.revision.binder && known.freshness == Freshness::Watched);
        match told {
            // The answer is older than what was told meanwhile.
            Some(told) if told.number > found.revision.number => known.pardon(),
            Some(_) => known.replace(servers, now),
            // Of what another binder knows, the one that is watched tells nothing.
            None => {
                known.replace(servers, now);
                known.freshness = Freshness::Until(until);
            }
        }
        known.offer(looks, now);
        known.offered().clone()
    }

    /// Takes the binders' refusal, or their silence: then what is known is better than nothing.
    ///
    /// # Errors
    /// The status to end the call with, which certainly did not run.
    pub(super) fn fail(
        &mut self,
        procedure: &str,
        error: &BinderError,
        patience: Patience,
        now: Instant,
    ) -> Result<Endpoints, Status> {
        let is_silent = matches!(error, BinderError::Status(_));
        // Who had little time cannot know that no binder would have answered others.
        if !is_silent || patience == Patience::Usual {
            self.silent_until = is_silent.then(|| now + ASK_AGAIN_AFTER);
        }
        let stale_for = self.stale_for;
        if (is_silent || error.is_unsure())
            && let Some((known, looks)) = self.look(procedure, now)
            && !known.is_forgotten(stale_for, now)
            && known.offer_all(looks, now)
        {
            return Ok(known.offered().clone());
        }
        let status = status_of(procedure, error).not_run();
        if !is_silent && let Some((known, looks)) = self.enter(procedure, now) {
            if known.was_told_of_servers() {
                // The watched binder told of them while this was asked, or a moment before.
                known.pardon();
                known.offer(looks, now);
                return Ok(known.offered().clone());
            }
            known.replace(Vec::new(), now);
            known.refused = Some((status.clone(), now + REFUSED_FOR));
            known.offer(looks, now);
        }
        Err(status)
    }

    /// The endpoint does not serve the procedure now: not offered for a moment while others are, nor without asking.
    pub(super) fn reject(&mut self, procedure: &str, endpoint: &Endpoint, now: Instant) {
        if let Some((known, looks)) = self.look(procedure, now) {
            known.reject(endpoint, now + REJECTED_FOR);
            known.offer(looks, now);
        }
    }

    /// The names to watch, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.keys().map(ToString::to_string).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// Makes a procedure one to watch.
    pub(super) fn want(&mut self, procedure: &str, now: Instant) {
        self.enter(procedure, now);
    }

    /// Takes what a watched binder tells of these names, up to a revision. The names whose lists are other ones now.
    pub(super) fn apply(
        &mut self,
        watched: &[String],
        batch: Batch,
        told: contract::Revision,
        now: Instant,
    ) -> Vec<String> {
        let before: Vec<_> = watched.iter().map(|name| self.revision(name)).collect();
        let Batch { reset, mut changes } = batch;
        for name in watched {
            let mine = changes.remove(name.as_str());
            let Some((known, looks)) = self.look(name, now) else { continue };
            match (reset, mine) {
                (Some(footing), mine) => {
                    known.begin_anew(mine.unwrap_or_default(), footing.sure_at(now), now);
                }
                (None, Some(mine)) => known.change(mine),
                (None, None) => continue,
            }
            (known.freshness, known.confirmed) = (Freshness::Watched, now);
            known.offer(looks, now);
        }
        self.watched = Some(told);
        (self.silent_until, self.contact) = (None, Contact::Open);
        let changed = |(name, before): (&String, _)| (self.revision(name) != before).then(|| name.clone());
        watched.iter().zip(before).filter_map(changed).collect()
    }

    pub(super) fn contact(&self) -> Contact {
        self.contact
    }

    /// Nobody watches any more: what is known is as of now.
    pub(super) fn stop_watching(&mut self, contact: Contact, now: Instant) {
        (self.contact, self.watched) = (contact, None);
        for known in self.names.values_mut() {
            if known.freshness == Freshness::Watched {
                (known.freshness, known.confirmed) = (Freshness::Until(now), now);
            }
        }
    }

    /// Which list is offered for a procedure; `None` while none is.
    pub(super) fn revision(&self, procedure: &str) -> Option<Revision> {
        let offered = self.names.get(procedure)?.offered();
        (!offered.is_empty()).then(|| offered.revision())
    }

    /// What is known of a procedure, looked at now.
    fn look(&mut self, procedure: &str, now: Instant) -> Option<(&mut Known, known::Looks<'_>)> {
        let looks = known::Looks { changes: &mut self.changes, seed: self.seed };
        let known = self.names.get_mut(procedure)?;
        let mut looks = looks;
        known.pass(&mut looks, now);
        Some((known, looks))
    }

    /// The same, of a procedure that may be new. At the limit the one goes that was not asked for for the longest time,
    /// of those that nobody serves if there are some.
    fn enter(&mut self, procedure: &str, now: Instant) -> Option<(&mut Known, known::Looks<'_>)> {
        if self.names.len() >= NAMES && !self.names.contains_key(procedure) {
            let oldest = self.names.iter().min_by_key(|(_, known)| (!known.offered().is_empty(), known.used));
            let oldest = oldest.map(|(name, _)| name.clone())?;
            self.names.remove(&oldest);
        }
        self.names.entry(procedure.into()).or_insert_with(|| Known::new(now));
        self.look(procedure, now)
    }
}

fn status_of(procedure: &str, error: &BinderError) -> Status {
    let message = error.to_string();
    match error {
        // One that will do may come, as a first one may.
        BinderError::NotRegistered { .. } | BinderError::NoMatch { .. } => Status::not_found(message),
        BinderError::Name(_) | BinderError::Feature(_) => Status::invalid_argument(message),
        BinderError::Access(_) => Status::unauthenticated(message),
        BinderError::Status(status) => {
            Status::unavailable(format!("{procedure} cannot be looked up in the binder: {status}"))
        }
        _ => Status::failed_precondition(message),
    }
}

/// How long what is known serves after a binder last confirmed it, while none can be asked: 10 minutes, unless told
/// otherwise. Beyond that an address may be somebody else's.
pub const STALE_FOR: Duration = Duration::from_secs(600);
/// How long a refusal stands: short, because a server that has just started is waited for.
pub const REFUSED_FOR: Duration = Duration::from_millis(250);
/// How long an endpoint that did not work is left out while there are others: as long as a client sets it aside first.
pub const REJECTED_FOR: Duration = Duration::from_secs(1);
/// Dead binders are asked again after this time.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The most procedures remembered: as many as one watch has.
const NAMES: usize = crate::PAGE;

#[cfg(test)]
mod tests;
