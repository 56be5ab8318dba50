//! The attempts of one call, and which failures are worth another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::link::Link;
use super::options::{Readiness, Span};
use crate::context::Context;
use crate::limits::{ATTEMPTS, BACKOFF_CEILING, BACKOFF_FLOOR};
use crate::resolve::{Endpoints, Revision};
use crate::service::{Procedure, Repetition};
use crate::status::{Code, Status};

/// One call's attempts, all before its deadline.
///
/// A call that no server has taken is tried at each endpoint once, and on if it waits for its server. What a server may
/// have run, or has put off, is given at most [`ATTEMPTS`] times in all, under the budget, and only if it certainly did
/// not run or may run twice; a server that says when to come back is obeyed. Who waits for his server waits whatever the
/// budget, as long as the call did not run.
pub(super) struct Attempts<'a> {
    core: &'a Core,
    procedure: &'static Procedure,
    readiness: Readiness,
    span: Span,
    trail: Trail,
    /// Attempts that failed.
    made: usize,
    pauses: u32,
}

/// What a call has seen of its servers so far.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// When the last attempt began; once it has a list or a connection that may have taken time, when it had that.
    pub(super) begun: Instant,
    /// How often the call was sent to a server, and whether the last attempt got so far.
    given: u32,
    sent: bool,
    /// Whether some attempt may have run, which no later one undoes.
    may_have_run: bool,
    /// Where it failed.
    tried: Vec<Arc<Link>>,
    /// The list that `tried` refers to, and its length.
    listed: Option<Revision>,
    length: usize,
    /// The list that the last attempt saw; `None` if there was none.
    seen: Option<Revision>,
}

/// What comes before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Now,
    After(Duration),
    /// After this time, or at once when the list of endpoints changes.
    AfterChange(Duration),
}

/// Of a call made at this time.
impl From<Instant> for Trail {
    fn from(begun: Instant) -> Trail {
        Trail {
            begun,
            given: 0,
            sent: false,
            may_have_run: false,
            tried: Vec::new(),
            listed: None,
            length: 0,
            seen: None,
        }
    }
}

impl Trail {
    /// An attempt asks for a list.
    pub(super) fn ask(&mut self) {
        self.seen = None;
        self.sent = false;
    }

    /// An attempt has a list to choose from. In a new one everything deserves to be tried.
    pub(super) fn see(&mut self, endpoints: &Endpoints) {
        self.seen = Some(endpoints.revision());
        if self.listed != self.seen {
            self.tried.clear();
            (self.listed, self.length) = (self.seen, endpoints.len());
        }
    }

    /// The call is sent.
    pub(super) fn give(&mut self) {
        self.given += 1;
        self.sent = true;
    }

    /// Whether the last attempt was sent, so that what became of it is a server's word, or its loss.
    pub(super) fn was_sent(&self) -> bool {
        self.sent
    }

    /// An attempt failed, which may have run all the same, or is still under way.
    pub(super) fn doubt(&mut self) {
        self.may_have_run = true;
    }

    /// The call's last word, of the call as a whole: the failure of its last attempt says nothing of those before.
    fn conclude(&self, failure: Status) -> Status {
        if self.may_have_run { failure.may_run() } else { failure }
    }

    /// Whether the call may be sent again.
    pub(super) fn may_give(&self) -> bool {
        self.given < ATTEMPTS
    }

    /// Takes over where another attempt of this call failed.
    pub(super) fn join(&mut self, other: &Trail) {
        self.may_have_run |= other.may_have_run;
        if self.listed == other.listed {
            other.tried.iter().for_each(|link| self.fail_at(link));
        }
    }

    pub(super) fn tried(&self) -> &[Arc<Link>] {
        &self.tried
    }

    /// Whether the last attempt saw an endpoint at which none has failed.
    fn has_untried(&self) -> bool {
        self.seen.is_some() && self.tried.len() < self.length
    }

    pub(super) fn fail_at(&mut self, link: &Arc<Link>) {
        if !self.tried.iter().any(|tried| Arc::ptr_eq(tried, link)) {
            self.tried.push(link.clone());
        }
    }
}

impl<'a> Attempts<'a> {
    pub(super) fn new(
        core: &'a Core,
        procedure: &'static Procedure,
        readiness: Readiness,
        span: Span,
    ) -> Attempts<'a> {
        let trail = Trail::from(span.made);
        Attempts { core, procedure, readiness, span, trail, made: 0, pauses: 0 }
    }

    /// Attempts until one succeeds, or none is worth making after the last failure.
    pub(super) fn make<T>(
        mut self,
        mut attempt: impl FnMut(&mut Trail) -> Result<T, Status>,
    ) -> Result<T, Status> {
        loop {
            let failure = match attempt(&mut self.trail) {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
            let paused = match self.after(&failure) {
                Some(Next::Now) => Ok(()),
                Some(Next::After(pause)) => Context::pause(pause).map_err(Status::not_run),
                Some(Next::AfterChange(pause)) => self.wait_for_change(pause).map_err(Status::not_run),
                None => Err(failure),
            };
            // A pause that ends early is the call's end; what came before decides whether it ran.
            paused.map_err(|why| self.trail.conclude(why))?;
            self.trail.begun = Instant::now();
        }
    }

    /// After a failure: what comes before the next attempt; `None` to give up.
    fn after(&mut self, failure: &Status) -> Option<Next> {
        self.made += 1;
        if failure.may_have_run() {
            self.trail.doubt();
        }
        let next = self.worth(failure)?;
        let pause = match next {
            Next::Now => Duration::ZERO,
            Next::After(pause) | Next::AfterChange(pause) => pause,
        };
        (Instant::now() + pause < self.span.ends).then_some(next)
    }

    fn worth(&mut self, failure: &Status) -> Option<Next> {
        let certain = !failure.may_have_run();
        if !certain && self.procedure.repetition == Repetition::Once {
            return None;
        }
        match (failure.retry_after(), failure.code()) {
            (Some(pause), _) => self.when_asked(pause),
            (None, code) if certain => self.after_a_refusal(code),
            (None, Code::Unavailable) => self.after_a_loss(),
            (None, _) => None,
        }
    }

    /// The server has said when to come back: up to a tenth later, since it told others the same.
    fn when_asked(&self, pause: Duration) -> Option<Next> {
        let allowed = self.charge() || self.readiness == Readiness::Awaited;
        allowed.then(|| Next::After(pause.mul_f64(1.0 + fastrand::f64() / 10.0)))
    }

    /// It may have run, and may run again.
    fn after_a_loss(&mut self) -> Option<Next> {
        if !self.charge() {
            return None;
        }
        Some(if self.trail.given == 1 { Next::Now } else { Next::After(self.pause()) })
    }

    /// It certainly did not run. One that was refused since its server has too much to do takes a token, so that others
    /// are not repeated; it waits whatever the budget if its client wants that.
    fn after_a_refusal(&mut self, code: Code) -> Option<Next> {
        if code == Code::ResourceExhausted && self.trail.was_sent() {
            self.core.budget.spend();
        }
        let most = self.trail.length.max(usize::try_from(ATTEMPTS).unwrap_or(usize::MAX));
        let untried = self.trail.has_untried() && self.made < most;
        match (self.readiness, code) {
            (_, Code::Unavailable | Code::Unimplemented) if untried => Some(Next::Now),
            (_, Code::Unavailable) if self.made == 1 => Some(Next::Now),
            (_, Code::Unimplemented) if self.made == 1 && self.has_another_list() => Some(Next::Now),
            (Readiness::Awaited, Code::Unavailable | Code::NotFound) => Some(Next::AfterChange(self.pause())),
            (Readiness::Awaited, Code::ResourceExhausted) => Some(Next::After(self.pause())),
            _ => None,
        }
    }

    /// Whether the resolver has changed its mind, now that it knows of the failure. A server that does not have a procedure
    /// has it no more the next moment, where one that was lost may be back.
    fn has_another_list(&self) -> bool {
        let list = self.core.resolve.resolve(self.procedure.name, self.span.ends);
        list.is_ok_and(|list| Some(list.revision()) != self.trail.seen)
    }

    /// Whether what a server was given may be given again.
    fn charge(&self) -> bool {
        self.core.budget.spend() && self.trail.may_give()
    }

    fn pause(&mut self) -> Duration {
        self.pauses = self.pauses.saturating_add(1);
        pause(self.pauses)
    }

    fn wait_for_change(&self, pause: Duration) -> Result<(), Status> {
        let begun = Instant::now();
        self.core.resolve.wait_for_change(self.procedure.name, self.trail.seen, begun + pause);
        // A list that changes all the time does not make this a loop without a pause.
        Context::pause(CHANGES_APART.min(pause).saturating_sub(begun.elapsed()))
    }
}

/// However often the list of endpoints changes, a call that waits for its server looks at it no more often: 5 ms.
const CHANGES_APART: Duration = Duration::from_millis(5);

/// Grows by 1.6 an attempt up to its ceiling, and is anywhere between half of that and all of it, so that clients that
/// lost one server do not come back in step (gRPC's connection-backoff document has the curve).
fn pause(attempt: u32) -> Duration {
    let exponent = i32::try_from(attempt.min(32)).unwrap_or(32);
    let whole = BACKOFF_FLOOR.mul_f64(1.6f64.powi(exponent)).min(BACKOFF_CEILING);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests;
