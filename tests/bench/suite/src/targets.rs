//! What is to be reached, as ratios inside one run: a table, and whether a run reached it.

use bench_harness::sample::Measure;

use crate::peers::{OURS, PEERS, RAW, SPINNING, Skill};
use crate::results::Results;

/// Whom a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    Peer(&'static str),
    /// The best of all that are not bare sockets.
    BestPeer,
    /// The best of those that have many calls in flight on a connection.
    BestMultiplexer,
    /// Nobody: the figure itself is bounded.
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    Ceiling(f64),
    Floor(f64),
    /// So much more than the other has, by difference.
    Margin(f64),
}

use Against::{BestMultiplexer, BestPeer, Nobody};
use Bound::{Ceiling, Floor, Margin};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) case: &'static str,
    /// Whose figure it is: ours, or ours with an option.
    pub(crate) of: &'static str,
    pub(crate) measure: Measure,
    pub(crate) against: Against,
    /// The case in which the other is quickest, where that is not the same.
    pub(crate) in_case: &'static str,
    pub(crate) bound: Bound,
}

const fn target(case: &'static str, measure: Measure, against: Against, bound: Bound) -> Target {
    Target { case, of: OURS, measure, against, in_case: case, bound }
}

const BARE: Against = Against::Peer(RAW);
const TARPC: Against = Against::Peer("tarpc");
const TONIC: Against = Against::Peer("tonic");

pub(crate) const TARGETS: [Target; 31] = [
    target("one-core", Measure::P50, BARE, Ceiling(1.10)),
    target("one-core", Measure::Cpu, BARE, Ceiling(1.15)),
    target("one-core", Measure::Rate, BestMultiplexer, Floor(1.4)),
    target("two-cores", Measure::P50, BARE, Ceiling(1.05)),
    target("two-cores", Measure::Cpu, BARE, Ceiling(1.05)),
    Target { of: SPINNING, ..target("two-cores", Measure::P50, BARE, Ceiling(0.4)) },
    target("pipelined", Measure::Rate, TARPC, Floor(5.0)),
    target("pipelined", Measure::Cpu, TARPC, Ceiling(1.0 / 8.0)),
    // With 64 tasks instead of one it may be quicker.
    Target { in_case: "shared", ..target("pipelined", Measure::Rate, TARPC, Floor(5.0)) },
    Target { in_case: "shared", ..target("pipelined", Measure::Cpu, TARPC, Ceiling(1.0 / 8.0)) },
    target("shared", Measure::Rate, BestPeer, Floor(1.0)),
    target("shared", Measure::Cpu, BestPeer, Ceiling(1.0)),
    target("connections", Measure::Rate, BARE, Floor(0.95)),
    target("connections", Measure::Cpu, BestPeer, Ceiling(1.0)),
    target("crowd", Measure::Rate, BestPeer, Floor(1.0)),
    target("crowd", Measure::Tail, Nobody, Ceiling(5.0)),
    target("64k", Measure::Rate, BARE, Floor(0.90)),
    target("1m", Measure::Rate, BARE, Floor(0.90)),
    target("stream", Measure::Rate, Nobody, Floor(2_000_000.0)),
    target("stream", Measure::Rate, TONIC, Floor(5.0)),
    target("broadcast", Measure::Rate, BARE, Floor(0.90)),
    target("backlog", Measure::Rate, Nobody, Floor(3_000_000.0)),
    target("backlog", Measure::Rate, BARE, Floor(0.25)),
    target("idle-1k", Measure::RssPerConnection, BARE, Margin(2.0)),
    target("idle-1k", Measure::RssPerConnection, BestPeer, Ceiling(1.0)),
    target("idle-1k", Measure::ThreadsPerConnection, Nobody, Ceiling(1.0)),
    target("idle-10k", Measure::RssPerConnection, BestPeer, Ceiling(1.0)),
    target("idle-10k", Measure::ThreadsPerConnection, Nobody, Ceiling(1.0)),
    target("hello", Measure::BuildSeconds, TONIC, Ceiling(1.0 / 3.0)),
    target("hello", Measure::BinaryKb, Nobody, Ceiling(800.0)),
    target("hello", Measure::Packages, Nobody, Ceiling(24.0)),
];

/// Whether a target is met.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// The ratio, or the figure or the difference, as the bound has it.
    pub(crate) reached: f64,
    /// With whom it was compared.
    pub(crate) rival: Option<&'static str>,
    pub(crate) is_met: bool,
}

impl Target {
    /// None if what it needs was not measured.
    pub(crate) fn verdict(&self, results: &Results) -> Option<Verdict> {
        let rival = match self.against {
            Nobody => None,
            Against::Peer(name) => Some(name),
            BestPeer => Some(self.best(results, None)?),
            BestMultiplexer => Some(self.best(results, Some(Skill::Shares))?),
        };
        let reached = match (rival, self.bound) {
            (None, _) => results.figure(self.case, self.of, self.measure)?,
            (Some(rival), Margin(_)) => {
                results.figure(self.case, self.of, self.measure)?
                    - results.figure(self.in_case, rival, self.measure)?
            }
            (Some(rival), _) => results.ratio((self.case, self.of), (self.in_case, rival), self.measure)?,
        };
        let is_met = match self.bound {
            Ceiling(bound) | Margin(bound) => reached <= bound,
            Floor(bound) => reached >= bound,
        };
        Some(Verdict { reached, rival, is_met })
    }

    /// The peer that is hardest to be ahead of.
    fn best(&self, results: &Results, skill: Option<Skill>) -> Option<&'static str> {
        let others = PEERS.iter().filter(|peer| peer.name != RAW && peer.package() != OURS);
        let able = others.filter(|peer| skill.is_none_or(|skill| peer.can(skill)));
        let figures =
            able.filter_map(|peer| Some((peer.name, results.figure(self.in_case, peer.name, self.measure)?)));
        let by_figure = |a: &(&str, f64), b: &(&str, f64)| a.1.total_cmp(&b.1);
        let best = match self.bound {
            Floor(_) => figures.max_by(by_figure),
            Ceiling(_) | Margin(_) => figures.min_by(by_figure),
        };
        Some(best?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::peers;

    #[test]
    fn every_target_is_of_a_case_and_against_somebody_who_is_measured_in_it() {
        for target in TARGETS {
            let case = cases::named(target.in_case).unwrap();
            assert!(cases::named(target.case).unwrap().is_for(peers::named(target.of).unwrap()));
            if let Against::Peer(name) = target.against {
                assert!(case.is_for(peers::named(name).unwrap()), "{target:?}");
            }
        }
    }

    fn results(figures: &[(&'static str, f64)]) -> Results {
        let mut results = Results::default();
        for (peer, rate) in figures {
            results.add("shared", peer, [(Measure::Rate, *rate)].into());
        }
        results
    }

    const AHEAD: Target = target("shared", Measure::Rate, BestPeer, Floor(1.0));

    #[test]
    fn a_target_against_all_is_against_the_best_of_them_and_never_bare_sockets() {
        let results = results(&[(OURS, 100.0), ("tarpc", 80.0), ("tonic", 50.0), (RAW, 500.0)]);
        let verdict = AHEAD.verdict(&results).unwrap();
        assert_eq!(verdict, Verdict { reached: 1.25, rival: Some("tarpc"), is_met: true });
        let cheaper = Target { bound: Ceiling(1.0), ..AHEAD };
        assert_eq!(cheaper.verdict(&results).unwrap().rival, Some("tonic"));
    }

    #[test]
    fn a_target_is_met_at_its_bound_and_not_past_it() {
        assert!(AHEAD.verdict(&results(&[(OURS, 80.0), ("tarpc", 80.0)])).unwrap().is_met);
        assert!(!AHEAD.verdict(&results(&[(OURS, 79.9), ("tarpc", 80.0)])).unwrap().is_met);
        let more = Target { against: BARE, bound: Margin(2.0), ..AHEAD };
        assert!(more.verdict(&results(&[(OURS, 12.0), (RAW, 10.0)])).unwrap().is_met);
        assert!(!more.verdict(&results(&[(OURS, 12.1), (RAW, 10.0)])).unwrap().is_met);
    }

    #[test]
    fn nothing_is_said_of_what_was_not_measured() {
        assert_eq!(AHEAD.verdict(&results(&[(OURS, 80.0)])), None);
        assert_eq!(AHEAD.verdict(&results(&[("tarpc", 80.0)])), None);
    }
}
