//! The text of a message.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::language::Language;
use crate::limits::MESSAGE_BYTES;
use crate::wire_text::shared_text;

/// What somebody said: at least one character that is no blank, at most 4,096 bytes, kept exactly as sent.
///
/// Control characters are accepted; whoever displays the text makes them harmless.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageBody(Arc<str>);

/// Why a text is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BodyError {
    /// Nothing, or nothing but blanks.
    #[error("{}", Language::English.empty_message())]
    Empty,
    /// More bytes than allowed.
    #[error("{}", Language::English.message_too_long(MESSAGE_BYTES, bytes))]
    TooLong {
        /// The length of the text.
        bytes: u64,
    },
}

impl MessageBody {
    /// Takes a text as a message.
    ///
    /// # Errors
    /// [`BodyError`] when it is empty or too long.
    pub fn parse(text: &str) -> Result<MessageBody, BodyError> {
        check(text)?;
        Ok(MessageBody(text.into()))
    }
}

impl FromStr for MessageBody {
    type Err = BodyError;

    fn from_str(text: &str) -> Result<MessageBody, BodyError> {
        MessageBody::parse(text)
    }
}

fn check(text: &str) -> Result<(), BodyError> {
    if text.len() > MESSAGE_BYTES {
        return Err(BodyError::TooLong { bytes: u64::try_from(text.len()).unwrap_or(u64::MAX) });
    }
    if text.trim().is_empty() {
        return Err(BodyError::Empty);
    }
    Ok(())
}

shared_text!(MessageBody, check);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_at_its_limit_passes_and_one_past_it_is_refused_whole() {
        let longest = "x".repeat(MESSAGE_BYTES);
        assert_eq!(MessageBody::parse(&longest).unwrap(), longest.as_str());
        let past = "x".repeat(MESSAGE_BYTES + 1);
        assert_eq!(MessageBody::parse(&past), Err(BodyError::TooLong { bytes: 4097 }));
        let emoji = format!("{}🦀", "x".repeat(MESSAGE_BYTES - 3));
        assert_eq!(MessageBody::parse(&emoji), Err(BodyError::TooLong { bytes: 4097 }));
    }

    #[test]
    fn a_text_of_blanks_only_is_empty() {
        for text in ["", " ", "\n\t ", "\u{3000}\u{a0}"] {
            assert_eq!(MessageBody::parse(text), Err(BodyError::Empty), "{text:?}");
        }
    }

    #[test]
    fn control_characters_and_blanks_around_a_text_are_kept() {
        for text in ["\u{1b}[2J", "hi\rbob: forged", " x ", "\0", "a\nb", "\u{202e}x"] {
            assert_eq!(MessageBody::parse(text).unwrap(), text);
        }
    }
}
