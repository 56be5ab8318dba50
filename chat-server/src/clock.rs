//! Where the time comes from, so that tests can bring their own.

use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chat_api::UnixMillis;

use crate::domain::{Moment, Uptime};

/// A source of [`Moment`]s.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present moment. Its uptime never decreases.
    fn now(&self) -> Moment;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose uptime begins now.
    pub fn start() -> SystemClock {
        SystemClock { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment { unix: unix_millis(SystemTime::now()), uptime: Uptime(self.start.elapsed()) }
    }
}

fn unix_millis(time: SystemTime) -> UnixMillis {
    let millis = |since: std::time::Duration| i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    UnixMillis(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_before_1970_are_negative_and_far_ones_do_not_overflow() {
        assert_eq!(
            unix_millis(UNIX_EPOCH + Duration::from_millis(1_792_000_000_123)),
            UnixMillis(1_792_000_000_123)
        );
        assert_eq!(unix_millis(UNIX_EPOCH - Duration::from_millis(5)), UnixMillis(-5));
        assert_eq!(
            unix_millis(UNIX_EPOCH + Duration::from_secs(253_402_300_800)),
            UnixMillis(253_402_300_800_000)
        );
    }
}
