//! What both clients share: commands come in as lines, numbers go out as lines.

use std::io::{self, BufRead};

use rpc_core::Status;
use thiserror::Error;

/// Why a client broke off.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// A server cannot be reached, or refused the call.
    #[error(transparent)]
    Call(#[from] Status),
    /// The commands cannot be read.
    #[error("the commands cannot be read")]
    Input(#[source] io::Error),
    /// The answers cannot be written.
    #[error("the answers cannot be written")]
    Output(#[source] io::Error),
}

/// Whether a client goes on after a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Course {
    On,
    Over,
}

/// Obeys each line until one says that it is over, or the input ends. Lines that are no UTF-8 are passed over.
pub(crate) fn each_line(
    input: impl BufRead,
    mut obey: impl FnMut(&str) -> Result<Course, ConversationError>,
) -> Result<(), ConversationError> {
    for line in input.lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
            Err(error) => return Err(ConversationError::Input(error)),
        };
        if obey(&line)? == Course::Over {
            break;
        }
    }
    Ok(())
}

/// Prints an answer.
pub(crate) fn tell(print: impl Fn(&str) -> io::Result<()>, answer: i64) -> Result<(), ConversationError> {
    print(&format!("{answer}\n")).map_err(ConversationError::Output)
}
