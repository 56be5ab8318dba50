//! What the command line says, and who does it: a room for each subcommand, over one for each form of output.

use std::process::ExitCode;

mod arguments;
mod asked;
mod failure;
mod output;
mod screen;
mod table;

mod chosen;
mod doctor;
mod drain;
mod list;
mod lookup;
mod names;
mod ping;
mod register;
mod remove;
mod serve;
mod stats;
mod watch;

pub(crate) use arguments::CommandLine;
use arguments::{Command, Serve};
use asked::{Ask, Asked};
pub(crate) use failure::Failure;
pub(crate) use names::names;

/// Does what the command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    if line.papers.write_completing::<CommandLine>()? {
        return Ok(ExitCode::SUCCESS);
    }
    match line.command {
        None => serve::run(&line.serve),
        Some(Command::Serve(serve)) => serve::run(&serve),
        Some(Command::List(arguments)) => list::run(&arguments),
        Some(Command::Lookup(arguments)) => lookup::run(&arguments),
        Some(Command::Watch(arguments)) => watch::run(&arguments),
        Some(Command::Register(arguments)) => register::run(&arguments),
        Some(Command::Drain(arguments)) => drain::run(&arguments),
        Some(Command::Remove(arguments)) => remove::run(&arguments),
        Some(Command::Ping(arguments)) => ping::run(&arguments),
        Some(Command::Stats(arguments)) => stats::run(&arguments),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments),
    }
}
