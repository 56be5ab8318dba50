//! The password of a private room.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::language::Language;
use crate::limits::{PASSWORD_BYTES, PASSWORD_SHORTEST};

/// The metadata key of a room's password in `join_room`. A client that knows private rooms sends it with every join, empty
/// where it has none.
pub const PASSWORD_KEY: &str = "chat-room-password";

/// What opens a private room: 4 characters to 128 bytes without control characters, in NFC. Never shown, and not compared
/// by `==`.
#[derive(Clone)]
pub struct RoomPassword(Box<str>);

/// Why a text is no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{}", Language::English.invalid_password(PASSWORD_SHORTEST, PASSWORD_BYTES))]
pub struct PasswordError;

impl RoomPassword {
    /// Takes a text as a password, as typed but for NFC: two keyboards may write one accent in two ways.
    ///
    /// # Errors
    /// [`PasswordError`] says the rule.
    pub fn parse(typed: &str) -> Result<RoomPassword, PasswordError> {
        if typed.len() > PASSWORD_BYTES || typed.chars().any(char::is_control) {
            return Err(PasswordError);
        }
        let password: String = typed.nfc().collect();
        let fits = password.chars().nth(PASSWORD_SHORTEST - 1).is_some() && password.len() <= PASSWORD_BYTES;
        if fits { Ok(RoomPassword(password.into())) } else { Err(PasswordError) }
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RoomPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_at_its_limits_passes_and_one_past_them_does_not() {
        for text in ["abcd", &"x".repeat(PASSWORD_BYTES), "çãéõ", "a b c"] {
            assert_eq!(RoomPassword::parse(text).unwrap().secret(), text);
        }
        for text in ["", "abc", "çãé", &"x".repeat(PASSWORD_BYTES + 1), "abc\td", "abcd\n", "\u{9b}abcd"] {
            assert_eq!(RoomPassword::parse(text).unwrap_err(), PasswordError, "{text:?}");
        }
    }

    #[test]
    fn two_ways_of_writing_an_accent_are_one_password_and_none_is_shown() {
        let composed = RoomPassword::parse("sésamo").unwrap();
        assert_eq!(RoomPassword::parse("se\u{301}samo").unwrap().secret(), composed.secret());
        assert_eq!(format!("{composed:?}"), "RoomPassword(..)");
    }
}
