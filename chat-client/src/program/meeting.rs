//! The start: finding the chat, however long that takes.

use std::io::{self, Write};
use std::time::Duration;

use chat_api::{ChatError, Language};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rpc_program::signals::Signal;

use super::ProgramError;
use crate::sanitise;
use crate::session::{ChatSession, Pauses, SessionOptions};

/// A session with every procedure found; `None` if a signal came first.
pub(super) fn meet(
    options: &SessionOptions,
    language: Language,
    stop: &Receiver<Signal>,
) -> Result<Option<ChatSession>, ProgramError> {
    let options = options.clone().with_patience(Duration::ZERO);
    let mut pauses = Pauses::default();
    let mut said = Said::Nothing;
    loop {
        match ChatSession::connect(&options) {
            Ok(session) => return Ok(Some(session)),
            Err(error) if error.code() == "unavailable" => said = said.once(language, &error),
            Err(error) => return Err(ProgramError::Session(error)),
        }
        if stop.recv_timeout(pauses.next()) != Err(RecvTimeoutError::Timeout) {
            return Ok(None);
        }
    }
}

/// Whether a wait was told, on standard error, already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Waiting,
}

impl Said {
    /// Says what is waited for, unless that has been said.
    #[must_use]
    pub(super) fn once(self, language: Language, why: &ChatError) -> Said {
        if self == Said::Nothing {
            let told = language.waiting_for_the_chat(sanitise::one_line(&why.to_string()));
            // Where standard error is closed there is nobody left to tell.
            let _ = writeln!(io::stderr(), "chat-client: {told}");
        }
        Said::Waiting
    }
}
