//! What was found: figures by what they measure, rounds of them, and what they come to.

use std::collections::BTreeMap;

use bench_harness::statistics::median;
use serde::Serialize;

use crate::server::Server;

/// What a figure is of. Their names in JSON are these in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Flat out: deliveries a second, to all members together.
    DeliveriesPerSecond,
    /// Flat out: the server's processor time for a million deliveries, in seconds.
    CpuPerMillion,
    /// Flat out: from sending to hearing, in ms, with a window of messages under way.
    LoadedP50,
    LoadedP99,
    /// At the rate: from sending to hearing, in ms.
    P50,
    P99,
    /// At the rate: until the last member hears a message, in ms.
    LastP50,
    LastP99,
    /// At the rate: as [`CpuPerMillion`](Measure::CpuPerMillion), with one message under way.
    SingleCpuPerMillion,
    /// Idle: what a client adds to the server's resident memory, in KiB; sockets' buffers in the kernel are not in it.
    RssPerClient,
    /// Idle: what a client adds to the server's threads.
    ThreadsPerClient,
}

/// The figures of one round.
pub(crate) type Figures = BTreeMap<Measure, f64>;

/// What is measured in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) server: Server,
    pub(crate) members: usize,
}

/// A case and its rounds.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) case: Case,
    pub(crate) rounds: Vec<Figures>,
}

impl Outcome {
    pub(crate) fn median(&self, measure: Measure) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| round.get(&measure)).copied().collect())
    }

    /// The median of what this is of another's in the same round.
    pub(crate) fn ratio(&self, other: &Outcome, measure: Measure) -> Option<f64> {
        let both = self.rounds.iter().zip(&other.rounds);
        let ratios = both.filter_map(|(one, other)| Some(one.get(&measure)? / other.get(&measure)?));
        median(ratios.filter(|ratio| ratio.is_finite()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(figures: &[f64]) -> Outcome {
        let case = Case { server: Server::Redis, members: 1 };
        let rounds = figures.iter().map(|figure| Figures::from([(Measure::P50, *figure)])).collect();
        Outcome { case, rounds }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let (slow, quick) = (outcome(&[2.0, 20.0, 2.2]), outcome(&[1.0, 10.0, 1.0]));
        assert_eq!(slow.median(Measure::P50), Some(2.2));
        assert_eq!(slow.ratio(&quick, Measure::P50), Some(2.0));
        assert_eq!(slow.ratio(&quick, Measure::P99), None);
    }
}
