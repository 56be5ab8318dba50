//! What a client's calls come to, as its caller sees them. A server counts its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use crate::layer::{Answered, Call, Layer, Next, Side};
use crate::metrics::{Counters, Family, Metrics, UNKNOWN};
use crate::status::Status;

/// A layer that counts the calls of clients: by procedure and code, how long they took with all of their attempts, and how
/// many are in flight. Every name begins with `rpc_client_`. Clones count together.
///
/// A call with a stream, or one that was started, is over when its stream has ended, its answer was taken, or it was dropped.
/// On a server it lets calls through uncounted: [`Server::metrics`](crate::Server::metrics) has more than a layer sees.
///
/// ```
/// # use rpc_core::{Client, layers::ClientMetrics};
/// let metrics = ClientMetrics::new();
/// let client = Client::connect("127.0.0.1:4000").with_layer(metrics.clone());
/// assert_eq!(metrics.read().sum("rpc_client_calls_total", &[]), 0.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientMetrics {
    procedures: Arc<RwLock<BTreeMap<&'static str, Arc<Counted>>>>,
}

#[derive(Debug, Default)]
struct Counted {
    over: Counters,
    in_flight: AtomicU64,
}

/// Procedures that are told apart: those of a large program. More count as one.
const PROCEDURES: usize = 1024;

impl ClientMetrics {
    /// Nothing counted yet.
    pub fn new() -> ClientMetrics {
        ClientMetrics::default()
    }

    /// What was counted so far.
    pub fn read(&self) -> Metrics {
        let procedures = self.procedures.read().unwrap_or_else(PoisonError::into_inner);
        let calls = Family::counter(
            "rpc_client_calls_total",
            "Calls that are over, by what came of them: Ok, Failed (the method's own error), or a status code.",
        );
        let seconds = Family::histogram(
            "rpc_client_call_seconds",
            "How long calls took, with all of their attempts, to their answer or to the end of their stream.",
        );
        let in_flight = Family::gauge("rpc_client_calls_in_flight", "Calls that are under way now.");
        let all = || procedures.iter();
        Metrics::from_iter([
            all().fold(calls, |family, (name, counted)| Counters::calls(family, name, || counted.over())),
            all().fold(seconds, |family, (name, counted)| Counters::times(family, name, counted.over())),
            all().fold(in_flight, |family, (name, counted)| {
                family.with([("procedure", *name)], counted.in_flight.load(Ordering::Relaxed))
            }),
        ])
    }

    fn counted(&self, procedure: &'static str) -> Arc<Counted> {
        let known = self.procedures.read().unwrap_or_else(PoisonError::into_inner);
        let full = || (known.len() >= PROCEDURES).then(|| known.get(UNKNOWN)).flatten();
        if let Some(counted) = known.get(procedure).or_else(full) {
            return counted.clone();
        }
        drop(known);
        let mut known = self.procedures.write().unwrap_or_else(PoisonError::into_inner);
        let name = if known.len() < PROCEDURES { procedure } else { UNKNOWN };
        known.entry(name).or_default().clone()
    }
}

impl Counted {
    fn over(&self) -> impl Iterator<Item = &Counters> {
        std::iter::once(&self.over)
    }
}

/// A call under way, as one more in flight.
struct InFlight(Arc<Counted>);

impl InFlight {
    fn of(counted: Arc<Counted>) -> InFlight {
        counted.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(counted)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Layer for ClientMetrics {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        if call.side() == Side::Server {
            return next.run(call);
        }
        // No more in flight however the call ends, by a panic too.
        let call_in_flight = InFlight::of(self.counted(call.procedure().name));
        let begun = Instant::now();
        match next.run(call) {
            Ok(answered) => Ok(answered.on_end(move |outcome| {
                call_in_flight.0.over.count(outcome.map_err(Status::code), begun.elapsed());
            })),
            Err(status) => {
                call_in_flight.0.over.count(Err(status.code()), begun.elapsed());
                Err(status)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn procedures_past_the_bound_count_as_one() {
        let metrics = ClientMetrics::new();
        for number in 0..PROCEDURES + 10 {
            let name: &'static str = Box::leak(format!("p{number}").into_boxed_str());
            metrics.counted(name).over.count(Err(crate::status::Code::Internal), std::time::Duration::ZERO);
        }
        let told = metrics.read();
        let unknown = [("procedure", UNKNOWN), ("code", "Internal")];
        assert_eq!(told.value("rpc_client_calls_total", &unknown), Some(10.0));
        assert_eq!(told.sum("rpc_client_calls_total", &[]), 1034.0);
    }

    /// Past the bound every call once took the lock to write, and so all callers waited for each other.
    #[test]
    fn procedures_past_the_bound_are_counted_while_others_are_too() {
        let metrics = ClientMetrics::new();
        let name = |number: usize| -> &'static str { Box::leak(format!("p{number}").into_boxed_str()) };
        (0..=PROCEDURES).for_each(|number| drop(metrics.counted(name(number))));
        let reading = metrics.procedures.read().unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| told.send(metrics.counted(name(PROCEDURES + 1))).unwrap());
            let counted = heard.recv_timeout(std::time::Duration::from_secs(10));
            drop(reading);
            assert!(Arc::ptr_eq(&counted.unwrap(), &metrics.counted(UNKNOWN)));
        });
    }
}
