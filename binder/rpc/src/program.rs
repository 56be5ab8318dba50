//! What the command line says, and who does it: a room for each subcommand.

use std::process::ExitCode;

mod arguments;
mod bench;
mod call;
mod describe;
mod failure;
mod fit;
mod gen_cert;
mod health;
mod input;
mod list;
mod names;
mod paint;
mod reach;
mod suggest;

use self::arguments::Command;
pub(crate) use self::arguments::CommandLine;
pub(crate) use self::failure::{Failure, exit};
pub(crate) use self::names::names;

/// Does what the command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    if line.papers.write_completing::<CommandLine>()? {
        return Ok(ExitCode::SUCCESS);
    }
    match line.command {
        None => Err(Failure::Nothing),
        Some(Command::List(arguments)) => list::run(&arguments),
        Some(Command::Describe(arguments)) => describe::run(&arguments),
        Some(Command::Call(arguments)) => call::run(&arguments),
        Some(Command::Health(arguments)) => health::check(&arguments),
        Some(Command::Watch(arguments)) => health::watch(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::GenCert(arguments)) => gen_cert::run(&arguments),
    }
}
