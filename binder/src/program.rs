//! What the command line says, and who does it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use binder::{
    BinderClient, BinderError, DEFAULT_ADDRESS, LONGEST_LEASE, Lookups, SHORTEST_LEASE, StartError,
    StateError, Token, TokenFileError,
};
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rpc_core::{Client, Endpoint};
use rpc_program::completions::{self, Shell};
use rpc_program::duration::{self, DurationError};
use rpc_program::listen::ListenError;
use thiserror::Error;

mod list;
mod lookup;
mod serve;

/// A name service: servers register their procedures, clients look them up.
///
/// Without a subcommand it serves, until SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "binder", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Serve,

    /// Print a completion script for this shell, and end
    #[arg(long, value_name = "SHELL")]
    completions: Option<Shell>,
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDR:PORT", env = "BINDER_LISTEN", default_value = DEFAULT_ADDRESS)]
    listen: SocketAddr,

    /// Listen on an address that other machines reach, unprotected: whoever reaches it may use it
    #[arg(long, env = "BINDER_INSECURE", value_parser = BoolishValueParser::new())]
    insecure: bool,

    /// How long a server is believed that is not heard of, unless it wishes for another time: 100ms to 5m
    #[arg(long, value_name = "TIME", env = "BINDER_LEASE", default_value = "15s", value_parser = lease)]
    lease: Duration,

    /// Let only those register who have a token of this file. Each line has a token, and behind it what the names begin
    /// with that it allows, or * for all names
    #[arg(long, value_name = "FILE", env = "BINDER_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// Who may look up where there is a token file
    #[arg(long, value_name = "WHO", env = "BINDER_LOOKUPS", default_value = "open", requires = "token_file")]
    lookups: WhoLooksUp,

    /// Keep in this file what is registered, so that it is known at once after a restart
    #[arg(long, value_name = "FILE", env = "BINDER_STATE")]
    state: Option<PathBuf>,

    /// If the state file is damaged, put it aside and start with nothing
    #[arg(long, requires = "state")]
    reset_state: bool,
}

/// Who may look up where there is a token file.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum WhoLooksUp {
    /// Everybody
    Open,
    /// Whoever has any token
    Token,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is registered
    #[command(after_help = list::HELP)]
    List {
        #[command(flatten)]
        ask: Ask,

        /// Print one JSON array instead of a table
        #[arg(long, env = "BINDER_JSON", value_parser = BoolishValueParser::new())]
        json: bool,
    },
    /// Print where a procedure is served, as ADDRESS:PORT
    #[command(after_help = "Example:\n  binder lookup send_message")]
    Lookup {
        /// The procedure's name
        name: String,

        #[command(flatten)]
        ask: Ask,
    },
}

#[derive(Debug, Args)]
struct Ask {
    /// The binder to ask
    #[arg(long, value_name = "ADDR:PORT", env = "BINDER_ADDRESS", default_value = DEFAULT_ADDRESS)]
    binder: Endpoint,

    /// The file with the token for it, if it wants one; the first of the file is sent
    #[arg(long, value_name = "FILE", env = "BINDER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

/// Why the program did not do what it was told.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(
        "other machines could reach {0}, and nothing says who of them may register: say it with --token-file, listen on \
         a loopback address such as 127.0.0.1, or say --insecure"
    )]
    Unprotected(SocketAddr),
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    #[error(transparent)]
    State(StateError),
    #[error(
        "what is registered cannot be read back (--reset-state puts the file aside and starts with nothing; servers that \
         run register again by themselves)"
    )]
    Damaged(#[source] StateError),
    #[error("cannot start")]
    Start(#[source] StartError),
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("the binder at {0} cannot be asked (start one with `binder`, or name another with --binder)")]
    Unreachable(Endpoint, #[source] BinderError),
    #[error(transparent)]
    Refused(BinderError),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
}

/// A lease that is none.
#[derive(Debug, Error)]
enum LeaseError {
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("a lease lasts 100ms at least and 5m at most")]
    Range,
}

fn lease(text: &str) -> Result<Duration, LeaseError> {
    let lease = duration::parse(text)?;
    if (SHORTEST_LEASE..=LONGEST_LEASE).contains(&lease) { Ok(lease) } else { Err(LeaseError::Range) }
}

/// Does what the command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    if let Some(shell) = line.completions {
        completions::write::<CommandLine>(shell)?;
        return Ok(ExitCode::SUCCESS);
    }
    match line.command {
        None => serve::run(&line.serve),
        Some(Command::List { ask, json: false }) => list::table(&ask),
        Some(Command::List { ask, json: true }) => list::json(&ask),
        Some(Command::Lookup { name, ask }) => lookup::run(name, &ask),
    }
}

impl From<WhoLooksUp> for Lookups {
    fn from(who: WhoLooksUp) -> Lookups {
        match who {
            WhoLooksUp::Open => Lookups::Open,
            WhoLooksUp::Token => Lookups::WithToken,
        }
    }
}

impl Ask {
    fn client(&self) -> Result<BinderClient, Failure> {
        let client = Client::connect(self.binder.to_string()).with_deadline(ANSWER_WITHIN);
        let Some(file) = &self.token_file else { return Ok(BinderClient::new(client)) };
        Ok(BinderClient::new(Token::read(file)?.beside(&client)))
    }

    /// The failure that this error of a call is to the user.
    fn failure(&self, error: BinderError) -> Failure {
        match error {
            error @ BinderError::Status(_) => Failure::Unreachable(self.binder.clone(), error),
            error => Failure::Refused(error),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  binder                             serve on 127.0.0.1:5000
  binder --state /var/lib/binder/state
                                     know everything at once after a restart
  binder --listen 0.0.0.0:5000 --token-file tokens
                                     serve other machines, those with a token
  binder list                        show what is registered
  binder lookup send_message         print where a procedure is served

The log goes to standard error; RUST_LOG=debug shows more of it.";

/// How long a binder is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn without_a_word_it_serves_on_the_known_port() {
        let line = CommandLine::parse_from(["binder"]);
        assert!(line.command.is_none());
        assert_eq!(line.serve.listen.to_string(), DEFAULT_ADDRESS);
        assert_eq!(line.serve.lease, binder::DEFAULT_LEASE);
    }

    #[test]
    fn a_lease_has_a_shortest_and_a_longest() {
        assert_eq!(lease("100ms").unwrap(), SHORTEST_LEASE);
        assert_eq!(lease("5m").unwrap(), LONGEST_LEASE);
        for text in ["99ms", "0s", "5m 1s", "300days"] {
            assert!(matches!(lease(text), Err(LeaseError::Range)), "{text}");
        }
        assert!(matches!(lease("15"), Err(LeaseError::Duration(_))));
    }
}
