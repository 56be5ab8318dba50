//! How cost grows: a table of curves, and the walk along each.

use bench_harness::process::ProcessError;
use bench_harness::sample::Measure;

use crate::cases::{Kind, ONE, Place, Shape};
use crate::members;
use crate::peers::{NAMES, OURS, Peer, RAW, named};
use crate::results::{Entry, Results};
use crate::rounds::{End, Plan, summary};
use crate::sampling::{NoSample, sample};

/// What grows along a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Connections, each with a call in flight.
    Connections,
    /// Bytes of the payload, one call in flight.
    Payload,
    /// Procedures that a binder knows, asked for over 16 connections.
    Names,
    /// Members of a room of the chat, each on a connection.
    Members,
}

/// A figure that is drawn, on which axis and into which file.
pub(crate) type Drawn = (Measure, &'static str, &'static str);

pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) axis: &'static str,
    pub(crate) growth: Growth,
    pub(crate) places: &'static [u64],
    pub(crate) peers: &'static [&'static str],
    pub(crate) drawn: &'static [Drawn],
}

const CALLS: &str = "calls/s";
const MEMORY: &str = "server's memory, KiB";

pub(crate) static CURVES: [Curve; 4] = [
    Curve {
        name: "grow-connections",
        about: "calls/s and memory against connections, one call in flight on each",
        axis: "connections",
        growth: Growth::Connections,
        places: &[1, 10, 100, 1000, 10_000],
        peers: &[RAW, OURS, "tarpc", "tonic"],
        drawn: &[
            (Measure::Rate, CALLS, "grow-connections-rate.svg"),
            (Measure::Rss, MEMORY, "grow-connections-memory.svg"),
        ],
    },
    Curve {
        name: "grow-payload",
        about: "calls/s against the payload, one call in flight",
        axis: "bytes of the payload, each way",
        growth: Growth::Payload,
        places: &[0, 64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20],
        peers: &[RAW, OURS, "tarpc", "tonic"],
        drawn: &[
            (Measure::Rate, CALLS, "grow-payload-rate.svg"),
            (Measure::Rss, MEMORY, "grow-payload-memory.svg"),
        ],
    },
    Curve {
        name: "grow-names",
        about: "lookups/s and memory of a binder against procedures, 16 connections",
        axis: "procedures in the binder",
        growth: Growth::Names,
        places: &[1, 10, 100, 1000, 10_000, 100_000],
        peers: &[OURS],
        drawn: &[
            (Measure::Rate, "lookups/s", "grow-names-rate.svg"),
            (Measure::Rss, "binder's memory, KiB", "grow-names-memory.svg"),
        ],
    },
    Curve {
        name: "grow-members",
        about: "deliveries/s of the chat against members of one room",
        axis: "members of the room",
        growth: Growth::Members,
        places: &[1, 10, 100, 1000, 10_000],
        peers: &[OURS],
        drawn: &[
            (Measure::Rate, "deliveries/s", "grow-members-rate.svg"),
            (Measure::ServerCpu, "server's CPU, s for 100,000", "grow-members-cpu.svg"),
        ],
    },
];

/// Rounds along a curve at most.
const ROUNDS: usize = 2;

/// All chosen curves. What fails at a place is not tried further on.
pub(crate) fn run(plan: &Plan, results: &mut Results) -> End {
    for curve in &plan.curves {
        let walked = match curve.growth {
            Growth::Members => members::walk(curve, plan, results),
            _ => (1..=ROUNDS.min(plan.rounds)).try_for_each(|_| walk(curve, plan, results)),
        };
        if walked.is_err() {
            return End::Interrupted;
        }
    }
    End::Done
}

/// Somebody wants this to end.
pub(crate) struct Interrupted;

fn walk(curve: &Curve, plan: &Plan, results: &mut Results) -> Result<(), Interrupted> {
    for place in plan.places(curve) {
        for peer in plan.peers.iter().filter(|peer| curve.peers.contains(&peer.name)) {
            step(curve, place, peer, plan, results)?;
        }
    }
    Ok(())
}

fn step(
    curve: &Curve,
    place: u64,
    peer: &Peer,
    plan: &Plan,
    results: &mut Results,
) -> Result<(), Interrupted> {
    let points =
        results.curves.entry(curve.name.to_owned()).or_default().entry(peer.name.to_owned()).or_default();
    if points.values().any(|entry| entry.failure.is_some()) {
        return Ok(());
    }
    eprint!("{} {place} {} ", curve.name, peer.name);
    let entry = points.entry(place).or_default();
    match sample(measured(curve.growth, peer), kind(curve.growth, place), Place::Two, plan.times) {
        Ok(sample) => {
            eprintln!("{}", summary(&sample));
            entry.samples.push(sample);
            Ok(())
        }
        Err(NoSample::Process(ProcessError::Interrupted)) => Err(Interrupted),
        Err(error) => {
            eprintln!("failed: {error}");
            *entry = Entry { failure: Some(error.to_string()), ..Entry::default() };
            Ok(())
        }
    }
}

/// Names are asked of the binder.
fn measured(growth: Growth, peer: &Peer) -> &Peer {
    let other = if growth == Growth::Names { named(NAMES) } else { None };
    other.unwrap_or(peer)
}

fn kind(growth: Growth, place: u64) -> Kind {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    match growth {
        Growth::Connections => Kind::Calls(Shape { connections: place, ..ONE }),
        Growth::Payload | Growth::Members => Kind::Calls(Shape { size: place, ..ONE }),
        Growth::Names => Kind::Calls(Shape { connections: 16, procedures: place, ..ONE }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_rise_along_their_axis_and_are_of_peers_that_exist() {
        for curve in &CURVES {
            assert!(curve.places.is_sorted(), "{}", curve.name);
            assert!(curve.peers.iter().all(|peer| named(peer).is_some()), "{}", curve.name);
        }
    }

    #[test]
    fn what_grows_is_what_the_axis_says() {
        assert!(matches!(kind(Growth::Connections, 7), Kind::Calls(Shape { connections: 7, size: 64, .. })));
        assert!(matches!(kind(Growth::Payload, 0), Kind::Calls(Shape { connections: 1, size: 0, .. })));
        assert!(matches!(kind(Growth::Names, 5), Kind::Calls(Shape { connections: 16, procedures: 5, .. })));
    }
}
