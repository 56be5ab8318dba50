//! Why the program did not do what it was told, and the exit code of that.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use binder::{BinderError, TokenFileError};
use rpc_core::{Code, Json, JsonError, MetadataError, NotJson, Status};
use rpc_program::papers::PapersError;
use rpc_program::tls::TlsFailure;
use thiserror::Error;

use super::gen_cert::CertificateFailure;

/// What ends the program with another code than 0.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("say what to do: `rpc --help` shows what there is")]
    Nothing,
    #[error("{0}")]
    Usage(String),
    /// The procedure's own error.
    #[error("{procedure} failed: {error}")]
    Failed { procedure: String, error: Json },
    /// What a server, or the way to it, said.
    #[error("{what}: {}", in_words(.status))]
    Status { what: String, status: Status },
    #[error("there is no procedure {name:?}{hint}")]
    Unknown { name: String, hint: String },
    #[error("{what}: {}{hint}", in_words(.status))]
    Arguments { what: String, status: Status, hint: String },
    #[error(
        "the binder cannot be asked (start one with `binder`, name another with --binder, or a server with --to)"
    )]
    Binder(#[source] BinderError),
    #[error(transparent)]
    Token(#[from] TokenFileError),
    #[error("the arguments")]
    NotJson(#[from] NotJson),
    #[error("a pair of --metadata")]
    Metadata(#[from] MetadataError),
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    #[error(transparent)]
    Papers(#[from] PapersError),
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    #[error(transparent)]
    Certificate(#[from] CertificateFailure),
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("no further thread can be had")]
    Threads(#[source] io::Error),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    #[error("{failed} of {calls} calls failed")]
    Bench { failed: u64, calls: u64 },
}

impl Failure {
    pub(super) fn of_call(procedure: &str, error: JsonError) -> Failure {
        match error {
            JsonError::Failed(error) => match status_in(&error) {
                Some(status) => Failure::of_status(procedure, status),
                None => Failure::Failed { procedure: procedure.to_owned(), error },
            },
            JsonError::Status(status) => Failure::of_status(procedure, status),
            other => Failure::Usage(other.to_string()),
        }
    }

    pub(super) fn of_status(what: impl Into<String>, status: Status) -> Failure {
        Failure::Status { what: what.into(), status }
    }

    fn code(&self) -> u8 {
        match self {
            Failure::Nothing | Failure::Usage(_) | Failure::NotJson(_) | Failure::Metadata(_) => 2,
            Failure::Binder(_) => 3,
            Failure::Unknown { .. } | Failure::Arguments { .. } => 4,
            Failure::Status { status, .. } => match status.code() {
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => 3,
                _ => 4,
            },
            _ => 1,
        }
    }
}

/// Errors of a procedure's own carry statuses too, as they are or in a variant: `{"Rpc":{"code":14,…}}`.
fn status_in(error: &Json) -> Option<Status> {
    let bare = serde_json::from_str::<Status>(error.as_str());
    let within = || serde_json::from_str::<BTreeMap<String, Status>>(error.as_str()).ok();
    bare.ok().or_else(|| within().filter(|variant| variant.len() == 1)?.into_values().next())
}

/// The status with its code's name.
fn in_words(status: &Status) -> String {
    format!("{}: {}", status.code(), status.message())
}

/// Tells what failed on standard error; the exit code of it.
pub(crate) fn exit(outcome: Result<ExitCode, Failure>) -> ExitCode {
    let code = outcome.as_ref().err().map(Failure::code);
    let told = rpc_program::exit("rpc", outcome);
    match code {
        // A broken pipe is success, whatever it broke.
        Some(code) if told != ExitCode::SUCCESS => ExitCode::from(code),
        _ => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_within_an_error_is_found() {
        let status = r#"{"code":16,"execution":"MayHaveRun","message":"no","details":[]}"#;
        let code = |text: &str| status_in(&text.parse().unwrap()).map(|status| status.code());
        assert_eq!(code(status), Some(Code::Unauthenticated));
        assert_eq!(code(&format!(r#"{{"Rpc":{status}}}"#)), Some(Code::Unauthenticated));
        for other in [r#"{"RoomExists":{"room":"x"}}"#, "\"Empty\"", "{}", "null"] {
            assert_eq!(code(other), None, "{other}");
        }
    }
}
