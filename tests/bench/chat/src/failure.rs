//! Why a measurement did not come to its end.

use std::io;
use std::path::PathBuf;

use bench_harness::process::{ProcessError, is_interrupted};
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{} has no place for tables: a line `<!-- chats: written by chat-bench -->`, then `<!-- /chats -->`", .file.display())]
    NoMarks { file: PathBuf },
    #[error("interrupted")]
    Interrupted,
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("{server} did not take connections within {seconds} s")]
    NotUp { server: &'static str, seconds: u64 },
    #[error("{who} was refused: {why}")]
    Refused { who: String, why: String },
    #[error("{who} was not answered within {seconds} s at step {step}; heard: {heard}")]
    Unanswered { who: String, step: usize, seconds: u64, heard: String },
    #[error(
        "{who} heard message {number} behind {behind} others, and somebody else did not: lost, doubled or turned round"
    )]
    Disorder { who: String, number: u32, behind: usize },
    #[error("the server ended the connection of {who}; last heard: {heard}")]
    Cut { who: String, heard: String },
    #[error("a message was not with everybody after {seconds} s; the speaker heard: {heard}")]
    Stalled { seconds: u64, heard: String },
}

impl Failure {
    /// Whether somebody wanted the end of it all.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self, Failure::Interrupted | Failure::Process(ProcessError::Interrupted)) || is_interrupted()
    }

    /// With what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let what = what.into();
        move |source| Failure::Io { what, source }
    }
}
