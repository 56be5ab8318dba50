//! The names of users and rooms: shown as typed, compared by their [`NameKey`].

use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use crate::key::NameKey;
use crate::limits::{ROOM_NAME_CHARS, USERNAME_CHARS};
use crate::rules::{NameError, shape, shown};
use crate::wire_text::shared_text;

/// A user's name: 1 to 32 visible characters, not one of those the chat uses itself.
///
/// Equality is that of the letters; whether two names are *one name* is what [`Username::key`] says. A name that came
/// over the wire is held to length and harmless characters only, since its server's Unicode may be newer than ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(Arc<str>);

/// A room's name: 1 to 64 visible characters. As [`Username`], but with no reserved names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Arc<str>);

impl Username {
    /// The names nobody can take, in any spelling that looks alike: the sender of notices, and the word for everybody.
    pub const RESERVED: [&'static str; 2] = ["Sistema", "todos"];

    /// Reads a name as a person typed it: without the blanks around it, in NFC, otherwise as typed.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn parse(typed: &str) -> Result<Username, NameError> {
        let name = shown(typed, USERNAME_CHARS)?;
        static RESERVED: LazyLock<[NameKey; 2]> = LazyLock::new(|| Username::RESERVED.map(NameKey::of));
        let key = NameKey::of(&name);
        if RESERVED.iter().any(|reserved| reserved.clashes_with(&key)) {
            return Err(NameError::Reserved);
        }
        Ok(Username(name.into()))
    }

    /// `Sistema`, which nobody can take: who tells a room what its operator has to say.
    pub fn of_the_chat() -> Username {
        let [system, _] = Username::RESERVED;
        Username(system.into())
    }

    /// What decides whether two names are one.
    pub fn key(&self) -> NameKey {
        NameKey::of(&self.0)
    }
}

impl RoomName {
    /// Reads a name as a person typed it: without the blanks around it, in NFC, otherwise as typed.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn parse(typed: &str) -> Result<RoomName, NameError> {
        Ok(RoomName(shown(typed, ROOM_NAME_CHARS)?.into()))
    }

    /// What decides whether two names are one.
    pub fn key(&self) -> NameKey {
        NameKey::of(&self.0)
    }
}

impl FromStr for Username {
    type Err = NameError;

    fn from_str(typed: &str) -> Result<Username, NameError> {
        Username::parse(typed)
    }
}

impl FromStr for RoomName {
    type Err = NameError;

    fn from_str(typed: &str) -> Result<RoomName, NameError> {
        RoomName::parse(typed)
    }
}

shared_text!(Username, |text: &str| shape(text, USERNAME_CHARS));
shared_text!(RoomName, |text: &str| shape(text, ROOM_NAME_CHARS));

#[cfg(test)]
mod tests;
