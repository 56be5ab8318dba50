//! A sender's conversation with the room, from its registration to its end.

use std::io::{self, BufRead, Write};

use rpc_core::Status;
use thiserror::Error;

use crate::command::Command;
use crate::contract::{Room, TAKEN};

/// Why a conversation broke off.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SenderError {
    /// The room cannot be reached, or refused the call.
    #[error(transparent)]
    Room(#[from] Status),
    /// The commands cannot be read.
    #[error("the commands cannot be read")]
    Input(#[source] io::Error),
    /// The answers cannot be written.
    #[error("the answers cannot be written")]
    Output(#[source] io::Error),
}

/// Whether the conversation goes on.
#[derive(PartialEq, Eq)]
enum Course {
    On,
    Over,
}

/// Registers `id`, then does what the lines of `input` say until `F`, `T` or their end. A taken id ends it at once. Lines
/// that are no command, or no UTF-8, are passed over.
///
/// # Errors
/// [`SenderError`], at the first failure.
pub fn converse<O: Write>(
    room: &impl Room,
    id: &str,
    input: impl BufRead,
    output: &mut O,
) -> Result<(), SenderError> {
    let registered = room.registra_entrada(id.to_owned())?;
    print(output, &format!("{registered}\n"))?;
    if registered == TAKEN {
        return Ok(());
    }
    for line in input.lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
            Err(error) => return Err(SenderError::Input(error)),
        };
        let Some(command) = Command::parse(&line) else { continue };
        if obey(room, command, output)? == Course::Over {
            break;
        }
    }
    Ok(())
}

fn obey<O: Write>(room: &impl Room, command: Command<'_>, output: &mut O) -> Result<Course, SenderError> {
    match command {
        Command::Message { destination, message } => {
            let shown = room.envia(message.to_owned(), destination.to_owned())?;
            print(output, &format!("{shown}\n"))?;
        }
        Command::List => {
            let programs = room.lista()?;
            print(output, &programs.iter().map(|program| format!("{program}\n")).collect::<String>())?;
        }
        Command::Finish => {
            room.finaliza_registro()?;
            return Ok(Course::Over);
        }
        Command::Terminate => {
            room.termina()?;
            return Ok(Course::Over);
        }
    }
    Ok(Course::On)
}

/// Answers are seen at once, also through a pipe.
fn print<O: Write>(output: &mut O, text: &str) -> Result<(), SenderError> {
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(SenderError::Output)
}
