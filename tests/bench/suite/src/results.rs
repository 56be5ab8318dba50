//! What was found: samples by case and peer, and what they come to.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use bench_harness::sample::{Measure, Sample};
use bench_harness::statistics::median;
use serde::{Deserialize, Serialize};

/// Everything of one run; its JSON is the report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) cases: BTreeMap<String, BTreeMap<String, Entry>>,
    /// Peers that were left out, and why.
    pub(crate) left_out: BTreeMap<String, String>,
    /// By curve, peer and place on the curve.
    pub(crate) curves: BTreeMap<String, BTreeMap<String, BTreeMap<u64, Entry>>>,
}

/// A peer in a case.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// One a round.
    pub(crate) samples: Vec<Sample>,
    /// Why it could not be measured; it was not tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

impl Entry {
    pub(crate) fn figure(&self, measure: Measure) -> Option<f64> {
        median(self.samples.iter().filter_map(|sample| sample.get(&measure).copied()).collect())
    }

    fn figures(&self, measure: Measure) -> Vec<f64> {
        self.samples.iter().filter_map(|sample| sample.get(&measure).copied()).collect()
    }
}

impl Results {
    pub(crate) fn add(&mut self, case: &str, peer: &str, sample: Sample) {
        self.entry(case, peer).samples.push(sample);
    }

    pub(crate) fn entry(&mut self, case: &str, peer: &str) -> &mut Entry {
        self.cases.entry(case.to_owned()).or_default().entry(peer.to_owned()).or_default()
    }

    pub(crate) fn of(&self, case: &str, peer: &str) -> Option<&Entry> {
        self.cases.get(case)?.get(peer)
    }

    /// The median of all rounds.
    pub(crate) fn figure(&self, case: &str, peer: &str, measure: Measure) -> Option<f64> {
        self.of(case, peer)?.figure(measure)
    }

    /// One peer's figure as a multiple of another's: the median of the ratios of each round, since a round's samples are
    /// taken one after the other, and what else the machine does meets both.
    /// Both are named by case and peer.
    pub(crate) fn ratio(&self, one: (&str, &str), other: (&str, &str), measure: Measure) -> Option<f64> {
        let ours = self.of(one.0, one.1)?.figures(measure);
        let theirs = self.of(other.0, other.1)?.figures(measure);
        let ratios = ours.iter().zip(&theirs).filter(|(_, theirs)| **theirs != 0.0);
        median(ratios.map(|(ours, theirs)| ours / theirs).collect())
    }
}

/// Where it was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rust: String,
    /// UTC.
    pub(crate) date: String,
    /// The share of the processor's time that others took in the second before the first sample.
    pub(crate) busy_before: f64,
    /// Time for each sample, in seconds.
    pub(crate) seconds: f64,
}

impl Machine {
    pub(crate) fn look(seconds: f64) -> Machine {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
        Machine {
            processor: model.unwrap_or("unknown").trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: said("uname", &["-sr"]),
            rust: said("rustc", &["--version"]),
            date: said("date", &["-u", "+%Y-%m-%d %H:%M"]),
            busy_before: busy(Duration::from_secs(1)),
            seconds,
        }
    }

    /// Whether others worked here too, so that the figures are not worth telling.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy_before > 0.1
    }
}

/// The share of time that processors were not idle meanwhile.
fn busy(time: Duration) -> f64 {
    let stat = || fs::read_to_string("/proc/stat").unwrap_or_default();
    let before = stat();
    std::thread::sleep(time);
    share(&before, &stat())
}

/// Of two looks at what the kernel counts: user, nice, system, idle, waiting for a disk, and so on.
fn share(before: &str, after: &str) -> f64 {
    let ticks = |stat: &str| -> Vec<f64> {
        let line = stat.lines().next().unwrap_or_default();
        line.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect()
    };
    let passed: Vec<f64> =
        ticks(after).iter().zip(&ticks(before)).map(|(after, before)| after - before).collect();
    let all: f64 = passed.iter().sum();
    let idle: f64 = passed.iter().skip(3).take(2).sum();
    if all > 0.0 { 1.0 - idle / all } else { 0.0 }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_samples_of_the_same_round() {
        let mut results = Results::default();
        // The machine became slow in the second round, for both.
        for (ours, raw) in [(9.0, 10.0), (0.9, 1.0), (9.0, 10.0), (0.9, 1.0)] {
            results.add("x", "ours", [(Measure::Rate, ours)].into());
            results.add("x", "raw", [(Measure::Rate, raw)].into());
        }
        assert!((results.ratio(("x", "ours"), ("x", "raw"), Measure::Rate).unwrap() - 0.9).abs() < 1e-9);
        assert_eq!(results.figure("x", "ours", Measure::Rate), Some(4.95));
        assert_eq!(results.ratio(("x", "ours"), ("x", "tarpc"), Measure::Rate), None);
        assert_eq!(results.figure("x", "ours", Measure::P50), None);
    }

    #[test]
    fn time_that_is_not_idle_is_somebody_elses() {
        let (before, after) = ("cpu  100 0 100 800 0 0\n", "cpu  150 0 100 940 10 0\n");
        assert!((share(before, after) - 0.25).abs() < 1e-9);
        assert_eq!(share(before, before), 0.0);
        assert_eq!(share("", ""), 0.0);
    }

    #[test]
    fn a_report_is_read_again_as_it_was_written() {
        let machine = Machine { busy_before: 0.25, ..Machine::look(0.5) };
        let mut results = Results { machine, ..Results::default() };
        results.add("one-core", "ours", [(Measure::P50, 7.0)].into());
        results.entry("one-core", "tonic").failure = Some("ended".into());
        let text = serde_json::to_string(&results).unwrap();
        let again: Results = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
        assert!(again.machine.cores > 0 && !again.machine.kernel.is_empty());
    }
}
