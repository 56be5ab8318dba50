//! Finds procedures through binders, for an [`rpc_core::Client`].
//!
//! What was asked for once is watched from then on, and serves from memory; it outlives dead binders. However many threads
//! want a new name at once, one asks and the others wait for it; nothing is locked while it asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{at, select};
use rpc_core::{ClientTls, Context, Endpoint, Endpoints, Resolve, Revision, Status};

use crate::access::Token;
use crate::features::Wanted;
use crate::name::ProcedureName;

mod asked;
mod flight;
mod follower;
mod news;
mod shared;
mod table;

use asked::{ASK_WITHIN, Network, Outside};
use flight::{Asker, Flight};
use follower::Follower;
use shared::Shared;
use table::Advice;
pub use table::{REFUSED_FOR, REJECTED_FOR, STALE_FOR};

/// Resolves procedures through binders; shared by any number of clients and threads.
///
/// The first call of a procedure asks a binder; then a thread, `resolver`, watches it, and calls go elsewhere within a
/// moment of what a binder learns. While no binder can be reached what is known serves on, for
/// [`stale_for`](ResolverOptions::stale_for) at most. A refusal stands for [`REFUSED_FOR`]. An endpoint that did not work is
/// left out for [`REJECTED_FOR`] while there are others; where it was the only one, a binder is asked again.
pub struct Resolver {
    shared: Arc<Shared>,
    /// Started when the first name is known; `None` inside if the system gave no thread.
    follower: OnceLock<Option<Follower>>,
}

/// How a resolver asks, and for which servers. They hold for all procedures that it finds: another requirement is another
/// resolver.
#[derive(Clone, Debug)]
pub struct ResolverOptions {
    /// What opens the binders, if they want a token for lookups.
    pub token: Option<Token>,
    /// What to connect to the binders with, if they are reached over TLS. The servers that they name are the client's affair.
    pub tls: Option<ClientTls>,
    /// How long what is known serves after a binder last confirmed it, while none can be reached: [`STALE_FOR`].
    pub stale_for: Duration,
    /// A requirement of versions as Cargo writes them (`1.2`, `>=1.2, <2`): servers that meet it are called, and no others.
    /// One without a version meets none.
    pub version: Option<String>,
    /// Metadata that servers must have, each key with this value.
    pub metadata: BTreeMap<String, String>,
}

impl Default for ResolverOptions {
    fn default() -> ResolverOptions {
        let (version, metadata) = (None, BTreeMap::new());
        ResolverOptions { token: None, tls: None, stale_for: STALE_FOR, version, metadata }
    }
}

enum Step<'a> {
    Over(Result<Endpoints, Status>),
    Ask(Asker<'a>),
    Follow(Arc<Flight>),
}

impl Resolver {
    /// A resolver that asks the binder at `HOST:PORT`, or any of several with commas between them
    /// ([`Binders`](crate::Binders)). It connects when it first has to.
    pub fn new(binders: impl AsRef<str>) -> Arc<Resolver> {
        Resolver::with_options(binders, &ResolverOptions::default())
    }

    /// As [`new`](Resolver::new), with these options. What is wrong with them fails every call, in words.
    pub fn with_options(binders: impl AsRef<str>, options: &ResolverOptions) -> Arc<Resolver> {
        let wanted = Wanted::parse(options.version.as_deref(), options.metadata.clone());
        let network = Network::new(binders.as_ref(), options, wanted.clone());
        Arc::new(Resolver::with(Box::new(network), wanted.unwrap_or_default(), options.stale_for))
    }

    fn with(outside: Box<dyn Outside>, wanted: Wanted, stale_for: Duration) -> Resolver {
        Resolver { shared: Arc::new(Shared::new(outside, wanted, stale_for)), follower: OnceLock::new() }
    }

    /// Looks all these procedures up, so that later calls find them although the binders may be dead by then.
    ///
    /// # Errors
    /// The first that cannot be found, as [`Resolve::resolve`] says it; those before it are remembered.
    pub fn prefetch(&self, procedures: &[&str]) -> Result<(), Status> {
        let deadline = self.shared.outside.now() + ASK_WITHIN;
        procedures.iter().try_for_each(|procedure| self.find(procedure, deadline).map(drop))
    }

    fn find(&self, procedure: &str, deadline: Instant) -> Result<Endpoints, Status> {
        loop {
            match self.step(procedure, deadline) {
                Step::Over(outcome) => return outcome,
                Step::Ask(asker) => {
                    let outcome = asker.ask();
                    if outcome.is_ok() {
                        self.follow(procedure);
                    }
                    return outcome;
                }
                Step::Follow(flight) => {
                    if let Some(outcome) = flight.follow(procedure, deadline) {
                        return outcome;
                    }
                }
            }
        }
    }

    fn step<'a>(&'a self, procedure: &'a str, deadline: Instant) -> Step<'a> {
        let now = self.shared.outside.now();
        let mut state = self.shared.lock();
        match state.table.advise(procedure, now) {
            Advice::Use(endpoints) => return Step::Over(Ok(endpoints)),
            Advice::Refuse(status) => return Step::Over(Err(status)),
            Advice::Ask => {}
        }
        // Such a name would be watched with the others, and a watch is refused as a whole.
        if let Err(error) = ProcedureName::parse(procedure) {
            return Step::Over(Err(Status::invalid_argument(error.to_string()).not_run()));
        }
        match state.flights.get(procedure) {
            Some(flight) => Step::Follow(flight.clone()),
            None => Step::Ask(Asker::begin(&self.shared, &mut state, procedure, now, deadline)),
        }
    }

    /// Has a name watched that was asked for.
    fn follow(&self, procedure: &str) {
        if ProcedureName::parse(procedure).is_ok()
            && self.shared.want(procedure)
            && let Some(follower) = self.follower()
        {
            follower.ring();
        }
    }

    fn follower(&self) -> Option<&Follower> {
        let start = || {
            let started = Follower::start(self.shared.clone());
            started.inspect_err(|why| tracing::warn!("names are asked for instead of watched: {why}")).ok()
        };
        self.follower.get_or_init(start).as_ref()
    }
}

impl Resolve for Resolver {
    fn resolve(&self, procedure: &str, deadline: Instant) -> Result<Endpoints, Status> {
        self.find(procedure, deadline)
    }

    fn reject(&self, procedure: &str, endpoint: &Endpoint, _why: &Status) {
        let now = self.shared.outside.now();
        self.shared.lock().table.reject(procedure, endpoint, now);
    }

    fn wait_for_change(&self, procedure: &str, seen: Option<Revision>, until: Instant) {
        let Some(wait) = self.shared.wait(procedure, seen) else { return };
        // A name that nobody serves is watched for its first server.
        self.follow(procedure);
        let cancelled = Context::current().cancelled();
        select! {
            recv(wait.changed()) -> _ => {}
            recv(cancelled) -> _ => {}
            recv(at(until)) -> _ => {}
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("table", &self.shared.lock().table).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
