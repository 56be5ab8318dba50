//! The curve of a room's members: `chat-bench` walks it, its report has the figures.

use std::process::Command;
use std::time::Duration;

use bench_harness::process::{ProcessError, finish};
use bench_harness::sample::{Measure, Sample};
use serde_json::Value;

use crate::curves::{Curve, Interrupted};
use crate::peers::OURS;
use crate::programs::{cargo_run, target};
use crate::results::{Entry, Results};
use crate::rounds::Plan;

const LIMIT: Duration = Duration::from_secs(30 * 60);

pub(crate) fn walk(curve: &Curve, plan: &Plan, results: &mut Results) -> Result<(), Interrupted> {
    if !plan.peers.iter().any(|peer| peer.name == OURS) {
        return Ok(());
    }
    let places: Vec<String> = plan.places(curve).map(|place| place.to_string()).collect();
    eprintln!("{} {}", curve.name, places.join(" "));
    let report = target().join("results/chat-growth.json");
    let mut command: Command = cargo_run("chat-bench");
    command.args(["--parts", "growth", "--growth-rounds", "1", "--growth", &places.join(","), "--json"]);
    command.arg(&report).arg("--plots").arg(target().join("results"));
    let walked = finish(&mut command, LIMIT);
    let points = results.curves.entry(curve.name.to_owned()).or_default().entry(OURS.to_owned()).or_default();
    let failure = match walked {
        Err(ProcessError::Interrupted) => return Err(Interrupted),
        Err(error) => Some(error.to_string()),
        Ok(_) => match std::fs::read_to_string(&report) {
            Ok(text) => {
                points.extend(figures(&text));
                None
            }
            Err(error) => Some(error.to_string()),
        },
    };
    if let Some(failure) = failure {
        eprintln!("failed: {failure}");
        points.insert(0, Entry { failure: Some(failure), ..Entry::default() });
    }
    Ok(())
}

/// By members: the medians of a report's rounds would be of one round each.
fn figures(report: &str) -> Vec<(u64, Entry)> {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let rows = report.get("growth").and_then(Value::as_array).cloned().unwrap_or_default();
    let point = |row: &Value| {
        let members = row.get("members")?.as_u64()?;
        let samples = row.get("rounds")?.as_array()?.iter().map(sample).collect();
        Some((members, Entry { samples, failure: None }))
    };
    rows.iter().filter_map(point).collect()
}

fn sample(round: &Value) -> Sample {
    let named = [
        ("deliveries_per_second", Measure::Rate, 1.0),
        // It counts millions, and this hundred thousands.
        ("cpu_per_million", Measure::ServerCpu, 0.1),
        ("rss_per_client", Measure::RssPerConnection, 1.0),
        ("threads_per_client", Measure::ThreadsPerConnection, 1.0),
    ];
    let figure =
        |(name, measure, scale): (&str, Measure, f64)| Some((measure, round.get(name)?.as_f64()? * scale));
    named.into_iter().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_growth_of_the_chats_report_is_taken_over() {
        let report = r#"{"peers":[],"growth":[{"server":"chat","members":10,
            "rounds":[{"deliveries_per_second":5e5,"cpu_per_million":0.5,"p50":1.0}]}]}"#;
        let points = figures(report);
        assert_eq!(points.len(), 1);
        assert_eq!((points[0].0, points[0].1.figure(Measure::Rate)), (10, Some(5e5)));
        assert_eq!(points[0].1.figure(Measure::ServerCpu), Some(0.05));
        assert!(figures("not json").is_empty());
    }
}
