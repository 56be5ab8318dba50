//! The name of a procedure, as the binder keeps it.
//!
//! A [`ProcedureName`] cannot hold a bad value: whoever has one need not check it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name, in bytes: what rpc-core puts on the wire.
pub const NAME_BYTES: usize = 255;

/// 1 to [`NAME_BYTES`] bytes of `A-Z`, `a-z`, `0-9`, `_`, `-`, `.` and `/`; upper and lower case differ.
///
/// ASCII alone, so that two names which look the same are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProcedureName(Arc<str>);

/// Why a text is no procedure name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no text.
    #[error("a procedure's name has at least 1 byte, this one is empty")]
    Empty,
    /// The text is too long.
    #[error("a procedure's name has at most {NAME_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// The text has a character outside the alphabet.
    #[error("a procedure's name consists of ASCII letters, digits and _ - . /, this one has {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
}

impl ProcedureName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule the text breaks.
    pub(crate) fn parse(text: &str) -> Result<ProcedureName, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_BYTES {
            return Err(NameError::TooLong { bytes: text.len() as u64 });
        }
        if let Some(found) = text.chars().find(|found| !is_in_alphabet(*found)) {
            return Err(NameError::Character { found });
        }
        Ok(ProcedureName(text.into()))
    }

    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProcedureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names sort and hash as their text does.
impl Borrow<str> for ProcedureName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn is_in_alphabet(found: char) -> bool {
    found.is_ascii_alphanumeric() || matches!(found, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, refused: Option<&NameError>) {
        assert_eq!(ProcedureName::parse(text).err().as_ref(), refused);
    }

    #[test]
    fn a_name_has_one_to_255_bytes() {
        check("", Some(&NameError::Empty));
        check("x", None);
        check(&"x".repeat(NAME_BYTES), None);
        check(&"x".repeat(NAME_BYTES + 1), Some(&NameError::TooLong { bytes: 256 }));
        check(&"x".repeat(1 << 20), Some(&NameError::TooLong { bytes: 1 << 20 }));
    }

    #[test]
    fn a_name_consists_of_ascii_letters_digits_and_four_signs() {
        check("prod/chat.send_message-2", None);
        for (text, found) in [("a b", ' '), ("a\n", '\n'), ("\u{1b}[2J", '\u{1b}'), ("ch\u{430}t", '\u{430}')]
        {
            check(text, Some(&NameError::Character { found }));
        }
    }
}
