//! `chat_stream_client`: says what is typed, and shows what everybody says.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use crossbeam_channel::{Receiver, bounded, select};
use rpc_core::{Client, Endpoint, threads};
use rpc_program::lines::Lines;
use rpc_program::log;
use rpc_program::signals::{self, Signal};
use streaming_chat::contract::ChatClient;
use streaming_chat::talk::{Screen, StandardOutput, TalkError, talk};
use thiserror::Error;

/// A client of chat_stream_server: /sair, the end of input, or Ctrl-C leaves
#[derive(Debug, Parser)]
#[command(name = "chat_stream_client", version)]
struct CommandLine {
    /// The server
    #[arg(value_name = "HOST:PORT", default_value = "localhost:50051")]
    server: Endpoint,
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    #[error(transparent)]
    Talk(#[from] TalkError),
}

fn main() -> ExitCode {
    rpc_program::exit("chat_stream_client", run(&CommandLine::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::ERROR);
    let stop = signals::stop().map_err(Failure::Signals)?;
    let (lines, hangup) = Lines::of_standard_input().map_err(Failure::Input)?;
    let (typing, typed) = bounded(0);
    let reader = threads::spawn("typing", move || {
        for line in lines {
            if typing.send(line).is_err() {
                return;
            }
        }
    });
    let outcome = converse(line, &typed, stop.signals());
    // Wherever it waits, the thread that reads ends.
    drop((typed, hangup));
    reader.map_err(Failure::Input)?.join();
    outcome?;
    Ok(ExitCode::SUCCESS)
}

fn converse(line: &CommandLine, typed: &Receiver<String>, stop: &Receiver<Signal>) -> Result<(), TalkError> {
    let Some(user) = ask_name(typed, stop).map_err(TalkError::Output)? else { return Ok(()) };
    let chat = ChatClient::new(Client::connect(line.server.to_string()));
    talk(&chat, &user, typed, stop, &StandardOutput)
}

/// Asks until there is a name; `None` when the program is to end instead.
fn ask_name(typed: &Receiver<String>, stop: &Receiver<Signal>) -> io::Result<Option<String>> {
    loop {
        StandardOutput.show("Digite seu nome: ")?;
        let answer = select! {
            recv(typed) -> line => line.ok(),
            recv(stop) -> _ => None,
        };
        match answer.as_deref().map(str::trim) {
            Some("") => {}
            Some(name) => return Ok(Some(name.to_owned())),
            None => return StandardOutput.show("\n").map(|()| None),
        }
    }
}
