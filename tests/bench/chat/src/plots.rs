//! What was found, drawn.

use bench_harness::svg::{Axis, Bar, Line, Panel, Tone, bars, lines};

use crate::figures::{Measure, Outcome};
use crate::rounds::Results;
use crate::server::Server;

/// The name of a file and what it shows.
pub(crate) type Plot = (&'static str, String);

pub(crate) fn plots(results: &Results) -> Vec<Plot> {
    let mut plots = Vec::new();
    if !results.peers.is_empty() {
        plots.push(("chat.svg", peers(&results.peers)));
    }
    if !results.growth.is_empty() {
        plots.extend(growth(&results.growth));
    }
    plots
}

/// For each number of members a panel of what a delivery costs, and of when the last one has a message.
fn peers(outcomes: &[Outcome]) -> String {
    let mut members: Vec<usize> = outcomes.iter().map(|outcome| outcome.case.members).collect();
    members.sort_unstable();
    members.dedup();
    let panels = members.iter().flat_map(|members| {
        let here = || outcomes.iter().filter(|outcome| outcome.case.members == *members);
        [
            (Measure::CpuPerMillion, "server CPU s for a million deliveries"),
            (Measure::LastP50, "the last one has a message after, ms"),
        ]
        .map(|(measure, title)| Panel {
            title: format!("{members} members: {title}"),
            bars: here().map(|outcome| bar(outcome, measure)).collect(),
        })
    });
    bars("A message to many, less is better", &panels.collect::<Vec<_>>())
}

fn bar(outcome: &Outcome, measure: Measure) -> Bar {
    let server = outcome.case.server;
    let tone = if server == Server::Chat { Tone::Ours } else { Tone::Limit };
    let name = server.name().split(' ').next().unwrap_or_default().to_owned();
    Bar { name, value: outcome.median(measure), tone }
}

fn growth(outcomes: &[Outcome]) -> [Plot; 3] {
    let line = |(name, tone, measure): (&str, Tone, Measure)| Line {
        name: name.to_owned(),
        tone,
        points: outcomes
            .iter()
            .filter_map(|outcome| Some((as_f64(outcome.case.members), outcome.median(measure)?)))
            .collect(),
    };
    let draw = |title: &str, y: &str, curves: &[(&str, Tone, Measure)]| {
        let curves: Vec<Line> = curves.iter().copied().map(line).collect();
        lines(title, Axis { title: "members of the room" }, Axis { title: y }, &curves)
    };
    [
        (
            "chat-growth-cpu.svg",
            draw(
                "What a delivery costs the chat server",
                "CPU s for a million",
                &[
                    ("flat out", Tone::Ours, Measure::CpuPerMillion),
                    ("one at a time", Tone::Other(0), Measure::SingleCpuPerMillion),
                ],
            ),
        ),
        (
            "chat-growth-rate.svg",
            draw(
                "Deliveries of the chat server, flat out",
                "deliveries/s",
                &[("deliveries", Tone::Ours, Measure::DeliveriesPerSecond)],
            ),
        ),
        (
            "chat-growth-memory.svg",
            draw(
                "What an idle member holds of the chat server's memory",
                "KiB",
                &[("RSS", Tone::Ours, Measure::RssPerClient)],
            ),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "there are thousands of members at the most")]
fn as_f64(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Case, Figures};

    fn outcome(server: Server, members: usize, cpu: f64) -> Outcome {
        let rounds = vec![Figures::from([(Measure::CpuPerMillion, cpu), (Measure::LastP50, 1.0)])];
        Outcome { case: Case { server, members }, rounds }
    }

    #[test]
    fn each_number_of_members_has_its_panels_and_growth_its_curves() {
        let peers = vec![
            outcome(Server::Chat, 1000, 0.1),
            outcome(Server::Mosquitto, 1000, 9.25),
            outcome(Server::Chat, 100, 0.2),
        ];
        let results = Results { peers, growth: vec![outcome(Server::Chat, 1, 1.0)] };
        let drawn = plots(&results);
        assert_eq!(drawn.len(), 4);
        let (file, bars) = &drawn[0];
        assert_eq!(*file, "chat.svg");
        for expected in ["100 members: server CPU", "1000 members: server CPU", ">Mosquitto<", ">9.25<"] {
            assert!(bars.contains(expected), "{expected} in {bars}");
        }
        assert!(plots(&Results::default()).is_empty());
    }
}
