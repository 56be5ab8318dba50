//! Finds procedures through a binder, for an [`rpc_core::Client`].
//!
//! Answers are remembered, and outlive a dead binder. However many threads want one name at once, one asks and the
//! others wait for it; nothing is locked while it asks.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Client, Endpoint, Endpoints, Resolve, Revision, Status};

use crate::contract::{Binder, BinderClient, Location};
use crate::error::BinderError;

mod cache;

use cache::{Advice, Cache};
pub use cache::{REFUSED_FOR, STALE_FOR};

/// Resolves procedures through one binder; shared by any number of clients and threads.
///
/// An answer is used for the age the binder gives it. Then it is asked for again, and while the binder cannot be
/// reached it serves on, for [`STALE_FOR`] at most. A refusal stands for [`REFUSED_FOR`]. An endpoint that did not work
/// is dropped at once, and only offered again while the binder cannot be reached: its server may be back at that place.
pub struct Resolver {
    outside: Box<dyn Outside>,
    state: Mutex<State>,
}

/// The clock and the binder, as a resolver needs them.
trait Outside: Send + Sync {
    fn now(&self) -> Instant;
    fn lookup(&self, procedure: &str, until: Instant) -> Result<Location, BinderError>;
}

#[derive(Default)]
struct State {
    cache: Cache,
    flights: HashMap<Box<str>, Arc<Flight>>,
    contact: Contact,
}

/// Whether the binder answered when it was last asked; told once a change.
#[derive(Default)]
enum Contact {
    #[default]
    Answers,
    Silent,
}

/// One question to the binder, and those who wait for its answer.
struct Flight {
    /// Disconnected when the question is over.
    landed: Receiver<Infallible>,
    outcome: OnceLock<Result<Endpoint, Status>>,
    /// When whoever asks gives up.
    until: Instant,
    /// Whether he gives up sooner than others would, because his own call ends then.
    in_haste: bool,
}

/// Asks for all who want the name; when it is dropped, by a panic too, nobody waits for it any more.
struct Asker<'a> {
    resolver: &'a Resolver,
    procedure: &'a str,
    flight: Arc<Flight>,
    _landing: Sender<Infallible>,
}

enum Step<'a> {
    Over(Result<Endpoint, Status>),
    Ask(Asker<'a>),
    Follow(Arc<Flight>),
}

impl Resolver {
    /// A resolver that asks the binder at `HOST:PORT`. It connects when it first has to.
    pub fn new(binder: impl AsRef<str>) -> Arc<Resolver> {
        Arc::new(Resolver::with(Box::new(Network(BinderClient::new(Client::connect(binder))))))
    }

    fn with(outside: Box<dyn Outside>) -> Resolver {
        Resolver { outside, state: Mutex::default() }
    }

    /// Looks all these procedures up, so that later calls find them although the binder may be dead by then.
    ///
    /// # Errors
    /// The first that cannot be found, as [`Resolve::resolve`] says it; those before it are remembered.
    pub fn prefetch(&self, procedures: &[&str]) -> Result<(), Status> {
        let deadline = self.outside.now() + ASK_WITHIN;
        procedures.iter().try_for_each(|procedure| self.find(procedure, deadline).map(drop))
    }

    fn find(&self, procedure: &str, deadline: Instant) -> Result<Endpoint, Status> {
        loop {
            match self.step(procedure, deadline) {
                Step::Over(outcome) => return outcome,
                Step::Ask(asker) => return asker.ask(),
                Step::Follow(flight) => {
                    if let Some(outcome) = flight.follow(procedure, deadline) {
                        return outcome;
                    }
                }
            }
        }
    }

    fn step<'a>(&'a self, procedure: &'a str, deadline: Instant) -> Step<'a> {
        let now = self.outside.now();
        let mut state = self.lock();
        let old = match state.cache.advise(procedure, now) {
            Advice::Use(endpoint) => return Step::Over(Ok(endpoint)),
            Advice::Refuse(status) => return Step::Over(Err(status)),
            Advice::Ask(old) => old,
        };
        // An old answer makes waiting for a new one less worth while.
        let patience = if old.is_some() { REFRESH_WITHIN } else { ASK_WITHIN };
        match (state.flights.get(procedure), old) {
            (Some(_), Some(old)) => Step::Over(Ok(old)),
            (Some(flight), None) => Step::Follow(flight.clone()),
            (None, _) => {
                let (landing, landed) = bounded(0);
                let until = deadline.min(now + patience);
                let in_haste = until < now + patience;
                let flight = Arc::new(Flight { landed, outcome: OnceLock::new(), until, in_haste });
                state.flights.insert(procedure.into(), flight.clone());
                Step::Ask(Asker { resolver: self, procedure, flight, _landing: landing })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, procedure: &str, deadline: Instant) -> Result<Endpoints, Status> {
        let endpoint = self.find(procedure, deadline)?;
        let mut place = DefaultHasher::new();
        endpoint.hash(&mut place);
        Ok(Endpoints::from(endpoint).with_revision(Revision(place.finish())))
    }

    fn reject(&self, procedure: &str, endpoint: &Endpoint, _why: &Status) {
        self.lock().cache.reject(procedure, endpoint);
    }
}

impl Asker<'_> {
    fn ask(self) -> Result<Endpoint, Status> {
        let answer = self.resolver.outside.lookup(self.procedure, self.flight.until);
        let now = self.resolver.outside.now();
        let mut state = self.resolver.lock();
        let outcome = match &answer {
            Ok(location) => Ok(state.cache.learn(self.procedure, location, now)),
            Err(error) => state.cache.fail(self.procedure, error, now),
        };
        let before = std::mem::replace(&mut state.contact, Contact::of(&answer));
        drop(state);
        before.tell_change(&answer);
        self.flight.outcome.get_or_init(|| outcome).clone()
    }
}

impl Drop for Asker<'_> {
    fn drop(&mut self) {
        self.resolver.lock().flights.remove(self.procedure);
    }
}

impl Flight {
    /// The outcome for one who waits until `deadline`; `None` when he had better ask himself.
    fn follow(&self, procedure: &str, deadline: Instant) -> Option<Result<Endpoint, Status>> {
        // Nothing is ever sent: this ends by disconnection or by time.
        let waited = self.landed.recv_deadline(deadline);
        if waited.is_err_and(|error| error.is_timeout()) {
            let message = format!("{procedure} was not looked up in time");
            return Some(Err(Status::deadline_exceeded(message).not_run()));
        }
        let outcome = self.outcome.get()?;
        (outcome.is_ok() || !self.in_haste).then(|| outcome.clone())
    }
}

impl Contact {
    fn of(answer: &Result<Location, BinderError>) -> Contact {
        if matches!(answer, Err(BinderError::Status(_))) { Contact::Silent } else { Contact::Answers }
    }

    fn tell_change(self, answer: &Result<Location, BinderError>) {
        match (self, answer) {
            (Contact::Answers, Err(BinderError::Status(status))) => {
                tracing::warn!("the binder cannot be asked, known addresses serve on: {status}");
            }
            (Contact::Silent, answer) if matches!(Contact::of(answer), Contact::Answers) => {
                tracing::info!("the binder answers again");
            }
            _ => {}
        }
    }
}

struct Network(BinderClient);

impl Outside for Network {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn lookup(&self, procedure: &str, until: Instant) -> Result<Location, BinderError> {
        let time = until.saturating_duration_since(Instant::now());
        self.0.with_deadline(time).lookup_procedure(procedure.to_owned())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("cache", &self.lock().cache).finish_non_exhaustive()
    }
}

/// How long a binder is waited for when nothing is known: programs that start with a question end within 5 s of a signal.
const ASK_WITHIN: Duration = Duration::from_secs(3);
/// How long a binder is waited for while an old answer is at hand.
const REFRESH_WITHIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
