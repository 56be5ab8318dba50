//! What one load generator found in one round: figures by what they measure, on one line of JSON.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::statistics::percentile_micros;
use crate::usage::{Memory, Spent};

/// What a figure is of. The names in JSON are these in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Calls, items or deliveries a second.
    Rate,
    /// How long a call took, in µs, by share of the calls.
    P50,
    P90,
    P99,
    P999,
    Max,
    /// Processor time of client and server for 100,000 calls, items or deliveries, in seconds.
    Cpu,
    /// The server's part of it.
    ServerCpu,
    /// The server's resident memory, in KiB, and its threads.
    Rss,
    Threads,
    /// What each connection added to them.
    RssPerConnection,
    ThreadsPerConnection,
    /// p99 as a multiple of p50.
    Tail,
    /// A clean release build, in seconds; the stripped binary, in KB; packages in the normal tree.
    BuildSeconds,
    BinaryKb,
    Packages,
}

/// The figures of one round.
pub type Sample = BTreeMap<Measure, f64>;

/// How long calls took: each in nanoseconds, and how many there were if not each was timed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub nanos: Vec<u32>,
    pub calls: u64,
}

impl Tally {
    /// A call took this long; what is over four seconds counts as four.
    pub fn note(&mut self, taken: Duration) {
        self.nanos.push(u32::try_from(taken.as_nanos()).unwrap_or(u32::MAX));
    }

    pub fn add(&mut self, mut other: Tally) {
        self.nanos.append(&mut other.nanos);
        self.calls += other.calls;
    }
}

/// Calls that are in flight together and end in the order in which they began. One in 16 is timed, so that the clock is not
/// what is measured.
#[derive(Debug, Default)]
pub struct Flight {
    pub tally: Tally,
    started: u64,
    begun: VecDeque<Instant>,
}

const TIMED: u64 = 16;

impl Flight {
    pub fn started(&mut self) {
        if self.started.is_multiple_of(TIMED) {
            self.begun.push_back(Instant::now());
        }
        self.started += 1;
    }

    /// The oldest call has ended; when, if it is one of the timed.
    pub fn finished(&mut self) -> Option<Instant> {
        let timed = self.tally.calls.is_multiple_of(TIMED);
        self.tally.calls += 1;
        if !timed {
            return None;
        }
        let now = Instant::now();
        self.tally.note(now - self.begun.pop_front()?);
        Some(now)
    }
}

/// Rates, times, processor time and memory together.
pub fn of_calls(mut tally: Tally, spent: &Spent, server: Memory) -> Sample {
    let mut sample = of_count(tally.calls, spent, server);
    tally.nanos.sort_unstable();
    let shares = [
        (Measure::P50, 0.5),
        (Measure::P90, 0.9),
        (Measure::P99, 0.99),
        (Measure::P999, 0.999),
        (Measure::Max, 1.0),
    ];
    sample.extend(shares.map(|(measure, share)| (measure, percentile_micros(&tally.nanos, share))));
    if let (Some(half), Some(tail)) = (sample.get(&Measure::P50), sample.get(&Measure::P99)) {
        let tail = if *half > 0.0 { tail / half } else { 0.0 };
        sample.insert(Measure::Tail, tail);
    }
    sample
}

/// The same of what has no time of its own: items, deliveries.
#[expect(clippy::cast_precision_loss, reason = "figures need no more digits")]
pub fn of_count(count: u64, spent: &Spent, server: Memory) -> Sample {
    let each = 1e5 / count.max(1) as f64;
    Sample::from([
        (Measure::Rate, count as f64 / spent.time.as_secs_f64().max(1e-9)),
        (Measure::Cpu, (spent.client_cpu + spent.server_cpu).as_secs_f64() * each),
        (Measure::ServerCpu, spent.server_cpu.as_secs_f64() * each),
        (Measure::Rss, server.rss_kib as f64),
        (Measure::Threads, server.threads as f64),
    ])
}

/// What so many connections added to a server.
#[expect(clippy::cast_precision_loss, reason = "figures need no more digits")]
pub fn of_connections(count: usize, before: Memory, after: Memory) -> Sample {
    let each = |before: u64, after: u64| (after as f64 - before as f64) / count.max(1) as f64;
    Sample::from([
        (Measure::Rss, after.rss_kib as f64),
        (Measure::Threads, after.threads as f64),
        (Measure::RssPerConnection, each(before.rss_kib, after.rss_kib)),
        (Measure::ThreadsPerConnection, each(before.threads, after.threads)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_goes_through_a_line_of_json() {
        let sample = Sample::from([(Measure::Rate, 12.5), (Measure::RssPerConnection, 3.0)]);
        let line = serde_json::to_string(&sample).unwrap();
        assert_eq!(line, r#"{"rate":12.5,"rss_per_connection":3.0}"#);
        assert_eq!(serde_json::from_str::<Sample>(&line).unwrap(), sample);
    }

    #[test]
    fn one_call_in_sixteen_of_a_flight_is_timed() {
        let mut flight = Flight::default();
        (0..40).for_each(|_| flight.started());
        let timed: Vec<usize> = (0..40).filter(|_| flight.finished().is_some()).collect();
        assert_eq!(timed, [0, 16, 32]);
        assert_eq!((flight.tally.calls, flight.tally.nanos.len()), (40, 3));
    }

    #[test]
    fn processor_time_is_told_for_a_hundred_thousand() {
        let spent = Spent {
            time: Duration::from_secs(2),
            client_cpu: Duration::from_millis(500),
            server_cpu: Duration::from_millis(1500),
        };
        let sample = of_count(200_000, &spent, Memory { rss_kib: 10, threads: 2 });
        assert_eq!(sample[&Measure::Rate], 100_000.0);
        assert_eq!(sample[&Measure::Cpu], 1.0);
        assert_eq!(sample[&Measure::ServerCpu], 0.75);
    }

    #[test]
    fn connections_share_what_they_added() {
        let (before, after) =
            (Memory { rss_kib: 1000, threads: 3 }, Memory { rss_kib: 11_000, threads: 1003 });
        let sample = of_connections(1000, before, after);
        assert_eq!(sample[&Measure::RssPerConnection], 10.0);
        assert_eq!(sample[&Measure::ThreadsPerConnection], 1.0);
    }
}
