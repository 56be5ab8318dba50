//! Tables in Markdown, which are read as well in a terminal.

use std::fmt::Write;

use bench_harness::sample::Measure;
use bench_harness::svg::figure;

use crate::cases::{self, CASES, Case, Kind};
use crate::curves::{CURVES, Curve};
use crate::peers::{OURS, PEERS, RAW};
use crate::results::{Entry, Results};
use crate::targets::{Bound, TARGETS, Target, Verdict};

/// A column of a case's table.
#[derive(Clone, Copy)]
enum Column {
    Plain(&'static str, Measure),
    /// Payload bytes each way a second, in MB.
    Megabytes(usize),
    /// As a multiple of the bare socket's.
    OfRaw(&'static str, Measure),
}

use Column::{Megabytes, OfRaw, Plain};

/// All of them, and what became of the targets.
pub(crate) fn tables(results: &Results) -> String {
    let mut text = heading(results);
    for case in CASES.iter().filter(|case| results.cases.contains_key(case.name)) {
        text += &table(results, case);
    }
    for curve in &CURVES {
        text += &along(results, curve);
    }
    text += &verdicts(results);
    for (peer, why) in &results.left_out {
        let _ = writeln!(text, "\n{peer} was left out: {why}.");
    }
    text
}

/// Where and how it was measured.
pub(crate) fn heading(results: &Results) -> String {
    let machine = &results.machine;
    let rounds =
        results.cases.values().flat_map(|peers| peers.values()).map(|entry| entry.samples.len()).max();
    let mut text = format!(
        "{}, {} cores, {}, {}; {} UTC. Medians of {} interleaved rounds of {} s each; CPU is of client and server, user's and \
         system's, in seconds for 100,000 calls, items or deliveries.\n",
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.rust,
        machine.date,
        rounds.unwrap_or(0),
        machine.seconds
    );
    if machine.is_busy() {
        let _ = writeln!(
            text,
            "\n**The machine was busy with other work ({:.0} % of its processors just before): figures of an interim run.**",
            100.0 * machine.busy_before
        );
    }
    text
}

fn columns(kind: Kind) -> Vec<Column> {
    let cpu = [Plain("CPU", Measure::Cpu), OfRaw("CPU × raw", Measure::Cpu)];
    let calls = [Plain("calls/s", Measure::Rate), OfRaw("× raw", Measure::Rate)];
    let times = [Plain("p50 µs", Measure::P50), Plain("p99 µs", Measure::P99)];
    match kind {
        Kind::Calls(shape) if shape.size > 1024 => {
            [&[Megabytes(shape.size)][..], &calls[1..], &times, &cpu].concat()
        }
        Kind::Calls(shape) if shape.connections * shape.callers * shape.width == 1 => {
            [&times[..1], &[OfRaw("× raw", Measure::P50)], &times[1..], &calls[..1], &cpu].concat()
        }
        Kind::Calls(_) => [&calls[..], &times, &cpu].concat(),
        Kind::Stream => [&[Plain("items/s", Measure::Rate)][..], &calls[1..], &cpu].concat(),
        Kind::Broadcast { .. } => [&[Plain("deliveries/s", Measure::Rate)][..], &calls[1..], &cpu].concat(),
        Kind::Hold { .. } => vec![
            Plain("KiB a connection", Measure::RssPerConnection),
            Plain("threads a connection", Measure::ThreadsPerConnection),
        ],
        Kind::Hello => vec![
            Plain("clean build, s", Measure::BuildSeconds),
            Plain("stripped, KB", Measure::BinaryKb),
            Plain("packages", Measure::Packages),
        ],
    }
}

pub(crate) fn table(results: &Results, case: &Case) -> String {
    let columns = columns(case.kind);
    let mut text = format!("\n### {}: {}\n\n| |", case.name, case.about);
    for column in &columns {
        let (Plain(title, _) | OfRaw(title, _)) = column else {
            text += " MB/s |";
            continue;
        };
        let _ = write!(text, " {title} |");
    }
    text += "\n|---|";
    text += &"---:|".repeat(columns.len());
    text.push('\n');
    for peer in &PEERS {
        if let Some(entry) = results.of(case.name, peer.name) {
            text += &row(results, case, peer.name, entry, &columns);
        }
    }
    text
}

/// A table of one curve: a row for each place, and each figure of each peer.
fn along(results: &Results, curve: &Curve) -> String {
    let Some(peers) = results.curves.get(curve.name) else { return String::new() };
    let columns: Vec<(&str, &str, Measure)> = curve
        .drawn
        .iter()
        .flat_map(|(measure, title, _)| curve.peers.iter().map(move |peer| (*peer, *title, *measure)))
        .filter(|(peer, _, _)| peers.contains_key(*peer))
        .collect();
    let mut text = format!("\n### {}: {}\n\n| {} |", curve.name, curve.about, curve.axis);
    for (peer, title, _) in &columns {
        let _ = write!(text, " {peer}: {title} |");
    }
    let _ = writeln!(text, "\n|---:|{}", "---:|".repeat(columns.len()));
    for place in curve.places {
        let entry = |peer: &str| peers.get(peer).and_then(|points| points.get(place));
        if !columns.iter().any(|(peer, _, _)| entry(peer).is_some()) {
            continue;
        }
        let _ = write!(text, "| {} |", figure_of(*place));
        for (peer, _, measure) in &columns {
            let found = entry(peer).and_then(|entry| entry.figure(*measure));
            let _ = write!(text, " {} |", found.map_or_else(|| "–".into(), figure));
        }
        text.push('\n');
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "places are small")]
fn figure_of(place: u64) -> String {
    if place < 1000 { place.to_string() } else { figure(place as f64) }
}

fn row(results: &Results, case: &Case, peer: &str, entry: &Entry, columns: &[Column]) -> String {
    if let Some(failure) = &entry.failure {
        return format!(
            "| {peer} | failed: {} |{}\n",
            failure.replace('|', "/"),
            " |".repeat(columns.len() - 1)
        );
    }
    let cell = |column: &Column| {
        let found = match column {
            Plain(_, measure) => entry.figure(*measure).map(figure),
            Megabytes(size) => entry.figure(Measure::Rate).map(|rate| figure(megabytes(rate, *size))),
            OfRaw(_, measure) => results
                .ratio((case.name, peer), (case.name, RAW), *measure)
                .map(|ratio| format!("{ratio:.2}")),
        };
        format!(" {} |", found.unwrap_or_else(|| "–".into()))
    };
    format!("| {peer} |{}\n", columns.iter().map(cell).collect::<String>())
}

#[expect(clippy::cast_precision_loss, reason = "figures need no more digits")]
fn megabytes(rate: f64, size: usize) -> f64 {
    rate * size as f64 / 1e6
}

/// Each target, what was reached and whether that is enough.
pub(crate) fn verdicts(results: &Results) -> String {
    let told = TARGETS.iter().filter_map(|target| Some((target, target.verdict(results)?)));
    let rows: String = told.map(|(target, verdict)| verdict_row(target, &verdict)).collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n### Targets\n\n| case | figure | compared with | target | reached | |\n|---|---|---|---:|---:|---|\n{rows}"
    )
}

fn verdict_row(target: &Target, verdict: &Verdict) -> String {
    let (bound, unit) = match target.bound {
        Bound::Ceiling(bound) => (format!("≤ {}", figure(bound)), " ×"),
        Bound::Floor(bound) => (format!("≥ {}", figure(bound)), " ×"),
        Bound::Margin(bound) => (format!("≤ + {}", figure(bound)), ""),
    };
    let unit = if verdict.rival.is_some() { unit } else { "" };
    format!(
        "| {} | {} | {} | {bound}{unit} | {}{unit} | {} |\n",
        subject(target),
        name(target),
        compared(target, verdict),
        figure(verdict.reached),
        if verdict.is_met { "met" } else { "**not met**" }
    )
}

fn subject(target: &Target) -> String {
    if target.of == OURS { target.case.to_owned() } else { format!("{}, {}", target.case, target.of) }
}

fn compared(target: &Target, verdict: &Verdict) -> String {
    let rival = verdict.rival.unwrap_or("–");
    if target.in_case == target.case { rival.to_owned() } else { format!("{rival} in {}", target.in_case) }
}

fn name(target: &Target) -> &'static str {
    match target.measure {
        Measure::Rate => match cases::named(target.case).map(|case| case.kind) {
            Some(Kind::Stream) => "items/s",
            Some(Kind::Broadcast { .. }) => "deliveries/s",
            _ => "calls/s",
        },
        Measure::P50 => "p50",
        Measure::P90 => "p90",
        Measure::P99 => "p99",
        Measure::P999 => "p99.9",
        Measure::Max => "slowest",
        Measure::Cpu => "CPU a call",
        Measure::ServerCpu => "the server's CPU a call",
        Measure::Rss => "server's memory, KiB",
        Measure::Threads => "server's threads",
        Measure::RssPerConnection => "server's memory a connection, KiB",
        Measure::ThreadsPerConnection => "threads a connection",
        Measure::Tail => "p99 as a multiple of p50",
        Measure::BuildSeconds => "clean release build",
        Measure::BinaryKb => "stripped binary, KB",
        Measure::Packages => "packages in the tree",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::named;

    fn results() -> Results {
        let mut results = Results::default();
        for (peer, rate) in [("raw", 200.0), ("ours", 190.0), ("tarpc", 100.0)] {
            results.add("connections", peer, [(Measure::Rate, rate), (Measure::Cpu, 1.0)].into());
        }
        results.entry("connections", "ttrpc").failure = Some("ended with 1: a | b".into());
        results
    }

    #[test]
    fn a_table_has_a_row_for_each_peer_and_tells_failures() {
        let told = table(&results(), named("connections").unwrap());
        assert!(told.contains("| ours | 190 | 0.95 | – | – | 1.00 | 1.00 |"), "{told}");
        assert!(told.contains("| ttrpc | failed: ended with 1: a / b | | | | | |"), "{told}");
        let widths: Vec<_> =
            told.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
        assert!(widths.iter().all(|width| *width == 8), "{told}");
    }

    #[test]
    fn targets_that_could_be_judged_are_told_and_no_others() {
        let told = verdicts(&results());
        assert!(told.contains("| connections | calls/s | raw | ≥ 0.950 × | 0.950 × | met |"), "{told}");
        assert!(!told.contains("one-core"));
        assert_eq!(verdicts(&Results::default()), "");
    }
}
