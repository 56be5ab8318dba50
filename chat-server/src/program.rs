//! What the command line says, and doing it: serve until a signal.

mod admin;
mod console;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use binder::{Binders, DEFAULT_ADDRESS, Token, TokenFileError, Tokens};
use chat_api::Language;
use chat_server::{Advertised, ChatServer, LobbyOptions, Operators, ServerOptions, StartError};
use clap::builder::BoolishValueParser;
use clap::{Parser, Subcommand};
use crossbeam_channel::{Receiver, never, select};
use rpc_program::activation::ActivationError;
use rpc_program::configuration::Configuration;
use rpc_program::listen::{self, Exposure, ListenError};
use rpc_program::metrics::{MetricsError, MetricsPort, Variable};
use rpc_program::papers::{Papers, PapersError};
use rpc_program::signals::Signal;
use rpc_program::supervisor::{self, Word};
use rpc_program::tls::{PeerFiles, Reloader, TlsFailure};
use rpc_program::{activation, duration, log, signals};
use thiserror::Error;

use admin::{AdminError, AdminLine};
use console::{Attended, Desk, Ending};

/// A chat of many rooms, whose clients find it through a binder.
///
/// Serves until SIGINT or SIGTERM. Rooms, messages and users are kept in memory.
#[derive(Debug, Parser)]
#[command(name = "chat-server", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    /// Show a menu, and take an operator's commands from standard input while serving
    #[arg(long)]
    console: bool,

    /// A file with the tokens of those who may run the chat with `chat-server admin`; without it, whoever is on this machine
    /// while the server listens on loopback, and nobody otherwise
    #[arg(long, value_name = "FILE", env = "CHAT_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,

    /// The console's language, en or pt-BR; otherwise what LC_ALL, LC_MESSAGES or LANG says
    #[arg(long, env = "CHAT_LANG")]
    lang: Option<Language>,

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
    #[arg(long, value_name = "ADDR:PORT", env = "CHAT_LISTEN", default_value = "127.0.0.1:0", value_parser = listen::address)]
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

    /// What the histories of all rooms take together at most, as in 64M or 2G: above it the rooms that were used longest ago
    /// forget first
    #[arg(long, value_name = "SIZE", env = "CHAT_HISTORY_BYTES", default_value = "512M", value_parser = size)]
    history_bytes: usize,

    #[command(flatten)]
    metrics: MetricsPort<Own>,

    #[command(flatten)]
    tls: PeerFiles<Own>,

    #[command(flatten)]
    configuration: Configuration,

    #[command(flatten)]
    papers: Papers,
}

/// Whose variables of the environment count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Own;

impl Variable for Own {
    const METRICS: &'static str = "CHAT_METRICS";
}

#[derive(Debug, Subcommand)]
enum Command {
    Admin(AdminLine),
}

rpc_program::tls_variables!(Own, "CHAT");

/// Why the program did not do what it was told.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Activation(#[from] ActivationError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Start(StartError),
    #[error(transparent)]
    Token(#[from] TokenFileError),
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    #[error(
        "other machines could reach {0}, and nothing protects what is served there: serve over TLS with --tls-cert and \
         --tls-key, listen on a loopback address such as 127.0.0.1, or say --insecure"
    )]
    Unprotected(SocketAddr),
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Papers(#[from] PapersError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("cannot open the console")]
    Console(#[source] io::Error),
}

/// Why the server ends.
enum Why {
    Signal(Signal),
    Console(Ending),
}

/// A time that would put out everybody at once.
#[derive(Debug, Error)]
enum TimeError {
    #[error(transparent)]
    Duration(#[from] duration::DurationError),
    #[error("the shortest time is {SHORTEST:?}")]
    TooShort,
}

/// A text that is no size of memory for histories.
#[derive(Debug, Error)]
enum SizeError {
    #[error("a size is a number of bytes, or one with K, M or G behind it")]
    Unreadable,
    #[error("the smallest size is 64K")]
    TooSmall,
}

/// Does what the command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    if line.papers.write::<CommandLine>()? {
        return Ok(ExitCode::SUCCESS);
    }
    match line.command {
        Some(Command::Admin(line)) => Ok(admin::run(line)?),
        None => serve(line),
    }
}

fn serve(line: CommandLine) -> Result<ExitCode, Failure> {
    let language = Language::chosen(line.lang, |name| std::env::var(name).ok());
    let desk = line.console.then(Desk::open).transpose().map_err(Failure::Console)?;
    log::init(log::LevelFilter::INFO);
    let mut sockets = activation::sockets(&["listen"])?;
    let stop = signals::stop().map_err(Failure::Signals)?;
    let seat = sockets.seat("listen", line.listen);
    let exposure = if line.insecure { Exposure::INSECURE } else { Exposure::LOOPBACK };
    let port = line.metrics.clone();
    port.check(exposure)?;
    let (binder, options) = (line.binder.to_string(), line.options()?);
    if options.tls.is_none() {
        listen::check(seat.address(), exposure).map_err(|_| Failure::Unprotected(seat.address()))?;
    }
    let reloader = Reloader::start(options.tls.as_ref(), options.binder_tls.as_ref());
    let _reloader = reloader.map_err(Failure::Signals)?;
    let server = ChatServer::start_on(seat.bind()?, options)?;
    let meter = server.meter();
    let metrics = port.open(exposure, move || meter.read())?;
    let console =
        desk.map(|desk| desk.attend(server.admin(), language)).transpose().map_err(Failure::Console)?;
    let why = stay(&server, &binder, stop.signals(), console.as_ref().map(Attended::ended));
    if matches!(why, Why::Console(Ending::Quit)) {
        server.end();
    }
    let interrupted = matches!(why, Why::Signal(Signal::Interrupt) | Why::Console(Ending::Interrupted));
    if let Some(console) = console.as_ref().filter(|_| interrupted) {
        console.say_last(&language.interrupted());
    }
    drop(console);
    if let Why::Signal(signal) = why {
        tracing::info!("stopping: {signal:?}");
    }
    supervisor::tell(Word::Stopping);
    drop(metrics);
    if let Err(still) = server.shutdown(GRACE) {
        tracing::warn!("{still}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal, or until the console ends it. It is ready when clients can find it: the supervisor starts what
/// needs a chat only then.
fn stay(
    server: &ChatServer,
    binder: &str,
    stop: &Receiver<Signal>,
    console: Option<&Receiver<Ending>>,
) -> Why {
    supervisor::tell(Word::Waiting(format!("waiting for the binder at {binder}")));
    let mut registered = server.registered();
    let mut console = console.cloned().unwrap_or_else(never);
    loop {
        select! {
            recv(registered) -> _ => {
                supervisor::tell(Word::Ready(format!(
                    "serving on {}, known to the binder at {binder}",
                    server.address()
                )));
                registered = never();
            }
            // The thread of `stop` lives as long as it.
            recv(stop) -> signal => return Why::Signal(signal.unwrap_or(Signal::Terminate)),
            recv(console) -> ending => match ending {
                Ok(Ending::Closed) | Err(_) => console = never(),
                Ok(ending) => return Why::Console(ending),
            },
        }
    }
}

impl CommandLine {
    fn options(self) -> Result<ServerOptions, Failure> {
        let token = self.binder_token_file.as_deref().map(Token::read).transpose()?;
        let operators = match self.admin_token_file.as_deref() {
            Some(file) => Operators::WithToken(Tokens::read(file)?),
            None => Operators::OnThisMachine,
        };
        let lobby = LobbyOptions {
            empty_room_after: self.empty_room_after,
            user_idle_after: self.user_idle_after,
            history_bytes: self.history_bytes,
            ..LobbyOptions::default()
        };
        Ok(ServerOptions {
            listen: self.listen,
            binder: self.binder.to_string(),
            token,
            tls: self.tls.server()?,
            binder_tls: self.tls.client()?,
            advertise: self.advertise,
            operators,
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

/// Reads `1048576`, `64M`, `64MiB` or `2G`.
fn size(text: &str) -> Result<usize, SizeError> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(SizeError::Unreadable),
    };
    let number: usize = digits.parse().map_err(|_| SizeError::Unreadable)?;
    let size = number.checked_mul(unit).ok_or(SizeError::Unreadable)?;
    if size < SMALLEST { Err(SizeError::TooSmall) } else { Ok(size) }
}

const EXAMPLES: &str = "\
Examples:
  chat-server                        serve this machine, on any free port
  chat-server --listen 0.0.0.0:7000 --insecure --binder 192.0.2.1:5000
                                     serve everyone who reaches this machine
  chat-server --listen 0.0.0.0:7000 --tls-cert chat.pem --tls-key chat.key --tls-ca ca.pem --binder names.example:5000
                                     the same over TLS, to the binder too
  chat-server --user-idle-after 5m   keep users through long pauses
  chat-server --console --lang pt-BR with a menu for its operator
  chat-server admin list             what another one serves; `chat-server admin --help`

The log goes to standard error; RUST_LOG=debug shows more of it. Texts of messages are never in it.";

/// Below it not even the last messages of one room would be kept.
const SMALLEST: usize = 64 << 10;

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
    fn a_size_is_read_with_its_unit_and_has_a_smallest() {
        assert_eq!(size("65536").unwrap(), SMALLEST);
        assert_eq!(
            (size("64k").unwrap(), size("3MiB").unwrap(), size("2G").unwrap()),
            (64 << 10, 3 << 20, 2 << 30)
        );
        assert!(matches!(size("65535"), Err(SizeError::TooSmall)));
        for text in ["", "M", "-1", "1.5G", "12 M", "99999999999G", "1T", "64é"] {
            assert!(matches!(size(text), Err(SizeError::Unreadable)), "{text}");
        }
    }

    #[test]
    fn a_time_has_a_shortest() {
        assert_eq!(time("100ms").unwrap(), SHORTEST);
        assert!(matches!(time("99ms"), Err(TimeError::TooShort)));
        assert!(matches!(time("5"), Err(TimeError::Duration(_))));
    }
}
