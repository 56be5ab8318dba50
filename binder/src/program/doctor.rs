//! `binder doctor`: connects to every registered server, and says what is wrong and what to do.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use binder::{Binder, Query};
use clap::Args;
use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{ClientTls, threads};

mod finding;
mod patient;
mod probe;
mod report;

use super::list;
use super::screen::Screen;
use super::{Ask, Asked, Failure};
use finding::Verdict;
use patient::Patient;
use probe::Answer;
use report::Report;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the names begin with; all without it
    prefix: Option<String>,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder doctor
  binder doctor --json | jq -r 'select(.verdict == \"wrong\") | .address'

It connects to each server once and runs none of its procedures. The exit code is 1 if something is wrong.

The JSON has one object for the binder and one for each server:
  subject        binder, or server
  verdict        fine, note, or wrong
  binder         binder: its address; with several, its servers follow
  address, port, instance, names, state
                 server: as in `binder list --json`
  round_trip_us  server: how long it took to answer; null if it did not
  findings       each has a kind, what is the case, and a todo
  kind           of the binder: alarm, young, unsaved
                 of a server: suspect, late, draining, out_of_reach,
                 unresolved, refused, no_way, silent, stranger";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let ask = &arguments.ask;
    let report = Report::new(ask.form(), Screen::stdout());
    ask.each(|asked| {
        let worst = visit(asked, arguments.prefix.clone().unwrap_or_default(), &report)?;
        Ok(if worst == Verdict::Wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// One binder and all servers that it knows; the worst of what was found.
fn visit(asked: &Asked, prefix: String, report: &Report) -> Result<Verdict, Failure> {
    let stats = asked.client.stats().map_err(|error| asked.failure(error))?;
    let entries = list::entries(asked, Query { prefix, ..Query::default() }, |_| true)?;
    let findings = finding::of_binder(&stats);
    let mut worst = finding::verdict(&findings);
    report.binder(&asked.binder, &stats, &findings)?;
    let patients = examine(patient::all(entries), asked.tls.as_ref()).map_err(Failure::Threads)?;
    for (patient, answer) in patients {
        let findings = finding::of_server(&patient, &answer);
        worst = worst.max(finding::verdict(&findings));
        report.server(&patient, &answer, &findings)?;
    }
    Ok(worst)
}

/// Probes all of them, some at a time; in the order given.
fn examine(patients: Vec<Patient>, tls: Option<&ClientTls>) -> io::Result<Vec<(Patient, Answer)>> {
    let (waiting, to_probe) = bounded(patients.len());
    let (probed, answers) = bounded(patients.len());
    let hands = patients.len().min(PROBES);
    for numbered in patients.into_iter().enumerate() {
        // There is room for all of them.
        let _ = waiting.try_send(numbered);
    }
    drop(waiting);
    let threads: Vec<_> = (0..hands)
        .map(|_| {
            let (to_probe, probed, tls) = (to_probe.clone(), probed.clone(), tls.cloned());
            threads::spawn("doctor-probe", move || probe_all(&to_probe, &probed, tls.as_ref()))
        })
        .collect::<io::Result<_>>()?;
    drop((probed, threads));
    let in_order: BTreeMap<_, _> = answers.iter().collect();
    Ok(in_order.into_values().collect())
}

fn probe_all(
    to_probe: &Receiver<(usize, Patient)>,
    probed: &Sender<(usize, (Patient, Answer))>,
    tls: Option<&ClientTls>,
) {
    for (number, patient) in to_probe {
        let answer = probe::ask(&patient, tls);
        // There is room for all of them.
        let _ = probed.try_send((number, (patient, answer)));
    }
}

/// How many servers are probed at a time: a hundred dead machines take 14 s.
const PROBES: usize = 16;
