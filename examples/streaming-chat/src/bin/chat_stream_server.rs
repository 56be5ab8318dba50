//! `chat_stream_server`: passes on what each client says to all, and logs it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use crossbeam_channel::{Receiver, bounded, select};
use rpc_program::signals::{self, Signal};
use rpc_program::{listen, log};
use streaming_chat::circle::Circle;
use thiserror::Error;

/// A chat without rooms: what one client says, all clients hear
#[derive(Debug, Parser)]
#[command(name = "chat_stream_server", version)]
struct CommandLine {
    /// Where it listens, on all interfaces; 0 takes a free one
    #[arg(default_value_t = 50051)]
    port: u16,
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    #[error("cannot listen on port {0}")]
    Listen(u16, #[source] io::Error),
    #[error("cannot print")]
    Output(#[source] io::Error),
}

/// How long clients may take to leave at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Lines of the log that may wait to be printed; further ones are left out.
const LOG: usize = 1024;

fn main() -> ExitCode {
    rpc_program::exit("chat_stream_server", run(&CommandLine::parse()))
}

fn run(&CommandLine { port }: &CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::WARN);
    let stop = signals::stop().map_err(Failure::Signals)?;
    let (log, lines) = bounded(LOG);
    let circle = Circle::open(log).map_err(Failure::Thread)?;
    let server = circle.server().bind(&listen::everywhere(port)[..]);
    let server = server.map_err(|error| Failure::Listen(port, error))?;
    let begun = format!("Servidor gRPC rodando em porta {}...", server.address().port());
    let printed = print(&begun).and_then(|()| print_until(&lines, stop.signals()));
    circle.close();
    server.shutdown(GRACE).ok();
    drop(circle);
    // What was said until the end: nobody adds to it any more.
    printed.and_then(|()| lines.iter().try_for_each(|line| print(&line))).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn print_until(lines: &Receiver<String>, stop: &Receiver<Signal>) -> io::Result<()> {
    loop {
        select! {
            recv(lines) -> line => match line {
                Ok(line) => print(&line)?,
                Err(_) => return Ok(()),
            },
            recv(stop) -> _ => return Ok(()),
        }
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
