//! `list`: the cases with their targets, and the peers.

use std::process::ExitCode;

use bench_harness::peer::Failure;

use crate::cases::CASES;
use crate::curves::CURVES;
use crate::peers::PEERS;
use crate::targets::TARGETS;

pub(crate) fn print() -> Result<ExitCode, Failure> {
    println!("cases:");
    for case in &CASES {
        let targets = TARGETS.iter().filter(|target| target.case == case.name).count();
        println!("  {:<16} {} ({targets} targets)", case.name, case.about);
    }
    println!("\ncurves:");
    for curve in &CURVES {
        println!("  {:<16} {}", curve.name, curve.about);
    }
    println!("\npeers:");
    for peer in &PEERS {
        println!("  {:<16} {}", peer.name, peer.about);
        for tool in peer.needs {
            println!("  {:<16} needs {}: {}", "", tool.program, tool.install);
        }
    }
    Ok(ExitCode::SUCCESS)
}
