//! What a resolver remembers, and what it makes of an answer or of none.
//!
//! Pure: time is a parameter, and asking is somebody else's.
//!
//! ```text
//! unknown ──answer──► fresh ──max age──► stale ──one day──► forgotten
//!                       └────reject────► rejected: the last resort, while the binder cannot be asked
//! ```

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rpc_core::{Endpoint, Status};

use crate::contract::Location;
use crate::error::BinderError;

/// Answers by procedure.
#[derive(Debug, Default)]
pub(super) struct Cache {
    answers: HashMap<Box<str>, Answer>,
}

#[derive(Debug)]
enum Answer {
    Place {
        endpoint: Endpoint,
        standing: Standing,
        forgotten_at: Instant,
    },
    /// The binder said no.
    Refusal {
        status: Status,
        until: Instant,
    },
}

#[derive(Debug)]
enum Standing {
    Good { until: Instant },
    Rejected,
}

/// What to do about a procedure.
#[derive(Debug, PartialEq)]
pub(super) enum Advice {
    /// Go there.
    Use(Endpoint),
    /// There is no way, as was found out a moment ago.
    Refuse(Status),
    /// Ask the binder; meanwhile this old answer, if there is one, is better than waiting.
    Ask(Option<Endpoint>),
}

impl Cache {
    pub(super) fn advise(&self, procedure: &str, now: Instant) -> Advice {
        match self.answers.get(procedure) {
            Some(Answer::Refusal { status, until }) if now < *until => Advice::Refuse(status.clone()),
            Some(Answer::Place { endpoint, standing: Standing::Good { until }, .. }) if now < *until => {
                Advice::Use(endpoint.clone())
            }
            Some(Answer::Place { endpoint, standing: Standing::Good { .. }, forgotten_at })
                if now < *forgotten_at =>
            {
                Advice::Ask(Some(endpoint.clone()))
            }
            _ => Advice::Ask(None),
        }
    }

    /// Takes the binder's answer.
    pub(super) fn learn(&mut self, procedure: &str, location: &Location, now: Instant) -> Endpoint {
        let endpoint = Endpoint::new(location.address.as_str(), location.port);
        let until = now + Duration::from_millis(location.max_age_ms).min(STALE_FOR);
        let standing = Standing::Good { until };
        let forgotten_at = now + STALE_FOR;
        self.remember(procedure, Answer::Place { endpoint: endpoint.clone(), standing, forgotten_at }, now);
        endpoint
    }

    /// Takes the binder's refusal, or its silence: then an old answer is better than none.
    ///
    /// # Errors
    /// The status to end the call with, which certainly did not run.
    pub(super) fn fail(
        &mut self,
        procedure: &str,
        error: &BinderError,
        now: Instant,
    ) -> Result<Endpoint, Status> {
        let knows_nothing = matches!(error, BinderError::Status(_)) || error.is_unsure();
        if knows_nothing && let Some(endpoint) = self.last_resort(procedure, now) {
            return Ok(endpoint);
        }
        let status = status_of(procedure, error).not_run();
        if !matches!(error, BinderError::Status(_)) {
            let until = now + REFUSED_FOR;
            self.remember(procedure, Answer::Refusal { status: status.clone(), until }, now);
        }
        Err(status)
    }

    /// The endpoint does not serve the procedure: never again without asking first.
    pub(super) fn reject(&mut self, procedure: &str, rejected: &Endpoint) {
        if let Some(Answer::Place { endpoint, standing, .. }) = self.answers.get_mut(procedure)
            && endpoint == rejected
        {
            *standing = Standing::Rejected;
        }
    }

    /// An answer that is not forgotten yet. A good one is good again for a moment, so that a dead binder is not asked
    /// at every call; of a rejected one, its server may have come back to the same place.
    fn last_resort(&mut self, procedure: &str, now: Instant) -> Option<Endpoint> {
        let answer = self.answers.get_mut(procedure)?;
        let Answer::Place { endpoint, standing, forgotten_at } = answer else { return None };
        if now >= *forgotten_at {
            return None;
        }
        if let Standing::Good { until } = standing {
            *until = (now + ASK_AGAIN_AFTER).min(*forgotten_at);
        }
        Some(endpoint.clone())
    }

    /// Past its limit the cache first loses what is over, then remembers nothing new.
    fn remember(&mut self, procedure: &str, answer: Answer, now: Instant) {
        if self.answers.len() >= ANSWERS && !self.answers.contains_key(procedure) {
            self.answers.retain(|_, answer| now < answer.over_at());
            if self.answers.len() >= ANSWERS {
                return;
            }
        }
        self.answers.insert(procedure.into(), answer);
    }
}

impl Answer {
    fn over_at(&self) -> Instant {
        match self {
            Answer::Place { forgotten_at, .. } => *forgotten_at,
            Answer::Refusal { until, .. } => *until,
        }
    }
}

fn status_of(procedure: &str, error: &BinderError) -> Status {
    let message = error.to_string();
    match error {
        BinderError::NotRegistered { .. } => Status::not_found(message),
        BinderError::Name(_) => Status::invalid_argument(message),
        BinderError::Status(status) => {
            Status::unavailable(format!("{procedure} cannot be looked up in the binder: {status}"))
        }
        _ => Status::failed_precondition(message),
    }
}

/// How long an answer serves after the binder last confirmed it, while the binder cannot be asked: the least that RFC
/// 8767 advises, so that a procedure first called long after it was looked up outlives the binder too.
pub const STALE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a refusal stands: short, because a server that has just started is waited for.
pub const REFUSED_FOR: Duration = Duration::from_millis(250);
/// A dead binder is asked again after this time.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The most procedures remembered.
const ANSWERS: usize = 10_000;

#[cfg(test)]
mod tests;
