//! How often servers say that they were called. For people to see: nothing hangs on it, and nobody is told when it changes.

use std::time::{Duration, Instant};

use super::Registry;
use super::terms::HEARD_WITHIN;
use crate::identity::Owner;
use crate::name::ProcedureName;

/// What one server last said of one procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    per_minute: u64,
    told: Instant,
}

impl Rate {
    /// Calls a minute, for as long as it says anything about now.
    pub(super) fn now(self, now: Instant) -> Option<u64> {
        (now.saturating_duration_since(self.told) <= HEARD_WITHIN).then_some(self.per_minute)
    }
}

impl Registry {
    /// Takes how often the owner's procedures were called within a time; of those that he does not hold, nothing.
    pub(crate) fn report(&mut self, owner: &Owner, loads: &[(ProcedureName, u64, Duration)], now: Instant) {
        let now = self.look(now);
        if self.leases.of(owner).is_none() {
            return;
        }
        for (name, calls, within) in loads {
            if let Some(per_minute) = a_minute(*calls, *within) {
                self.leases.rate(&owner.instance, name, Rate { per_minute, told: now });
            }
        }
    }
}

/// So many calls within a time as calls a minute, rounded up: what was called is not shown as idle.
fn a_minute(calls: u64, within: Duration) -> Option<u64> {
    let calls = u128::from(calls).checked_mul(60_000)?;
    let rate = calls.checked_add(within.as_millis().saturating_sub(1))?.checked_div(within.as_millis())?;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_within_a_time_are_calls_a_minute() {
        for (calls, ms, rate) in [
            (0, 5_000, Some(0)),
            (1, 5_000, Some(12)),
            (1, 300_000, Some(1)),
            (1_000, 7, Some(8_571_429)),
            (5, 0, None),
            (u64::MAX, 1, Some(u64::MAX)),
        ] {
            assert_eq!(a_minute(calls, Duration::from_millis(ms)), rate, "{calls} in {ms} ms");
        }
    }
}
