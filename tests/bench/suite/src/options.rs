//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::cases::{self, CASES, Case, Kind};
use crate::curves::{CURVES, Curve, Growth};
use crate::peers::{self, PEERS, Peer};
use crate::programs::{root, target};
use crate::rounds::Plan;
use crate::sampling::Times;

/// Measures rpc-core beside bare sockets and its peers, in interleaved rounds, each server and each load generator a process of
/// its own.
///
/// Prints a table for each case, and says of each target whether it was met; writes everything as JSON and draws it as SVG.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  bench                                   everything, in about twelve minutes\n  \
                  bench --quick --peers raw,ours          does it work?\n  \
                  bench --cases one-core,64k --rounds 9   some cases, more often\n  \
                  bench --publish                         everything, into the READMEs and tests/bench/results"
)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) order: Option<Order>,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Show the cases with their targets, and the peers.
    List,
    /// Make the tables and plots again from a report.
    Report(Report),
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A report that a run wrote.
    #[arg(default_value_os_t = published().join("results.json"))]
    pub(crate) file: PathBuf,
    /// Write the plots into this folder, beside a copy of the report.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Write them into the READMEs and tests/bench/results.
    #[arg(long)]
    pub(crate) publish: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Peers to measure, of those that `list` shows [default: all]
    #[arg(long, value_delimiter = ',', value_parser = peer_names(), hide_possible_values = true)]
    peers: Vec<String>,
    /// Cases and curves to measure, of those that `list` shows [default: all]
    #[arg(long, value_delimiter = ',', value_parser = case_names(), hide_possible_values = true)]
    cases: Vec<String>,
    /// Rounds at most, of which medians are told
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Begin no round, after the second, that would end later than so many minutes after the first
    #[arg(long, value_name = "MINUTES", default_value_t = 10)]
    budget: u16,
    /// How long each sample measures, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(20..=600_000))]
    time: u32,
    /// One short round with fewer connections and without `hello`: does it work?
    #[arg(long)]
    quick: bool,
    /// Where the report and the plots go
    #[arg(long, value_name = "FOLDER", default_value_os_t = target().join("results"))]
    pub(crate) out: PathBuf,
    /// Put the report and the plots into tests/bench/results, and the tables into the READMEs
    #[arg(long, conflicts_with_all = ["quick", "out"])]
    pub(crate) publish: bool,
}

fn peer_names() -> PossibleValuesParser {
    PossibleValuesParser::new(PEERS.iter().map(|peer| peer.name))
}

fn case_names() -> PossibleValuesParser {
    let curves = CURVES.iter().map(|curve| curve.name);
    PossibleValuesParser::new(CASES.iter().map(|case| case.name).chain(curves))
}

/// Where the published report is.
pub(crate) fn published() -> PathBuf {
    root().join("results")
}

impl Run {
    pub(crate) fn plan(&self) -> Plan {
        let time = f64::from(self.time) / 1000.0;
        let times = if self.quick {
            Times { seconds: 0.1, warm_up: 0.05 }
        } else {
            Times { seconds: time, warm_up: 0.1 }
        };
        let mut cases = self.chosen_cases();
        if self.quick {
            cases = cases.into_iter().map(Case::quick).collect();
        }
        Plan {
            cases,
            curves: self.chosen_curves(),
            farthest: if self.quick { 100 } else { u64::MAX },
            peers: self.chosen_peers(),
            rounds: if self.quick { 1 } else { usize::from(self.rounds) },
            budget: Duration::from_secs(60 * u64::from(self.budget)),
            times,
        }
    }

    fn chosen_cases(&self) -> Vec<Case> {
        if self.cases.is_empty() {
            // To build half a dozen frameworks is not quick.
            let slow = |case: &&Case| self.quick && case.kind == Kind::Hello;
            return CASES.iter().filter(|case| !slow(case)).copied().collect();
        }
        self.cases.iter().filter_map(|name| cases::named(name)).copied().collect()
    }

    fn chosen_curves(&self) -> Vec<&'static Curve> {
        // What walks along the room's members builds the chat: that is not quick either.
        let is_chosen = |curve: &&Curve| match self.cases.is_empty() {
            true => !(self.quick && curve.growth == Growth::Members),
            false => self.cases.iter().any(|name| name == curve.name),
        };
        CURVES.iter().filter(is_chosen).collect()
    }

    fn chosen_peers(&self) -> Vec<&'static Peer> {
        if self.peers.is_empty() {
            return PEERS.iter().collect();
        }
        self.peers.iter().filter_map(|name| peers::named(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> Plan {
        Line::try_parse_from(words.split(' ')).unwrap().run.plan()
    }

    #[test]
    fn everybody_and_everything_is_measured_unless_some_are_chosen() {
        let all = plan("bench");
        assert_eq!((all.cases.len(), all.peers.len(), all.rounds), (CASES.len(), PEERS.len(), 5));
        let some = plan("bench --peers ours,raw --cases 64k,one-core --rounds 2");
        let names: Vec<_> = some.peers.iter().map(|peer| peer.name).collect();
        assert_eq!(names, ["ours", "raw"]);
        assert_eq!(some.cases.iter().map(|case| case.name).collect::<Vec<_>>(), ["64k", "one-core"]);
    }

    #[test]
    fn a_name_that_is_none_is_refused_with_those_that_are() {
        let refusal = Line::try_parse_from(["bench", "--peers", "tonik"]).unwrap_err().to_string();
        assert!(refusal.contains("invalid value 'tonik'") && refusal.contains("tarpc, tonic"), "{refusal}");
        assert!(Line::try_parse_from(["bench", "--rounds", "0"]).is_err());
        assert!(Line::try_parse_from(["bench", "--quick", "--publish"]).is_err());
    }

    #[test]
    fn a_quick_run_has_one_round_and_few_connections() {
        let quick = plan("bench --quick");
        assert_eq!(quick.rounds, 1);
        assert!(quick.cases.iter().all(|case| case.name != "hello"));
    }
}
