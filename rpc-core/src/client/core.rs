//! What a client and its clones share: the resolver, the connections, the budget.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::attempts::Trail;
use super::budget::Budget;
use super::choice::Choice;
use super::connection::Connection;
use super::directory::Directory;
use super::group::{Beside, Pick};
use super::link::{Approach, Link, Loaded, Patience};
use crate::limits::{CONNECT_TIME_BESIDE_OTHERS, HEDGED_CALLS, Limits};
use crate::resolve::{Endpoint, Endpoints, Resolve};
use crate::status::{Code, Status};
use crate::stream::Terms;
use crate::threads::{Place, Pool};
#[cfg(feature = "tls")]
use crate::transport::ClientSecurity;

pub(super) struct Core {
    pub(super) resolve: Arc<dyn Resolve>,
    pub(super) budget: Budget,
    approach: Approach,
    limits: Limits,
    /// A limit that is out of its range fails every call in words, instead of the caller at start.
    checked: Result<(), String>,
    pub(super) terms: Terms,
    directory: Mutex<Directory>,
    /// Connect to endpoints beside the calls.
    probes: Pool,
    /// Wait for calls that are hedged.
    hedges: Pool,
}

/// Endpoints that are connected to beside the calls at the same time.
const PROBES: usize = 8;

/// Threads for calls that are hedged, two each: so [`HEDGED_CALLS`] at a time.
const HEDGES: usize = 2 * HEDGED_CALLS;

/// How long a client that is dropped waits for its probes, which hold nothing of it.
const PROBES_END: Duration = Duration::from_millis(10);

impl Core {
    pub(super) fn new(resolve: Arc<dyn Resolve>, approach: Approach, limits: Limits) -> Core {
        let (probes, hedges) = (Pool::new("rpc-probe", PROBES), Pool::new("rpc-hedge", HEDGES));
        let (budget, terms, directory) = (Budget::default(), Terms::of(&limits), Mutex::default());
        let checked = limits.check();
        Core { resolve, budget, approach, limits, checked, terms, directory, probes, hedges }
    }

    /// The same servers under other limits, with connections and a budget of its own.
    pub(super) fn with_limits(&self, limits: Limits) -> Core {
        Core::new(self.resolve.clone(), self.approach.clone(), limits)
    }

    /// The same servers with connections that are protected so, and a budget of its own.
    #[cfg(feature = "tls")]
    pub(super) fn with_security(&self, security: ClientSecurity) -> Core {
        let approach = Approach { security, ..self.approach.clone() };
        Core::new(self.resolve.clone(), approach, self.limits.clone())
    }

    /// Whether there is one connection, and never another.
    pub(super) fn is_single(&self) -> bool {
        self.approach.is_single()
    }

    /// A connection to one of the procedure's servers.
    pub(super) fn reach(
        &self,
        procedure: &'static str,
        choice: Choice,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<(Loaded, Arc<Connection>), Status> {
        trail.ask();
        self.checked.clone().map_err(|why| Status::invalid_argument(why).not_run())?;
        let endpoints = self.resolve.resolve(procedure, deadline).map_err(Status::not_run)?;
        if self.resolve.takes_time() {
            trail.begun = Instant::now();
        }
        trail.see(&endpoints);
        let mut looks = 0..endpoints.len();
        while let Some(pick) = self.pick(procedure, &endpoints, choice, trail.tried()) {
            let link = Loaded::new(pick.link);
            if let Some(connection) = link.at_hand(trail.begun) {
                return Ok((link, connection));
            }
            // Each look finds one less connected, unless others reconnect as fast; then this call does too.
            if pick.beside == Beside::Connected && looks.next().is_some() {
                continue;
            }
            let connected = link.connection(patience(deadline, pick.beside));
            trail.begun = Instant::now();
            return match connected {
                Ok(connection) => {
                    link.standing().rise_if_down();
                    Ok((link, connection))
                }
                Err(failure) => {
                    self.note_failure(procedure, link.link(), Instant::now(), &failure, trail);
                    Err(failure)
                }
            };
        }
        Err(Status::not_found(format!("nobody serves {procedure}")).not_run())
    }

    /// An attempt that had begun at `begun` failed: of a server that is gone or does not have the procedure the resolver
    /// is told, and the call goes elsewhere.
    pub(super) fn note_failure(
        &self,
        procedure: &str,
        link: &Arc<Link>,
        begun: Instant,
        failure: &Status,
        trail: &mut Trail,
    ) {
        trail.fail_at(link);
        if failure.code() == Code::Unavailable {
            link.standing().fail(begun, Instant::now());
        }
        if matches!(failure.code(), Code::Unavailable | Code::Unimplemented) {
            self.resolve.reject(procedure, link.endpoint(), failure);
        }
    }

    /// Threads for a call that is sent once more although it is under way; `None` where that may not be. It costs a token,
    /// or servers that are slow because they have much to do would be given twice as much.
    pub(super) fn lanes(&self, trail: &Trail) -> Option<[Place; 2]> {
        if !trail.may_give() || !self.budget.allows() {
            return None;
        }
        let lanes = [self.hedges.place().ok()?, self.hedges.place().ok()?];
        self.budget.spend();
        Some(lanes)
    }

    /// A server has answered.
    pub(super) fn note_answer(&self, link: &Link) {
        link.standing().succeed();
        self.budget.earn();
    }

    fn pick(
        &self,
        procedure: &'static str,
        endpoints: &Endpoints,
        choice: Choice,
        tried: &[Arc<Link>],
    ) -> Option<Pick> {
        let made =
            |endpoint: &Endpoint| Link::new(endpoint.clone(), self.approach.clone(), self.limits.clone());
        let mut directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut pick, departed) = directory.pick(procedure, endpoints, choice, tried, made);
        drop(directory);
        departed.let_go();
        if let Some(due) = pick.as_mut().and_then(|pick| pick.due.take()) {
            self.probe(procedure, &due);
        }
        pick
    }

    /// Connects beside the calls. If there is no thread for that, a later call tries again.
    fn probe(&self, procedure: &'static str, due: &Arc<Link>) {
        let (link, resolve) = (due.clone(), self.resolve.clone());
        let probed = self.probes.run(move || {
            if let Err(failure) = link.probe() {
                resolve.reject(procedure, link.endpoint(), &failure);
            }
        });
        if probed.is_err() {
            due.standing().end_probe();
        }
    }
}

/// How long a link is given. With others to turn to, half of the call's time is theirs.
fn patience(deadline: Instant, beside: Beside) -> Patience {
    if beside == Beside::Nothing {
        return Patience { deadline, until: deadline };
    }
    let now = Instant::now();
    let half = deadline.saturating_duration_since(now) / 2;
    Patience { deadline, until: now + half.min(CONNECT_TIME_BESIDE_OTHERS) }
}

impl Drop for Core {
    fn drop(&mut self) {
        // A probe that still connects holds its link only, and ends within its own time.
        self.probes.close(Instant::now() + PROBES_END);
        // Whoever hedges holds this; the last of them may be dropping it.
        self.hedges.close(Instant::now());
    }
}
