//! How long to wait before the next attempt.

use std::time::Duration;

/// Growing pauses between attempts, anywhere between half of their length and all of it, so that clients that lost one
/// server do not come back in step.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    made: u32,
}

impl Pauses {
    pub(crate) fn next(&mut self) -> Duration {
        let whole = FIRST_PAUSE.saturating_mul(1 << self.made.min(5)).min(LONGEST_PAUSE);
        self.made = self.made.saturating_add(1);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    pub(crate) fn reset(&mut self) {
        self.made = 0;
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A server that is back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_two_seconds_and_no_further() {
        let mut pauses = Pauses::default();
        assert!(pauses.next() <= FIRST_PAUSE);
        for _ in 0..100 {
            assert!(pauses.next() <= LONGEST_PAUSE);
        }
        assert!(pauses.next() >= LONGEST_PAUSE / 2);
        pauses.reset();
        assert!(pauses.next() <= FIRST_PAUSE);
    }
}
