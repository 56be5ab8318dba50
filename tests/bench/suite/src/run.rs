//! A run from its beginning to its report.

use std::fs;
use std::io::Write;
use std::process::ExitCode;

use bench_harness::peer::Failure;
use bench_harness::process::{ProcessError, heed_interrupts};

use crate::curves::{self, Growth};
use crate::options::{Report, Run, published};
use crate::peers::{NAMES, OURS, RAW, named};
use crate::programs::{Missing, build};
use crate::publishing::{publish, write_report};
use crate::results::{Machine, Results};
use crate::rounds::{End, Plan, run as run_rounds};
use crate::tables::tables;

/// Fails if we ourselves, or the bare sockets, could not be measured, or somebody interrupted it.
pub(crate) fn run(options: &Run) -> Result<ExitCode, Failure> {
    heed_interrupts()?;
    let mut plan = options.plan();
    let mut results = Results::default();
    build_all(&mut plan, &mut results)?;
    results.machine = Machine::look(plan.times.seconds);
    let mut end = run_rounds(&plan, &mut results);
    if end == End::Done {
        end = curves::run(&plan, &mut results);
    }
    let folder = if options.publish && end == End::Done { published() } else { options.out.clone() };
    fs::create_dir_all(&folder)?;
    write_report(&folder, &results)?;
    if options.publish && end == End::Done {
        publish(&results)?;
    }
    show(&tables(&results))?;
    eprintln!("the report and the plots are in {}", folder.display());
    Ok(if end == End::Done && !has_failed(&results) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tables and plots again, of figures that were found before.
pub(crate) fn report(options: &Report) -> Result<ExitCode, Failure> {
    let text = fs::read_to_string(&options.file);
    let text = text.map_err(|error| format!("{} cannot be read: {error}", options.file.display()))?;
    let results: Results = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no report: {error}", options.file.display()))?;
    if let Some(folder) = &options.out {
        fs::create_dir_all(folder)?;
        write_report(folder, &results)?;
    }
    if options.publish {
        fs::create_dir_all(published())?;
        write_report(&published(), &results)?;
        publish(&results)?;
    }
    show(&tables(&results))?;
    Ok(ExitCode::SUCCESS)
}

/// Who reads may stop reading.
fn show(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whoever cannot be built is left out, aloud.
fn build_all(plan: &mut Plan, results: &mut Results) -> Result<(), Failure> {
    let mut built = Vec::new();
    for peer in &plan.peers {
        eprintln!("building {}", peer.name);
        match build(peer) {
            Ok(()) => built.push(*peer),
            Err(Missing::Interrupted) => return Err(ProcessError::Interrupted.into()),
            Err(missing) => {
                eprintln!("{} is left out: {missing}", peer.name);
                results.left_out.insert(peer.name.to_owned(), missing.to_string());
            }
        }
    }
    if let Some(names) =
        plan.curves.iter().find(|curve| curve.growth == Growth::Names).and_then(|_| named(NAMES))
    {
        eprintln!("building {NAMES}");
        build(names)?;
    }
    if built.is_empty() {
        return Err("nobody is left to be measured".into());
    }
    plan.peers = built;
    Ok(())
}

/// Others may fail where their limits are; we and the bare sockets may not.
fn has_failed(results: &Results) -> bool {
    let of = |peer: &str| {
        results.cases.values().filter_map(move |peers| peers.get(peer)).any(|entry| entry.failure.is_some())
    };
    let left_out = [OURS, RAW].iter().any(|peer| results.left_out.contains_key(*peer));
    left_out || of(OURS) || of(RAW)
}
