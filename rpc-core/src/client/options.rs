//! What a client says of its calls: how long, with what beside the arguments, and whether to wait for the server.

use std::time::{Duration, Instant};

use crate::context::Context;
use crate::limits::{BACKOFF_CEILING, BACKOFF_FLOOR, DEADLINE_CEILING, DEFAULT_DEADLINE};
use crate::metadata::{Metadata, MetadataError};
use crate::service::Repetition;
use crate::status::{Code, Status};

#[derive(Clone, Debug)]
pub(super) struct Options {
    /// `None`: the default for a call, and no end for a stream.
    pub(super) time: Option<Duration>,
    /// A pair that metadata refused fails every call in words, instead of the caller at start.
    pub(super) metadata: Result<Metadata, MetadataError>,
    pub(super) patience: Patience,
}

/// What to do with a call that certainly did not run, or that may run twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Ask once for a fresh address and try there.
    OneRetry,
    /// Try until the deadline, with growing pauses.
    UntilDeadline,
}

impl Default for Options {
    fn default() -> Options {
        Options { time: None, metadata: Ok(Metadata::new()), patience: Patience::OneRetry }
    }
}

impl Options {
    /// When a call made now is over: its own time, and never after the call that surrounds it.
    pub(super) fn deadline(&self) -> Instant {
        let own = Instant::now() + self.time.unwrap_or(DEFAULT_DEADLINE).min(DEADLINE_CEILING);
        Context::current().deadline().map_or(own, |surrounding| own.min(surrounding))
    }

    /// When a stream opened now is over, if that was said.
    pub(super) fn stream_deadline(&self) -> Option<Instant> {
        let own = self.time.map(|time| Instant::now() + time.min(DEADLINE_CEILING));
        own.into_iter().chain(Context::current().deadline()).min()
    }

    pub(super) fn metadata(&self) -> Result<Vec<(&str, &[u8])>, Status> {
        match &self.metadata {
            Ok(metadata) => Ok(metadata.iter().collect()),
            Err(error) => Err(Status::invalid_argument(error.to_string()).not_run()),
        }
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts {
    patience: Patience,
    repetition: Repetition,
    deadline: Instant,
    made: u32,
}

impl Attempts {
    pub(super) fn new(patience: Patience, repetition: Repetition, deadline: Instant) -> Attempts {
        Attempts { patience, repetition, deadline, made: 0 }
    }

    /// Attempts until one succeeds, or none is worth making after the last failure.
    pub(super) fn make<T>(mut self, mut attempt: impl FnMut() -> Result<T, Status>) -> Result<T, Status> {
        loop {
            let failure = match attempt() {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
            match self.after(&failure) {
                Some(pause) => Context::pause(pause)?,
                None => return Err(failure),
            }
        }
    }

    /// After a failure: how long to pause before the next attempt; `None` to give up.
    fn after(&mut self, failure: &Status) -> Option<Duration> {
        self.made += 1;
        let lost = failure.code() == Code::Unavailable && self.repetition == Repetition::Idempotent;
        if failure.may_have_run() && !lost {
            return None;
        }
        match (self.patience, failure.code()) {
            (_, Code::Unavailable | Code::Unimplemented) if self.made == 1 => Some(Duration::ZERO),
            (Patience::UntilDeadline, Code::Unavailable | Code::ResourceExhausted | Code::NotFound) => {
                let pause = pause(self.made);
                (Instant::now() + pause < self.deadline).then_some(pause)
            }
            _ => None,
        }
    }
}

/// Grows by 1.6 an attempt up to its ceiling, and is anywhere between half of that and all of it, so that clients that
/// lost one server do not come back in step (gRPC's connection-backoff document has the curve).
fn pause(attempt: u32) -> Duration {
    let exponent = i32::try_from(attempt.min(32)).unwrap_or(32);
    let whole = BACKOFF_FLOOR.mul_f64(1.6f64.powi(exponent)).min(BACKOFF_CEILING);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_under_their_ceiling() {
        for attempt in 1..100 {
            let pause = pause(attempt);
            assert!(pause >= BACKOFF_FLOOR / 2 && pause <= BACKOFF_CEILING, "{attempt}: {pause:?}");
        }
        assert!(pause(30) >= BACKOFF_CEILING / 2);
    }

    #[test]
    fn only_what_did_not_run_or_may_run_twice_is_tried_again() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let lost = Status::unavailable("lost");
        for patience in [Patience::OneRetry, Patience::UntilDeadline] {
            assert_eq!(Attempts::new(patience, Repetition::Once, deadline).after(&lost), None);
            let mut twice = Attempts::new(patience, Repetition::Idempotent, deadline);
            assert!(twice.after(&lost).is_some());
            let late = Status::deadline_exceeded("late");
            assert_eq!(Attempts::new(patience, Repetition::Idempotent, deadline).after(&late), None);
        }
        let refused = lost.not_run();
        let mut once = Attempts::new(Patience::OneRetry, Repetition::Once, deadline);
        assert_eq!(once.after(&refused), Some(Duration::ZERO));
        assert_eq!(once.after(&refused), None);
        let mut patient = Attempts::new(Patience::UntilDeadline, Repetition::Once, deadline);
        for _ in 0..20 {
            assert!(patient.after(&refused).is_some());
        }
    }
}
