//! What a client thinks of one endpoint, from how its attempts went.
//!
//! ```text
//!            rise                 fail, rest
//! down ──────────────► live ──────────────────► down
//!   └─ due at once, or set aside until a time that grows with each failure
//! ```
//!
//! Whether it is live is read without a lock, at every choice. Time is a parameter, except to note when it rose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::{ASIDE_CEILING, ASIDE_FLOOR};

#[derive(Debug, Default)]
pub(super) struct Standing {
    /// It has a connection, of which nothing bad is known.
    live: AtomicBool,
    /// Something of the record is to be forgotten when a call succeeds.
    stained: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    /// Failures in a row, each after the time that the one before had set.
    failures: u32,
    /// Before this it is tried only if there is nothing else.
    aside_until: Option<Instant>,
    /// When its connection was made.
    risen: Option<Instant>,
    /// Somebody connects to it who makes no call.
    probed: bool,
}

impl Standing {
    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    /// It has been connected to. That alone proves nothing: its failures are forgotten when it answers.
    pub(super) fn rise(&self, now: Instant) {
        let mut record = self.lock();
        record.risen = Some(now);
        self.live.store(true, Ordering::Relaxed);
    }

    /// As [`rise`](Standing::rise), where that is news.
    pub(super) fn rise_if_down(&self) {
        if !self.is_live() {
            self.rise(Instant::now());
        }
    }

    /// Its connection has ended without harm; it may be connected to again at once.
    pub(super) fn rest(&self) {
        let _record = self.lock();
        self.live.store(false, Ordering::Relaxed);
    }

    /// It has answered.
    pub(super) fn succeed(&self) {
        if self.stained.load(Ordering::Relaxed) {
            let mut record = self.lock();
            (record.failures, record.aside_until) = (0, None);
            self.stained.store(false, Ordering::Relaxed);
        }
    }

    /// An attempt that had begun at `begun` failed: it is set aside.
    ///
    /// However many calls one loss takes down, it is one failure; and what failed before the present connection was made
    /// says nothing of it.
    pub(super) fn fail(&self, begun: Instant, now: Instant) {
        let mut record = self.lock();
        if record.risen.is_some_and(|risen| risen > begun) {
            return;
        }
        if record.aside_until.is_none_or(|until| begun >= until) {
            record.failures = record.failures.saturating_add(1);
        }
        record.aside_until = Some(now + aside(record.failures, fastrand::f64()));
        self.live.store(false, Ordering::Relaxed);
        self.stained.store(true, Ordering::Relaxed);
    }

    /// Until when it is set aside; `None` if it is not.
    pub(super) fn aside_until(&self, now: Instant) -> Option<Instant> {
        self.lock().aside_until.filter(|until| now < *until)
    }

    /// Whether the caller may connect to it without making a call: it is due, and nobody else does. He says when he has.
    pub(super) fn begin_probe(&self, now: Instant) -> bool {
        let mut record = self.lock();
        let due = record.aside_until.is_none_or(|until| now >= until);
        let begins = due && !record.probed && !self.is_live();
        record.probed |= begins;
        begins
    }

    pub(super) fn end_probe(&self) {
        self.lock().probed = false;
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an endpoint is set aside after so many failures in a row: gRPC's connection backoff, which grows by 1.6 from
/// its floor to its ceiling and is up to a fifth longer or shorter. `chance` is in 0..1.
fn aside(failures: u32, chance: f64) -> Duration {
    let exponent = i32::try_from(failures.saturating_sub(1).min(64)).unwrap_or(64);
    let whole = ASIDE_FLOOR.as_secs_f64() * 1.6f64.powi(exponent);
    Duration::from_secs_f64(whole.min(ASIDE_CEILING.as_secs_f64()) * (0.8 + 0.4 * chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The curve of gRPC's connection-backoff document: 1 s, times 1.6, at most 120 s, give or take a fifth.
    #[test]
    fn connection_backoff_follows_the_curve() {
        let whole = |failures| aside(failures, 0.5).as_secs_f64();
        for (failures, expected) in
            [(1, 1.0), (2, 1.6), (3, 2.56), (4, 4.096), (11, 109.951), (12, 120.0), (900, 120.0)]
        {
            assert!((whole(failures) - expected).abs() < 0.01, "{failures}: {}", whole(failures));
        }
        for failures in 1..20 {
            assert!((aside(failures, 0.0).as_secs_f64() - 0.8 * whole(failures)).abs() < 0.01);
            assert!((aside(failures, 1.0).as_secs_f64() - 1.2 * whole(failures)).abs() < 0.01);
        }
    }

    /// As the interoperability case: a server that accepts and closes for 540 s is tried about 13 times.
    #[test]
    fn a_server_that_accepts_and_closes_for_540_s_is_probed_about_13_times() {
        let (standing, start) = (Standing::default(), Instant::now());
        let (mut now, mut probes) = (start, 0);
        while now < start + 540 * SECOND {
            assert!(standing.begin_probe(now));
            standing.rise(now);
            standing.fail(now, now);
            standing.end_probe();
            probes += 1;
            now = standing.aside_until(now).unwrap();
        }
        assert!((11..=16).contains(&probes), "{probes} probes");
    }

    #[test]
    fn the_calls_that_one_loss_takes_down_count_as_one_failure() {
        let (standing, begun) = (Standing::default(), Instant::now());
        standing.rise(begun);
        for _ in 0..64 {
            standing.fail(begun, begun);
        }
        assert!(!standing.is_live());
        assert!(standing.aside_until(begun).unwrap() <= begun + SECOND.mul_f64(1.2));
    }

    #[test]
    fn a_failure_of_a_former_connection_says_nothing_of_the_present_one() {
        let (standing, begun) = (Standing::default(), Instant::now());
        standing.rise(begun + SECOND);
        standing.fail(begun, begun + 2 * SECOND);
        assert!(standing.is_live());
    }

    #[test]
    fn an_endpoint_that_is_due_is_probed_by_one_at_a_time() {
        let (standing, now) = (Standing::default(), Instant::now());
        standing.fail(now, now);
        assert!(!standing.begin_probe(now));
        let due = standing.aside_until(now).unwrap();
        assert!(standing.begin_probe(due) && !standing.begin_probe(due));
        standing.end_probe();
        assert!(standing.begin_probe(due));
        standing.end_probe();
        standing.rise(due);
        assert!(standing.is_live() && !standing.begin_probe(due));
    }

    #[test]
    fn an_answer_ends_a_series_of_failures_and_a_connection_alone_does_not() {
        let (standing, mut now) = (Standing::default(), Instant::now());
        for _ in 0..4 {
            now = standing.aside_until(now).unwrap_or(now);
            standing.rise(now);
            standing.fail(now, now);
        }
        let until = standing.aside_until(now).unwrap();
        assert!(until >= now + 3 * SECOND);
        standing.rise(until);
        standing.succeed();
        standing.fail(until, until);
        assert!(standing.aside_until(until).unwrap() <= until + SECOND.mul_f64(1.2));
    }
}
