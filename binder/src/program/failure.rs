//! Why the program did not do what it was told: each failure with what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use binder::{BinderError, RegistrationError, StartError, StateError, StillRegistered, TokenFileError};
use rpc_core::Endpoint;
use rpc_program::activation::ActivationError;
use rpc_program::listen::ListenError;
use rpc_program::metrics::MetricsError;
use rpc_program::papers::PapersError;
use rpc_program::tls::TlsFailure;
use thiserror::Error;

/// What ends the program with code 1.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(
        "other machines could reach {0}, and nothing says who of them may register: say it with --token-file, or with \
         --tls-cert, --tls-key and --tls-client-ca, listen on a loopback address such as 127.0.0.1, or say --insecure"
    )]
    Unprotected(SocketAddr),
    #[error(
        "other machines could reach the page at {0}, and it asks nobody who he is: let --http name a loopback address \
         such as 127.0.0.1:5080, or say --insecure"
    )]
    ExposedPage(SocketAddr),
    #[error(
        "a page asks nobody who he is, and would show to everybody what only some may look up: leave --http out, or say \
         --lookups open"
    )]
    OpenPage,
    #[error(
        "the token file {} names certificates, and nobody is asked for one: say with --tls-client-ca whose count", .0.display()
    )]
    UnaskedCertificates(PathBuf),
    #[error(
        "port {} of {} is taken by another program: end that one, or choose another address with --http (port 0 takes a \
         free one)", .0.port(), .0.ip()
    )]
    TakenPage(SocketAddr),
    #[error("no page can be shown at {0}")]
    Page(SocketAddr, #[source] io::Error),
    #[error(transparent)]
    Activation(#[from] ActivationError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Tls(#[from] TlsFailure),
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
    #[error("the binder at {0}")]
    Of(Endpoint, #[source] Box<Failure>),
    #[error("there is no binder to ask")]
    NoBinder,
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    #[error(
        "nothing is registered for it any more: others have all of its procedures, or an operator removed them"
    )]
    AllLost,
    #[error("not everything is taken out again: {0}")]
    StillRegistered(StillRegistered),
    #[error("{0}: `binder list` shows what is registered")]
    NothingChosen(String),
    #[error(
        "{name} has {count} servers: say which with --instance or --address, or say --all (they are {servers})"
    )]
    Several { name: String, count: usize, servers: String },
    #[error("{count} instances begin with {id}: say more of the one that is meant (they are {candidates})")]
    Ambiguous { id: String, count: usize, candidates: String },
    #[error(
        "{what}: drain such a server and let it end, or say --force to take it out all the same (it is told, and does \
         not register again)"
    )]
    Lives { what: String },
    #[error("{lost} of {count} calls were not answered (`binder stats` and the binder's log may say why)")]
    Unanswered { lost: u32, count: u32 },
    #[error(transparent)]
    Papers(#[from] PapersError),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    #[error("no further thread can be had")]
    Threads(#[source] io::Error),
}

impl Failure {
    /// Whether another binder may do better.
    pub(super) fn is_of_a_binder(&self) -> bool {
        matches!(
            self,
            Failure::Unreachable(..)
                | Failure::Refused(_)
                | Failure::NothingChosen(_)
                | Failure::Several { .. }
                | Failure::Ambiguous { .. }
                | Failure::Lives { .. }
                | Failure::Unanswered { .. }
        )
    }
}
