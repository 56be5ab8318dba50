//! The commands that may want a password: it is asked for where a person sits, and read from a file otherwise.

use chat_api::{ChatError, RoomPassword};
use rpc_core::Status;
use rpc_program::secret;

use super::{ChatEvent, Commands, Dialect, Input, Line, Outcome, joined};
use crate::sanitise;

impl Commands {
    /// Enters a room. A private one is asked the password of when it says that it wants one.
    pub(super) fn join(&mut self, room: &str, input: &mut Input) -> Outcome {
        match self.enter(room, None) {
            Err(needed @ ChatError::PasswordNeeded { .. }) => match self.password(room, input)? {
                Some(password) => self.enter(room, Some(&password)),
                None => Err(needed),
            },
            outcome => outcome,
        }
    }

    fn enter(&self, room: &str, password: Option<&RoomPassword>) -> Outcome {
        let announce = |entry: &_| self.tell(joined(entry));
        self.session.join_announced(room, password, announce).map(|_| None)
    }

    pub(super) fn create_private(&mut self, room: &str, limit: Option<u32>, input: &mut Input) -> Outcome {
        let Some(password) = self.password(room, input)? else {
            let why = match input.dialect() {
                Dialect::Script => self.language.password_file_needed(),
                Dialect::Terminal => self.language.no_password_no_room(),
            };
            return Err(Status::invalid_argument(why).into());
        };
        let room = self.session.create_private(room, &password, limit)?;
        Ok(Some(ChatEvent::RoomCreated { room }))
    }

    /// What the user says is the password; nothing if he says nothing, and from a script without a file for it.
    fn password(&self, room: &str, input: &mut Input) -> Result<Option<RoomPassword>, ChatError> {
        let typed = match &self.user.password_file {
            Some(file) => secret::read(file).map_err(|error| {
                let why =
                    std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
                Status::invalid_argument(format!("{error}{why}"))
            })?,
            None if input.dialect() == Dialect::Script => return Ok(None),
            None => match input.ask_secret(&self.language.ask_password(sanitise::one_line(room))) {
                Line::Text(typed) if typed.is_empty() => return Ok(None),
                Line::Text(typed) => typed,
                Line::End => return Ok(None),
            },
        };
        Ok(Some(RoomPassword::parse(&typed)?))
    }
}
