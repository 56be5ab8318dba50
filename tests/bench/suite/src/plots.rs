//! What is drawn of a report.

use bench_harness::sample::Measure;
use bench_harness::svg::{Axis, Bar, Line, Panel, Tone, bars, lines};

use crate::cases;
use crate::curves::{CURVES, Curve};
use crate::peers::{OURS, PEERS, RAW, SPINNING};
use crate::results::Results;

/// A plot by the name of its file.
pub(crate) struct Plot {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) drawing: String,
}

struct Sheet {
    file: &'static str,
    title: &'static str,
    measure: Measure,
    cases: &'static [&'static str],
}

const SHEETS: [Sheet; 4] = [
    Sheet {
        file: "latency.svg",
        title: "One call in flight: µs until the answer (median; shorter is better)",
        measure: Measure::P50,
        cases: &["one-core", "two-cores"],
    },
    Sheet {
        file: "rates.svg",
        title: "Calls, items and deliveries a second (longer is better)",
        measure: Measure::Rate,
        cases: &["pipelined", "shared", "connections", "crowd", "64k", "1m", "stream", "backlog"],
    },
    Sheet {
        file: "cpu.svg",
        title: "Processor time of client and server, seconds for 100,000 calls (shorter is better)",
        measure: Measure::Cpu,
        cases: &["one-core", "pipelined", "shared", "connections", "crowd", "64k"],
    },
    Sheet {
        file: "idle.svg",
        title: "Memory of the server for each idle connection, KiB (shorter is better)",
        measure: Measure::RssPerConnection,
        cases: &["idle-1k", "idle-10k"],
    },
];

/// All for which there are figures.
pub(crate) fn plots(results: &Results) -> Vec<Plot> {
    let drawn = SHEETS.iter().filter_map(|sheet| {
        let panels: Vec<Panel> =
            sheet.cases.iter().filter_map(|case| panel(results, case, sheet.measure)).collect();
        (!panels.is_empty()).then(|| Plot {
            file: sheet.file,
            title: sheet.title,
            drawing: bars(sheet.title, &panels),
        })
    });
    drawn.chain(CURVES.iter().flat_map(|curve| curves(results, curve))).collect()
}

/// A plot for each figure along a curve.
fn curves(results: &Results, curve: &'static Curve) -> Vec<Plot> {
    let Some(peers) = results.curves.get(curve.name) else { return Vec::new() };
    let drawn = curve.drawn.iter().map(|(measure, title, file)| {
        let line = |name: &&str| {
            let points = peers.get(*name)?.iter();
            let points =
                points.filter_map(|(place, entry)| Some((position(*place), entry.figure(*measure)?)));
            Some(Line { name: (*name).to_owned(), tone: tone(name), points: points.collect() })
        };
        let drawn: Vec<Line> = curve.peers.iter().filter_map(line).collect();
        let drawing = lines(curve.about, Axis { title: curve.axis }, Axis { title }, &drawn);
        Plot { file, title: curve.about, drawing }
    });
    drawn.collect()
}

#[expect(clippy::cast_precision_loss, reason = "places are small")]
fn position(place: u64) -> f64 {
    place as f64
}

fn panel(results: &Results, case: &str, measure: Measure) -> Option<Panel> {
    let about = cases::named(case)?.about;
    let title = about.split(';').next().unwrap_or(about).to_owned();
    let measured = PEERS.iter().filter_map(|peer| Some((peer.name, results.of(case, peer.name)?)));
    let bars: Vec<Bar> = measured
        .map(|(name, entry)| Bar { name: name.to_owned(), value: entry.figure(measure), tone: tone(name) })
        .collect();
    bars.iter().any(|bar| bar.value.is_some()).then_some(Panel { title, bars })
}

fn tone(peer: &str) -> Tone {
    match peer {
        OURS | SPINNING => Tone::Ours,
        RAW => Tone::Limit,
        _ => Tone::Other(PEERS.iter().position(|other| other.name == peer).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_measured_is_drawn() {
        let mut results = Results::default();
        assert!(plots(&results).is_empty());
        results.add("one-core", "ours", [(Measure::P50, 7.0)].into());
        results.entry("one-core", "tonic").failure = Some("ended".into());
        let drawn = plots(&results);
        assert_eq!(drawn.iter().map(|plot| plot.file).collect::<Vec<_>>(), ["latency.svg"]);
        assert!(drawn[0].drawing.contains("tonic"));
    }
}
