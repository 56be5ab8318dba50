//! How a program ends: an exit code, and one line on standard error when something failed.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::iter::successors;
use std::process::ExitCode;

use crate::terminal::is_harmful;

/// The exit code of `outcome`; an error is told on standard error as `name: what failed: why: why`, and its code is 1.
///
/// A broken pipe anywhere among the causes is success: whoever reads our output has seen enough.
pub fn exit<E: Into<Box<dyn Error>>>(name: &str, outcome: Result<ExitCode, E>) -> ExitCode {
    let error: Box<dyn Error> = match outcome {
        Ok(code) => return code,
        Err(error) => error.into(),
    };
    if causes(&*error).any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    // Where standard error is closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{}", line(name, &*error));
    ExitCode::FAILURE
}

/// An error and its causes in one line, as [`exit`] tells it, without anything that is [harmful](is_harmful) to a terminal.
pub fn line(name: &str, error: &(dyn Error + 'static)) -> String {
    let mut line = name.to_owned();
    for cause in causes(error) {
        // Writing to a String cannot fail.
        let _ = write!(line, ": {cause}");
    }
    // A cause may quote what a peer sent: it shall not move the cursor, turn the writing round, nor look like a second line.
    line.replace(is_harmful, " ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&cause| cause.source())
}

fn is_broken_pipe(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the list cannot be written")]
    struct Outer(#[source] io::Error);

    #[test]
    fn an_error_is_one_line_of_its_causes() {
        let error = Outer(io::Error::other("the disk\nis full"));
        assert_eq!(line("binder", &error), "binder: the list cannot be written: the disk is full");
        assert_eq!(exit("binder", Err(error)), ExitCode::FAILURE);
    }

    /// Only control characters were taken out: a hostile server's message could turn the line round.
    #[test]
    fn what_a_peer_says_turns_no_line_round() {
        let error = io::Error::other("no\u{202e}\u{2066}\u{9b}2J such room");
        assert_eq!(line("rpc", &error), "rpc: no   2J such room");
    }

    #[test]
    fn a_broken_pipe_is_success_wherever_it_stands() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(exit("binder", Err(pipe())), ExitCode::SUCCESS);
        assert_eq!(exit("binder", Err(Outer(pipe()))), ExitCode::SUCCESS);
    }

    #[test]
    fn a_code_passes_through() {
        assert_eq!(exit("binder", Ok::<_, io::Error>(ExitCode::from(2))), ExitCode::from(2));
    }
}
