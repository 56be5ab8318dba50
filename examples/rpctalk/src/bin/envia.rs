//! `envia`: sends what it reads through the room.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use rpc_core::{Client, Endpoint};
use rpc_program::log;
use rpctalk::contract::{CALLER, RoomClient};
use rpctalk::sender::{SenderError, converse};

/// A sender of RPCtalk: does what the lines of standard input say
///
///   M,DISPLAY,MESSAGE   shows a message on one display, or on all (todos): on how many
///   L                   prints all programs
///   F                   ends this sender, and the display of the same id
///   T                   ends the displays, the room and this sender
#[derive(Debug, Parser)]
#[command(name = "envia", version, verbatim_doc_comment)]
struct CommandLine {
    /// Its name among senders, up to 16 characters
    #[arg(allow_hyphen_values = true)]
    id: String,

    /// Where the room is
    host: String,

    /// The room's port
    port: u16,
}

fn main() -> ExitCode {
    rpc_program::exit("envia", run(&CommandLine::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, SenderError> {
    log::init(log::LevelFilter::ERROR);
    let client = Client::connect(Endpoint::new(&line.host, line.port).to_string());
    let room = RoomClient::new(client).with_metadata(CALLER, line.id.as_str());
    converse(&room, &line.id, io::stdin().lock(), &mut io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}
