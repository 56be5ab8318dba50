//! How often a server's procedures were called lately, as it tells its binders.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rpc_core::metrics::{Family, Metrics, Value};

use crate::contract::Load;
use crate::registry::millis;

/// Where a registration reads how often each procedure was called, so that the binder's page and lists can show it.
///
/// ```
/// use binder::{CallCounts, RegistrationOptions};
///
/// # let server = rpc_core::Server::builder().serve_in_memory()?;
/// let meter = server.meter();
/// let calls = Some(CallCounts::of(move || meter.read()));
/// let options = RegistrationOptions { calls, ..RegistrationOptions::default() };
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct CallCounts(Arc<dyn Fn() -> Metrics + Send + Sync>);

/// The last reading, and what is told of the next one.
pub(super) struct Gauge {
    counts: CallCounts,
    last: Option<(Instant, BTreeMap<String, u64>)>,
    /// Whether it panicked.
    is_broken: bool,
}

impl CallCounts {
    /// What a server counts, as its [`Meter`](rpc_core::Meter) tells it. It is read each time that the lease is renewed, on the
    /// thread that renews: it should be quick. If it panics it is asked no more, and renewing goes on.
    pub fn of(metrics: impl Fn() -> Metrics + Send + Sync + 'static) -> CallCounts {
        CallCounts(Arc::new(metrics))
    }

    /// All calls so far, by procedure.
    fn read(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        let metrics = (self.0)();
        for sample in metrics.iter().filter(|family| family.name() == CALLS).flat_map(Family::samples) {
            let procedure = sample.labels.iter().find(|(label, _)| *label == "procedure");
            if let (Some((_, procedure)), Value::Number(calls)) = (procedure, &sample.value) {
                *counts.entry(procedure.clone()).or_default() += whole(*calls);
            }
        }
        counts
    }
}

impl Gauge {
    pub(super) fn new(counts: CallCounts) -> Gauge {
        Gauge { counts, last: None, is_broken: false }
    }

    /// The calls since the last reading of those procedures that are `told`; nothing the first time.
    pub(super) fn read(&mut self, now: Instant, told: impl Fn(&str) -> bool) -> Vec<Load> {
        let Some(counts) = self.count() else { return Vec::new() };
        let Some((then, before)) = self.last.replace((now, counts.clone())) else { return Vec::new() };
        let within_ms = millis(now.saturating_duration_since(then));
        let load = |(name, count): (String, u64)| {
            let calls = count.saturating_sub(before.get(&name).copied().unwrap_or(0));
            Load { name, calls, within_ms }
        };
        counts.into_iter().filter(|(name, _)| told(name)).map(load).collect()
    }

    /// Runs the user's code, until it panics.
    fn count(&mut self) -> Option<BTreeMap<String, u64>> {
        if self.is_broken {
            return None;
        }
        // What a panic may have left half changed is not asked again.
        let counts = catch_unwind(AssertUnwindSafe(|| self.counts.read())).ok();
        if counts.is_none() {
            self.is_broken = true;
            tracing::error!("what counts the calls has panicked and is asked no more: the binder shows none");
        }
        counts
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of calls is a whole number far below 2^53"
)]
fn whole(count: f64) -> u64 {
    count.max(0.0) as u64
}

impl fmt::Debug for CallCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallCounts").finish_non_exhaustive()
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").finish_non_exhaustive()
    }
}

/// What a server's counter of calls is named.
const CALLS: &str = "rpc_server_calls_total";

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_calls_since_the_last_reading_are_told_of_each_procedure() {
        let count = Arc::new(AtomicU64::new(10));
        let counted = count.clone();
        let metrics = move || {
            let calls = counted.load(Ordering::SeqCst);
            let family = Family::counter(CALLS, "Calls.")
                .with([("procedure", "add"), ("code", "Ok")], calls)
                .with([("procedure", "add"), ("code", "Failed")], 1_u64)
                .with([("procedure", "(unknown)"), ("code", "Unimplemented")], calls);
            Metrics::from_iter([family, Family::counter("other_total", "No calls.").with([], calls)])
        };
        let mut gauge = Gauge::new(CallCounts::of(metrics));
        let start = Instant::now();
        assert_eq!(gauge.read(start, |_| true), []);
        count.store(25, Ordering::SeqCst);
        let loads = gauge.read(start + Duration::from_secs(5), |name| name == "add");
        assert_eq!(loads, [Load { name: "add".into(), calls: 15, within_ms: 5_000 }]);
        // A server that counts anew tells nothing that is not so.
        count.store(3, Ordering::SeqCst);
        let loads = gauge.read(start + Duration::from_secs(6), |name| name == "add");
        assert_eq!(loads, [Load { name: "add".into(), calls: 0, within_ms: 1_000 }]);
    }

    /// Story: the closure that counts the calls panicked, and its server's registrations lapsed: it had ended the thread that
    /// renews them.
    #[test]
    fn a_count_that_panics_is_asked_no_more_and_tells_nothing() {
        let asked = Arc::new(AtomicU64::new(0));
        let asking = asked.clone();
        let mut gauge = Gauge::new(CallCounts::of(move || {
            asking.fetch_add(1, Ordering::SeqCst);
            panic!("no count")
        }));
        let start = Instant::now();
        for second in 0..3 {
            assert_eq!(gauge.read(start + Duration::from_secs(second), |_| true), []);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
