//! Interleaved rounds: every case with every peer, one after the other, and again, so that what else the machine does meets all.

use std::time::{Duration, Instant};

use bench_harness::process::ProcessError;
use bench_harness::sample::{Measure, Sample};

use crate::cases::Case;
use crate::curves::Curve;
use crate::hello::NotBuilt;
use crate::peers::Peer;
use crate::results::Results;
use crate::sampling::{NoSample, Times, sample};

/// What is to be run.
pub(crate) struct Plan {
    pub(crate) cases: Vec<Case>,
    pub(crate) curves: Vec<&'static Curve>,
    /// Curves are walked to this place and no further.
    pub(crate) farthest: u64,
    pub(crate) peers: Vec<&'static Peer>,
    pub(crate) rounds: usize,
    /// No round begins that would end later than this after the first, judging by those before it.
    pub(crate) budget: Duration,
    pub(crate) times: Times,
}

impl Plan {
    pub(crate) fn places(&self, curve: &Curve) -> impl Iterator<Item = u64> + use<> {
        let farthest = self.farthest;
        curve.places.iter().copied().filter(move |place| *place <= farthest)
    }
}

/// Whether all rounds were run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Interrupted,
}

pub(crate) fn run(plan: &Plan, results: &mut Results) -> End {
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    for round in 1..=plan.rounds {
        if round > 2 && begun.elapsed() + longest > plan.budget {
            eprintln!("the time is over: {} of {} rounds were run", round - 1, plan.rounds);
            break;
        }
        let started = Instant::now();
        for case in plan.cases.iter().filter(|case| round <= case.rounds) {
            if self::round(plan, case, round, results) == End::Interrupted {
                return End::Interrupted;
            }
        }
        // The first has the cases that are run once.
        longest = if round == 2 { started.elapsed() } else { longest.max(started.elapsed()) };
    }
    End::Done
}

fn round(plan: &Plan, case: &Case, round: usize, results: &mut Results) -> End {
    for peer in plan.peers.iter().filter(|peer| case.is_for(peer)) {
        if results.of(case.name, peer.name).is_some_and(|entry| entry.failure.is_some()) {
            continue;
        }
        eprint!("round {round}/{}  {:<12} {:<8} ", plan.rounds.min(case.rounds), case.name, peer.name);
        match sample(peer, case.kind, case.place, plan.times) {
            Ok(sample) => {
                eprintln!("{}", summary(&sample));
                results.add(case.name, peer.name, sample);
            }
            Err(NoSample::Process(ProcessError::Interrupted))
            | Err(NoSample::Hello(NotBuilt::Cargo(ProcessError::Interrupted))) => {
                eprintln!("interrupted");
                return End::Interrupted;
            }
            Err(error) => {
                eprintln!("failed: {error}");
                results.entry(case.name, peer.name).failure = Some(error.to_string());
            }
        }
    }
    End::Done
}

/// A sample in a few words, as it comes.
pub(crate) fn summary(sample: &Sample) -> String {
    let told = [
        (Measure::Rate, "/s", 0),
        (Measure::P50, " µs p50", 1),
        (Measure::P99, " µs p99", 1),
        (Measure::Cpu, " s CPU/100k", 3),
        (Measure::RssPerConnection, " KiB a connection", 1),
        (Measure::ThreadsPerConnection, " threads a connection", 1),
        (Measure::BuildSeconds, " s to build", 1),
        (Measure::BinaryKb, " KB", 0),
        (Measure::Packages, " packages", 0),
    ];
    let words = told.iter().filter_map(|(measure, unit, digits)| {
        sample.get(measure).map(|figure| format!("{figure:.digits$}{unit}"))
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_told_in_a_few_words() {
        let sample = Sample::from([(Measure::P50, 12.34), (Measure::Rate, 80_000.4)]);
        assert_eq!(summary(&sample), "80000/s, 12.3 µs p50");
    }
}
