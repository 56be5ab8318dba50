//! Every measurement by one command; `--help` says how, README.md what.

mod cases;
mod curves;
mod hello;
mod listing;
mod members;
mod options;
mod peers;
mod plots;
mod programs;
mod publishing;
mod results;
mod rounds;
mod run;
mod sampling;
mod tables;
mod targets;

use std::process::ExitCode;

use clap::Parser;

use options::{Line, Order};

fn main() -> ExitCode {
    let line = Line::parse();
    let ended = match line.order {
        Some(Order::List) => listing::print(),
        Some(Order::Report(report)) => run::report(&report),
        None => run::run(&line.run),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("bench: {error}");
        ExitCode::FAILURE
    })
}
