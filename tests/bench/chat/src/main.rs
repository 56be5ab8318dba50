//! The chat server beside IRC servers and message brokers: what a delivery costs each of them.

mod crowd;
mod dialect;
mod failure;
mod figures;
mod options;
mod plots;
mod publishing;
mod report;
mod rounds;
mod score;
mod server;
mod text;

use std::process::ExitCode;

use clap::Parser;

use crate::failure::Failure;
use crate::options::Options;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("chat-bench: {failure}");
            let mut cause = std::error::Error::source(&failure);
            while let Some(why) = cause {
                eprint!(": {why}");
                cause = why.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    bench_harness::process::heed_interrupts().map_err(Failure::io("cannot catch signals"))?;
    bench_harness::usage::raise_open_files().map_err(Failure::io("cannot have more files open"))?;
    let results = rounds::run(options)?;
    report::write(options, &results)
}
