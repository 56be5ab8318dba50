//! How tests wait for something to become so.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Waits until `look` finds what is expected; fails after ten seconds.
#[track_caller]
pub(crate) fn eventually<T: PartialEq + Debug>(expected: &T, look: impl Fn() -> T) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let seen = look();
        if seen == *expected {
            return;
        }
        assert!(Instant::now() < until, "expected {expected:?}, seen {seen:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
