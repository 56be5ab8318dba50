//! `sala`: the room. It prints nothing, and ends when a sender says `T`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use crossbeam_channel::{bounded, select};
use rpc_program::{listen, log, signals};
use rpctalk::hall::{DISPLAY_TIME, Hall};
use thiserror::Error;

/// The room of RPCtalk: senders (envia) talk through it to displays (exibe)
#[derive(Debug, Parser)]
#[command(name = "sala", version)]
struct CommandLine {
    /// Where it listens, on all interfaces
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("cannot listen on port {0}")]
    Listen(u16, #[source] io::Error),
}

/// Longer than the slowest display: calls that run are answered before the room ends.
const GRACE: Duration = DISPLAY_TIME.saturating_add(Duration::from_secs(2));

fn main() -> ExitCode {
    rpc_program::exit("sala", run(&CommandLine::parse()))
}

fn run(&CommandLine { port }: &CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::ERROR);
    let stop = signals::stop().map_err(Failure::Signals)?;
    let (ended, end) = bounded(1);
    let server = Hall::new(ended).server().bind(&listen::everywhere(port)[..]);
    let server = server.map_err(|error| Failure::Listen(port, error))?;
    select! {
        recv(end) -> _ => {}
        recv(stop.signals()) -> _ => {}
    }
    server.shutdown(GRACE).ok();
    Ok(ExitCode::SUCCESS)
}
