//! `exibe`: shows what the room sends it, until the room or its sender ends it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use crossbeam_channel::{bounded, select};
use rpc_core::{Client, Endpoint, Server, Status};
use rpc_program::{listen, log, signals};
use rpctalk::contract::{DisplayService, Room, RoomClient, TAKEN};
use rpctalk::screen::Screen;
use thiserror::Error;

/// A display of RPCtalk: prints the messages that the room sends it
#[derive(Debug, Parser)]
#[command(name = "exibe", version)]
struct CommandLine {
    /// Its name among displays, up to 16 characters
    #[arg(allow_hyphen_values = true)]
    id: String,

    /// Where it listens for the room, on all interfaces
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    own_port: u16,

    /// Where the room is
    host: String,

    /// The room's port
    port: u16,
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("cannot listen on port {0}")]
    Listen(u16, #[source] io::Error),
    #[error(transparent)]
    Room(#[from] Status),
    #[error("cannot print")]
    Output(#[source] io::Error),
}

/// How long messages that are being shown are waited for at the end.
const GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    rpc_program::exit("exibe", run(&CommandLine::parse()))
}

/// Listens before it registers, since messages may come at once; they wait until the number is printed.
fn run(line: &CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::ERROR);
    let stop = signals::stop().map_err(Failure::Signals)?;
    let ((opening, opened), (ended, end)) = (bounded(0), bounded(1));
    let screen = Arc::new(Screen::new(opened, io::stdout(), ended));
    let server = Server::builder().service(DisplayService::new(screen));
    let server = server.bind(&listen::everywhere(line.own_port)[..]);
    let server = server.map_err(|error| Failure::Listen(line.own_port, error))?;
    let registered = register(line)?;
    writeln!(io::stdout(), "{registered}").map_err(Failure::Output)?;
    if registered == TAKEN {
        return Ok(ExitCode::SUCCESS);
    }
    drop(opening);
    let outcome = select! {
        recv(end) -> outcome => outcome.unwrap_or(Ok(())),
        recv(stop.signals()) -> _ => Ok(()),
    };
    server.shutdown(GRACE).ok();
    outcome.map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn register(line: &CommandLine) -> Result<i64, Status> {
    let room = RoomClient::new(Client::connect(Endpoint::new(&line.host, line.port).to_string()));
    let own_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    room.registra_saida(line.id.clone(), own_name, line.own_port)
}
