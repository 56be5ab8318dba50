//! `svc_banco`: the wallet server.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use crossbeam_channel::bounded;
use rpc_program::log;
use thiserror::Error;
use wallets::printing;
use wallets::serving::{ServingError, serve};
use wallets::statement::{self, StatementError};
use wallets::teller::Teller;

/// The wallet server: reads wallets (ID VALUE, one a line) to the end of standard input, serves, and prints them at its end
#[derive(Debug, Parser)]
#[command(name = "svc_banco", version)]
struct CommandLine {
    /// Where it listens, on all interfaces
    #[arg(value_parser = clap::value_parser!(u16).range(2048..))]
    port: u16,
}

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Serving(#[from] ServingError),
}

fn main() -> ExitCode {
    rpc_program::exit("svc_banco", run(&CommandLine::parse()))
}

fn run(&CommandLine { port }: &CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::ERROR);
    let ledger = statement::read(io::stdin().lock())?;
    let (ended, end) = bounded(1);
    let teller = Teller::new(ledger, Box::new(printing::to_standard_output), ended);
    Ok(serve(teller.server(), port, &end)?)
}
