//! Binder, chat server and terminal client in one terminal.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use binder::BinderServer;
use chat_client::SessionOptions;
use chat_client::program::{self, ProgramError, UserArguments};
use chat_server::{ChatServer, ServerOptions, StartError};
use clap::Parser;
use clap::builder::BoolishValueParser;
use rpc_program::listen::{self, Exposure, ListenError};
use rpc_program::{log, signals};
use thiserror::Error;

/// Chat in one terminal: starts a binder, a chat server and a client, and ends them together
///
/// Others join with `chat-client`. With a pipe as standard input, or with --json, it runs the script and ends with the
/// client's exit code.
#[derive(Debug, Parser)]
#[command(name = "quickstart", version, after_help = EXAMPLES)]
struct CommandLine {
    /// Where the binder listens; if the port is taken, any free one
    #[arg(long, value_name = "ADDR:PORT", env = "BINDER_LISTEN", default_value = binder::DEFAULT_ADDRESS)]
    listen: SocketAddr,

    /// Let other machines join, unprotected: with --listen 0.0.0.0:5000
    #[arg(long, env = "CHAT_INSECURE", value_parser = BoolishValueParser::new())]
    insecure: bool,

    #[command(flatten)]
    user: UserArguments,
}

const EXAMPLES: &str = "\
Examples:
  quickstart --username ana
  printf '/create rust\\n/join rust\\nhello\\n' | quickstart --username ana --json
  quickstart --listen 0.0.0.0:5000 --insecure      others join with chat-client --binder THIS-MACHINE:5000";

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the chat server did not start")]
    Server(#[from] StartError),
    #[error(transparent)]
    Client(#[from] ProgramError),
}

/// How long the server may take to be known to the binder beside it.
const REGISTERED: Duration = Duration::from_secs(5);

/// How long the servers wait for calls that run when the client has ended.
const GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    rpc_program::exit("quickstart", run(&rpc_program::arguments::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, Failure> {
    // The terminal belongs to the chat: what the servers log would be written into the line being typed.
    log::init(log::LevelFilter::ERROR);
    let stop = signals::stop_with_terminal().map_err(Failure::Signals)?;
    let binder = start_binder(line)?;
    let server = start_server(line, &binder)?;
    let asked = reachable(binder.address());
    // The client waits, and says why, for what is not there by then.
    server.wait_registered(REGISTERED).ok();
    tell(line, &binder, &server);
    let outcome = program::run(&SessionOptions::new(asked.to_string()), &line.user, stop.signals());
    // In order: the server leaves the binder, then the binder goes. A call that would not end is logged there.
    server.shutdown(GRACE).ok();
    binder.shutdown(GRACE).ok();
    Ok(outcome?)
}

/// On the address asked for, or on a free port of the same if that is taken.
fn start_binder(line: &CommandLine) -> Result<BinderServer, ListenError> {
    let exposure = if line.insecure { Exposure::INSECURE } else { Exposure::LOOPBACK };
    listen::check(line.listen, exposure)?;
    match BinderServer::start(line.listen) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            say(&format!(
                "Port {} is taken, perhaps by another binder; taking a free one.",
                line.listen.port()
            ));
            let free = SocketAddr::new(line.listen.ip(), 0);
            BinderServer::start(free).map_err(|error| listen::failed(free, error))
        }
        other => other.map_err(|error| listen::failed(line.listen, error)),
    }
}

fn start_server(line: &CommandLine, binder: &BinderServer) -> Result<ChatServer, StartError> {
    let listen = SocketAddr::new(line.listen.ip(), 0);
    let binder = reachable(binder.address()).to_string();
    ChatServer::start(ServerOptions { listen, binder, ..ServerOptions::default() })
}

/// How this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

/// What runs where, and how to join. On standard error, so that a script's output stays its own.
fn tell(line: &CommandLine, binder: &BinderServer, server: &ChatServer) {
    let address = binder.address();
    say(&format!("The binder listens on {address}, the chat server on {}.", server.address()));
    let option = if address.to_string() == binder::DEFAULT_ADDRESS {
        String::new()
    } else if address.ip().is_unspecified() {
        format!(" -- --binder THIS-MACHINE:{}", address.port())
    } else {
        format!(" -- --binder {address}")
    };
    say("Join from a second terminal:");
    say(&format!("    cargo run --release --bin chat-client{option}"));
    if !line.user.json {
        say("/create rust makes a room, /join rust enters it.");
        say("/help tells the rest, /quit ends everything.");
    }
}

#[expect(clippy::print_stderr, reason = "a program's words to the person who started it")]
fn say(sentence: &str) {
    eprintln!("{sentence}");
}
