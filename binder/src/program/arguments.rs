//! The command line: what may be said, and what stands for what is not said.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use binder::{DEFAULT_ADDRESS, LONGEST_LEASE, Lookups, SHORTEST_LEASE, SHORTEST_WISH};
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rpc_core::{Endpoint, EndpointError};
use rpc_program::configuration::Configuration;
use rpc_program::duration::{self, DurationError};
use rpc_program::listen;
use rpc_program::metrics::{MetricsPort, Variable};
use rpc_program::papers::Papers;
use rpc_program::tls::ServerFiles;
use thiserror::Error;

use super::{doctor, drain, list, lookup, ping, register, remove, stats, watch};

/// A name service: servers register their procedures, clients look them up.
///
/// Without a subcommand it serves, until SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "binder", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) serve: Serve,

    #[command(flatten)]
    pub(super) papers: Papers,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve, as without a subcommand
    #[command(after_help = EXAMPLES_OF_SERVING)]
    Serve(Serve),
    /// Show what is registered
    #[command(after_help = list::HELP)]
    List(list::Arguments),
    /// Print where a procedure is served, as ADDRESS:PORT
    #[command(after_help = lookup::HELP)]
    Lookup(lookup::Arguments),
    /// Show what is registered, and then each change as it happens
    #[command(after_help = watch::HELP)]
    Watch(watch::Arguments),
    /// Keep procedures of another program registered, until SIGINT or SIGTERM
    #[command(after_help = register::HELP)]
    Register(register::Arguments),
    /// Send no more callers to a server that is about to end
    #[command(after_help = drain::HELP)]
    Drain(drain::Arguments),
    /// Take out registrations whose servers are gone
    #[command(after_help = remove::HELP)]
    Remove(remove::Arguments),
    /// Measure how long the binder takes to answer
    #[command(after_help = ping::HELP)]
    Ping(ping::Arguments),
    /// Show how much the binder holds, and how it is
    #[command(after_help = stats::HELP)]
    Stats(stats::Arguments),
    /// Connect to every registered server, and say what is wrong and what to do
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::Arguments),
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDR:PORT", env = "BINDER_LISTEN", default_value = DEFAULT_ADDRESS, value_parser = listen::address)]
    pub(super) listen: SocketAddr,

    /// Listen on an address that other machines reach, unprotected: whoever reaches it may use it
    #[arg(long, env = "BINDER_INSECURE", value_parser = BoolishValueParser::new())]
    pub(super) insecure: bool,

    /// How long a server is believed that is not heard of, unless it wishes for another time: 100ms to 5m
    #[arg(long, value_name = "TIME", env = "BINDER_LEASE", default_value = "15s", value_parser = lease)]
    pub(super) lease: Duration,

    /// Let only those register who have a token of this file. Each line has a token, and behind it what the names begin
    /// with that it allows, or * for all names. With --tls-client-ca a line may have the word certificate and a name in the
    /// certificate (common name, DNS name or URI) instead of a token
    #[arg(long, value_name = "FILE", env = "BINDER_TOKEN_FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Who may look up: with --tls-client-ca, unless something else is said, who has a certificate; everybody otherwise
    #[arg(long, value_name = "WHO", env = "BINDER_LOOKUPS", requires_ifs = [("token", "token_file"), ("certificate", "tls_client_ca")])]
    pub(super) lookups: Option<WhoLooksUp>,

    /// Keep in this file what is registered, so that it is known at once after a restart
    #[arg(long, value_name = "FILE", env = "BINDER_STATE")]
    pub(super) state: Option<PathBuf>,

    /// Show a page there for browsers, with /metrics and /healthz
    #[arg(long, value_name = "ADDR:PORT", env = "BINDER_HTTP", value_parser = listen::address)]
    pub(super) http: Option<SocketAddr>,

    #[command(flatten)]
    pub(super) metrics: MetricsPort<Own>,

    /// If the state file is damaged, put it aside and start with nothing
    #[arg(long, requires = "state")]
    pub(super) reset_state: bool,

    #[command(flatten)]
    pub(super) tls: ServerFiles<Own>,

    #[command(flatten)]
    pub(super) configuration: Configuration,
}

/// Whose variables of the environment count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own;

impl Variable for Own {
    const METRICS: &'static str = "BINDER_METRICS";
}

rpc_program::tls_variables!(Own, "BINDER");

/// Who may look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WhoLooksUp {
    /// Everybody, with --tls-client-ca too who has no certificate
    Open,
    /// Whoever has a certificate of --tls-client-ca
    Certificate,
    /// Whoever has a token of --token-file, or a certificate that it names
    Token,
}

/// A lease that is none.
#[derive(Debug, Error)]
pub(super) enum LeaseError {
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("a lease lasts 100ms at least and 5m at most")]
    Range,
    #[error("a lease that is wished for lasts 2s at least and 5m at most")]
    Wish,
}

/// A place where no server can be registered.
#[derive(Debug, Error)]
pub(super) enum PlaceError {
    #[error("expected HOST:PORT, for example 10.0.0.7:4000 or [fd00::7]:4000")]
    Malformed(#[from] EndpointError),
    #[error("a server is registered by its host and port: a Unix socket is reached on its own machine only")]
    Unix,
}

/// A pair of metadata that is none.
#[derive(Debug, Error)]
#[error("expected KEY=VALUE, for example zone=a")]
pub(super) struct PairError;

pub(super) fn lease(text: &str) -> Result<Duration, LeaseError> {
    let lease = duration::parse(text)?;
    if (SHORTEST_LEASE..=LONGEST_LEASE).contains(&lease) { Ok(lease) } else { Err(LeaseError::Range) }
}

/// A lease that a server wishes for: the binder's own may be shorter.
pub(super) fn wish(text: &str) -> Result<Duration, LeaseError> {
    let lease = duration::parse(text)?;
    if (SHORTEST_WISH..=LONGEST_LEASE).contains(&lease) { Ok(lease) } else { Err(LeaseError::Wish) }
}

/// The place of a server, which others must reach.
pub(super) fn place(text: &str) -> Result<Endpoint, PlaceError> {
    let place: Endpoint = text.parse()?;
    if place.path().is_some() { Err(PlaceError::Unix) } else { Ok(place) }
}

/// One pair of metadata, for clap's `value_parser`.
pub(super) fn pair(text: &str) -> Result<(String, String), PairError> {
    let (key, value) = text.split_once('=').ok_or(PairError)?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Of a key that was given twice the last value counts, as with every other option.
pub(super) fn metadata(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    pairs.iter().cloned().collect()
}

impl From<WhoLooksUp> for Lookups {
    fn from(who: WhoLooksUp) -> Lookups {
        match who {
            WhoLooksUp::Open => Lookups::Open,
            WhoLooksUp::Certificate => Lookups::WithCertificate,
            WhoLooksUp::Token => Lookups::WithToken,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  binder                             serve on 127.0.0.1:5000
  binder list                        show what is registered
  binder lookup send_message         print where a procedure is served
  binder watch                       show changes as they happen
  binder doctor                      say what is wrong, and what to do

`binder serve --help` has more about serving, `binder COMMAND --help` about the others. Exit codes: 0 done, 1 refused or \
failed, 2 a wrong command line. The log goes to standard error; RUST_LOG=debug shows more of it. NO_COLOR turns colours \
off.";

const EXAMPLES_OF_SERVING: &str = "\
Examples:
  binder serve                       on 127.0.0.1:5000
  binder serve --state /var/lib/binder/state
  binder serve --listen 0.0.0.0:5000 --token-file tokens
  binder serve --http 127.0.0.1:5080
  binder serve --listen 0.0.0.0:5000 --tls-cert binder.pem --tls-key binder.key --tls-client-ca ca.pem

With --state everything is known at once after a restart. With --token-file other machines may be served: those that have \
a token; over TLS with --tls-client-ca those that have a certificate; with both, those that have both. A certificate that \
the token file names needs no token:
  certificate sums.internal sum
It may register what begins with one of the words behind its name. Without a token file every certificate may register \
every name. SIGHUP reads the certificates again. With --http a browser shows what is registered, at \
http://127.0.0.1:5080/ here; /metrics there is for Prometheus. A page shows to everybody what is registered, and goes with \
open lookups only.";

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
        assert_eq!(wish("2s").unwrap(), SHORTEST_WISH);
        assert!(matches!(wish("1s 999ms"), Err(LeaseError::Wish)));
    }

    #[test]
    fn metadata_is_a_key_and_a_value() {
        assert_eq!(pair("zone=a=b").unwrap(), ("zone".to_owned(), "a=b".to_owned()));
        assert_eq!(pair("zone=").unwrap(), ("zone".to_owned(), String::new()));
        assert!(pair("zone").is_err());
    }
}
