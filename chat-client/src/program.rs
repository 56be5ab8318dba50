//! The `chat-client` program, as a function that other programs can call.
//!
//! Owns the threads: the one that called waits for the end or a stop signal, `chat-commands` reads lines and runs them one
//! after the other, `chat-printer` shows events. Everything that is printed goes through the session's one channel of
//! events, so that it stands in the order in which it happened.
//!
//! ```text
//! standard input ─► chat-commands ─► session ─┐ outcomes
//!                                   listener ─┴► events ─► chat-printer ─► standard output
//! ```

mod arguments;
mod commands;
mod input;
mod login;
mod meeting;
mod printer;
mod terminal;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rpc_core::threads;
use rpc_program::signals::Signal;
use thiserror::Error;

pub use arguments::{CommandLine, UserArguments};

use crate::command::Dialect;
use crate::session::{ChatSession, SessionOptions};
use commands::{Commands, Ending};
use input::{Input, Interruption};
use printer::Printer;

/// Why the program could not do its work. Refused commands are events, not errors.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The machine allows no further thread, or no further descriptor.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// Standard output takes nothing any more.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The session could not be made.
    #[error("cannot open a session")]
    Session(#[source] chat_api::ChatError),
}

/// Chats until the end of standard input, `/quit`, a signal, or the end of the chat itself.
///
/// A binder or a chat server that is not there yet is waited for. Standard input and output are the process' own. The code
/// is 0 for a signal and for a terminal, and 1 for a script in which a command failed, or that was cut short by the chat's end.
///
/// # Errors
/// [`ProgramError`]; a broken pipe at standard output is among them, and counts as success for
/// [`rpc_program::exit`].
pub fn run(
    options: &SessionOptions,
    user: &UserArguments,
    stop: &Receiver<Signal>,
) -> Result<ExitCode, ProgramError> {
    if let Some(refused) = commands::refuse_name(user).map_err(ProgramError::Output)? {
        return Ok(refused);
    }
    let options = match Input::dialect_of(user) {
        Dialect::Script => options.clone(),
        // Until a command is over no line can be typed.
        Dialect::Terminal => options.clone().with_deadline(PATIENCE_OF_A_PERSON),
    };
    let Some(session) = meeting::meet(&options, user.language(), stop)? else { return Ok(ExitCode::SUCCESS) };
    let session = Arc::new(session);
    let (input, output, interruption) = Input::open(user).map_err(ProgramError::Start)?;
    let printer = Printer::start(session.events(), output, user.language()).map_err(ProgramError::Start)?;
    let (sender, ended) = crossbeam_channel::bounded(1);
    let commands = Commands::new(session.clone(), user.clone(), printer.known());
    let thread = threads::spawn("chat-commands", move || report(&sender, commands.run(input)))
        .map_err(ProgramError::Start)?;
    let ending = wait(&session, &ended, stop, &printer, interruption);
    thread.join();
    drop(session);
    printer.join(stop).map_err(ProgramError::Output)?;
    match ending {
        Ending::Failed => Ok(ExitCode::FAILURE),
        Ending::Done | Ending::Stopped => Ok(ExitCode::SUCCESS),
        // A person has read why. A script was not run to its end.
        Ending::Deserted if Input::dialect_of(user) == Dialect::Terminal => Ok(ExitCode::SUCCESS),
        Ending::Deserted => Ok(ExitCode::FAILURE),
        Ending::Unprintable(error) => Err(ProgramError::Output(error)),
    }
}

fn report(ended: &Sender<Ending>, ending: Ending) {
    // Nobody receives it when something else came first.
    let _ = ended.try_send(ending);
}

/// Waits until the commands have ended, and ends them when there is a reason to.
fn wait(
    session: &ChatSession,
    ended: &Receiver<Ending>,
    stop: &Receiver<Signal>,
    printer: &Printer,
    interruption: Interruption,
) -> Ending {
    let ending = crossbeam_channel::select! {
        recv(ended) -> ending => return ending.unwrap_or(Ending::Failed),
        recv(stop) -> _ => Ending::Stopped,
        recv(session.ended()) -> _ => Ending::Deserted,
        recv(printer.broken()) -> error => error.map_or(Ending::Stopped, Ending::Unprintable),
    };
    printer.hurry();
    session.interrupt();
    interruption.interrupt_until(ended);
    ending
}

/// How long a person at a terminal waits for the outcome of a command.
const PATIENCE_OF_A_PERSON: Duration = Duration::from_secs(10);
