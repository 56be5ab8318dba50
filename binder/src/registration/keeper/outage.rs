//! A binder that does not answer: when it is asked again.

use std::time::{Duration, Instant};

use rpc_core::Status;

/// Since it was asked in vain.
#[derive(Debug)]
pub(super) struct Outage {
    attempts: u32,
    /// Before this it is not asked.
    pub(super) until: Instant,
    pub(super) why: Status,
}

impl Outage {
    pub(super) fn begin(why: Status, now: Instant, chance: &mut fastrand::Rng) -> Outage {
        Outage { attempts: 0, until: now + pause(0, chance), why }
    }

    /// It was asked again; several failures of one attempt count once.
    pub(super) fn go_on(&mut self, why: Status, now: Instant, chance: &mut fastrand::Rng) {
        if now < self.until {
            return;
        }
        self.attempts = self.attempts.saturating_add(1);
        (self.until, self.why) = (now + pause(self.attempts, chance), why);
    }

    /// There is a reason to ask at once, and in no long pauses.
    pub(super) fn hurry(&mut self, now: Instant) {
        (self.attempts, self.until) = (0, now);
    }
}

/// Grows from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`], and is anywhere between half of that and all of it.
fn pause(attempts: u32, chance: &mut fastrand::Rng) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.min(8));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + chance.f64() / 2.0)
}

/// The pause after a first failure.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two attempts to reach the binder.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);
