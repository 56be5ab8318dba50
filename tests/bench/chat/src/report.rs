//! What was found, for people and for programs.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::failure::Failure;
use crate::figures::{Measure, Outcome};
use crate::options::Options;
use crate::plots::plots;
use crate::publishing;
use crate::rounds::Results;
use crate::server::Server;

/// Prints the tables, and writes the files; into the READMEs too, if so told.
pub(crate) fn write(options: &Options, results: &Results) -> Result<(), Failure> {
    let tables = tables(options, results);
    println!("{tables}");
    let all = json!({ "peers": rows(&results.peers), "growth": rows(&results.growth) });
    let text = serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    let folder = options.json.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), fs::create_dir_all).map_err(Failure::io("cannot make the folder of the JSON"))?;
    fs::write(&options.json, text).map_err(Failure::io("cannot write the JSON"))?;
    println!("all figures: {}", options.json.display());
    draw(&options.plots, results)?;
    if options.publish {
        draw(&publishing::plots(), results)?;
        publishing::publish(&tables)?;
    }
    Ok(())
}

fn draw(folder: &Path, results: &Results) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::io("cannot make the folder of the plots"))?;
    for (file, drawing) in plots(results) {
        let file = folder.join(file);
        fs::write(&file, drawing).map_err(Failure::io("cannot write a plot"))?;
        println!("drawn: {}", file.display());
    }
    Ok(())
}

fn tables(options: &Options, results: &Results) -> String {
    let mut text = String::new();
    for members in &options.members {
        let here: Vec<&Outcome> =
            results.peers.iter().filter(|outcome| outcome.case.members == *members).collect();
        if !here.is_empty() {
            let rooms =
                if options.rooms == 1 { "one room".to_owned() } else { format!("{} rooms", options.rooms) };
            text += &format!("\n{members} members in {rooms}, medians of {} rounds:\n\n", options.rounds);
            text += &peers(&here);
        }
    }
    if !results.growth.is_empty() {
        text += &format!(
            "\nThe chat server's room by its members, medians of {} rounds:\n\n",
            options.growth_rounds
        );
        text += &growth(&results.growth);
    }
    text
}

fn peers(outcomes: &[&Outcome]) -> String {
    let mut text = "| server | M deliveries/s | server CPU s/million | of ours | flat out: p50 · p99 ms | one at a time: p50 · p99 \
                    ms | last member: p50 ms | of ours | CPU s/million | RSS KiB/client |\n|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let ours = outcomes.iter().find(|outcome| outcome.case.server == Server::Chat);
    for outcome in outcomes {
        let median = |measure| outcome.median(measure).unwrap_or(f64::NAN);
        let ratio = |measure| ours.and_then(|ours| outcome.ratio(ours, measure)).unwrap_or(f64::NAN);
        text += &format!(
            "| {} | {:.2} | {:.3} | {:.2} × | {:.1} · {:.1} | {:.2} · {:.2} | {:.2} | {:.2} × | {:.2} | {:.1} |\n",
            outcome.case.server.name(),
            median(Measure::DeliveriesPerSecond) / 1e6,
            median(Measure::CpuPerMillion),
            ratio(Measure::CpuPerMillion),
            median(Measure::LoadedP50),
            median(Measure::LoadedP99),
            median(Measure::P50),
            median(Measure::P99),
            median(Measure::LastP50),
            ratio(Measure::LastP50),
            median(Measure::SingleCpuPerMillion),
            median(Measure::RssPerClient),
        );
    }
    text
}

fn growth(outcomes: &[Outcome]) -> String {
    let mut text = "| members | M deliveries/s | server CPU s/million | one at a time: CPU s/million · last member ms | RSS \
                    KiB/client | threads/client |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for outcome in outcomes {
        let median = |measure| outcome.median(measure).unwrap_or(f64::NAN);
        text += &format!(
            "| {} | {:.3} | {:.3} | {:.2} · {:.2} | {:.1} | {:.2} |\n",
            outcome.case.members,
            median(Measure::DeliveriesPerSecond) / 1e6,
            median(Measure::CpuPerMillion),
            median(Measure::SingleCpuPerMillion),
            median(Measure::LastP50),
            median(Measure::RssPerClient),
            median(Measure::ThreadsPerClient),
        );
    }
    text
}

fn rows(outcomes: &[Outcome]) -> serde_json::Value {
    let row = |outcome: &Outcome| {
        json!({
            "server": outcome.case.server.name(),
            "members": outcome.case.members,
            "rounds": outcome.rounds,
        })
    };
    outcomes.iter().map(row).collect()
}
