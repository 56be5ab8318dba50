//! What the command line says, and doing it: serve until a signal.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use binder::{Binders, DEFAULT_ADDRESS, Token, TokenFileError};
use chat_server::{Advertised, ChatServer, LobbyOptions, ServerOptions, StartError};
use clap::Parser;
use clap::builder::BoolishValueParser;
use crossbeam_channel::{Receiver, RecvError, select};
use rpc_program::activation::ActivationError;
use rpc_program::configuration::Configuration;
use rpc_program::listen::{self, Exposure, ListenError};
use rpc_program::papers::{Papers, PapersError};
use rpc_program::signals::Signal;
use rpc_program::supervisor::{self, Word};
use rpc_program::{activation, duration, log, signals};
use thiserror::Error;

/// A chat of many rooms, whose clients find it through a binder.
///
/// Serves until SIGINT or SIGTERM. Rooms, messages and users are kept in memory.
#[derive(Debug, Parser)]
#[command(name = "chat-server", version, after_help = EXAMPLES)]
pub(crate) struct CommandLine {
    /// Listen on an address that other machines reach, unprotected: whoever reaches it may use it
    #[arg(long, env = "CHAT_INSECURE", value_parser = BoolishValueParser::new())]
    insecure: bool,

    /// The binder to register with, or several with commas between them
    #[arg(long, value_name = "ADDR:PORT", env = "CHAT_BINDER", default_value = DEFAULT_ADDRESS)]
    binder: Binders,

    /// A file whose first token opens the binders, where they want one
    #[arg(long, value_name = "FILE", env = "CHAT_BINDER_TOKEN_FILE")]
    binder_token_file: Option<PathBuf>,

    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDR:PORT", env = "CHAT_LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// The address that clients are told to come to, where it is not the one listened on
    #[arg(long, value_name = "ADDR[:PORT]", env = "CHAT_ADVERTISE")]
    advertise: Option<Advertised>,

    /// How long a room stays that nobody is in
    #[arg(long, value_name = "TIME", env = "CHAT_EMPTY_ROOM_AFTER", default_value = "5m", value_parser = time)]
    empty_room_after: Duration,

    /// How long a user stays who is not heard of
    #[arg(long, value_name = "TIME", env = "CHAT_USER_IDLE_AFTER", default_value = "60s", value_parser = time)]
    user_idle_after: Duration,

    #[command(flatten)]
    configuration: Configuration,

    #[command(flatten)]
    papers: Papers,
}

/// Why the program did not do what it was told.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Activation(#[from] ActivationError),
    #[error(transparent)]
    Start(StartError),
    #[error(transparent)]
    Token(#[from] TokenFileError),
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Papers(#[from] PapersError),
}

/// A time that would put out everybody at once.
#[derive(Debug, Error)]
enum TimeError {
    #[error(transparent)]
    Duration(#[from] duration::DurationError),
    #[error("the shortest time is {SHORTEST:?}")]
    TooShort,
}

/// Does what the command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    if line.papers.write::<CommandLine>()? {
        return Ok(ExitCode::SUCCESS);
    }
    serve(line)
}

fn serve(line: CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::INFO);
    let mut sockets = activation::sockets(&["listen"])?;
    let stop = signals::stop().map_err(Failure::Signals)?;
    let exposure = if line.insecure { Exposure::INSECURE } else { Exposure::LOOPBACK };
    let seat = sockets.seat("listen", line.listen);
    listen::check(seat.address(), exposure)?;
    let binder = line.binder.to_string();
    let server = ChatServer::start_on(seat.bind()?, line.options()?)?;
    // The thread of `stop` lives as long as it: this only ends with a signal.
    if let Ok(signal) = stay(&server, &binder, stop.signals()) {
        tracing::info!("stopping: {signal:?}");
    }
    supervisor::tell(Word::Stopping);
    if let Err(still) = server.shutdown(GRACE) {
        tracing::warn!("{still}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal. It is ready when clients can find it: the supervisor starts what needs a chat only then.
fn stay(server: &ChatServer, binder: &str, stop: &Receiver<Signal>) -> Result<Signal, RecvError> {
    supervisor::tell(Word::Waiting(&format!("waiting for the binder at {binder}")));
    select! {
        recv(server.registered()) -> _ => {}
        recv(stop) -> signal => return signal,
    }
    supervisor::tell(Word::Ready(&format!(
        "serving on {}, known to the binder at {binder}",
        server.address()
    )));
    stop.recv()
}

impl CommandLine {
    fn options(self) -> Result<ServerOptions, Failure> {
        let token = self.binder_token_file.as_deref().map(Token::read).transpose()?;
        let lobby = LobbyOptions {
            empty_room_after: self.empty_room_after,
            user_idle_after: self.user_idle_after,
            ..LobbyOptions::default()
        };
        Ok(ServerOptions {
            listen: self.listen,
            binder: self.binder.to_string(),
            token,
            advertise: self.advertise,
            lobby,
            ..ServerOptions::default()
        })
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        match error {
            StartError::Listen { address, source } => Failure::Listen(listen::failed(address, source)),
            other => Failure::Start(other),
        }
    }
}

fn time(text: &str) -> Result<Duration, TimeError> {
    let time = duration::parse(text)?;
    if time < SHORTEST { Err(TimeError::TooShort) } else { Ok(time) }
}

const EXAMPLES: &str = "\
Examples:
  chat-server                        serve this machine, on any free port
  chat-server --listen 0.0.0.0:7000 --insecure --binder 192.0.2.1:5000
                                     serve everyone who reaches this machine
  chat-server --user-idle-after 5m   keep users through long pauses

The log goes to standard error; RUST_LOG=debug shows more of it. Texts of messages are never in it.";

/// How long calls that run are waited for at the end.
const GRACE: Duration = Duration::from_secs(2);

/// The shortest time for rooms and users: below it nobody could answer in time.
const SHORTEST: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn without_a_word_it_serves_this_machine_on_any_port() {
        let options = CommandLine::parse_from(["chat-server"]).options().unwrap();
        assert_eq!(
            (options.listen.to_string().as_str(), options.binder.as_str()),
            ("127.0.0.1:0", DEFAULT_ADDRESS)
        );
        assert_eq!(options.lobby.empty_room_after, Duration::from_secs(300));
        assert_eq!(options.lobby.user_idle_after, Duration::from_secs(60));
        assert_eq!(options.advertise, None);
    }

    #[test]
    fn a_time_has_a_shortest() {
        assert_eq!(time("100ms").unwrap(), SHORTEST);
        assert!(matches!(time("99ms"), Err(TimeError::TooShort)));
        assert!(matches!(time("5"), Err(TimeError::Duration(_))));
    }
}
