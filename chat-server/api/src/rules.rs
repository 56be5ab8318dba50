//! What a name may consist of.
//!
//! The characters are those of PRECIS's FreeformClass (RFC 8264), which has no control, bidirectional, zero-width or
//! private character. Its tables are of Unicode 6.3, so characters that were assigned later are judged here: without
//! that no name could hold an emoji of the last ten years.

use std::error::Error;
use std::fmt;

use precis_core::profile::PrecisFastInvocation;
use precis_core::{DerivedPropertyValue, Error as PrecisError};
use precis_profiles::Nickname;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{is_combining_mark, is_public_assigned};

use crate::language::Language;
use crate::limits::{MARKS_IN_A_ROW, TYPED_NAME_BYTES};

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing but blanks.
    Empty,
    /// More characters than allowed.
    TooLong {
        /// The most characters this kind of name may have.
        limit: u32,
    },
    /// A character that cannot be seen, steers the terminal or the writing direction, or is not assigned.
    Character {
        /// The first such character.
        character: char,
    },
    /// Marks that would be drawn over what stands before the name, or a tower of them.
    Marks,
    /// A name that the chat itself uses, or one that looks like it.
    Reserved,
}

impl fmt::Display for NameError {
    /// In English; [`Language::invalid_name`] says it in others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Language::English.invalid_name(self))
    }
}

impl Error for NameError {}

/// The name as it is shown: `typed` without the blanks around it, in NFC, if it follows every rule.
pub(crate) fn shown(typed: &str, limit: usize) -> Result<String, NameError> {
    if typed.len() > TYPED_NAME_BYTES {
        return Err(too_long(limit));
    }
    let typed = typed.trim();
    let shown: String = if typed.is_ascii() { typed.to_owned() } else { typed.nfc().collect() };
    shape(&shown, limit)?;
    characters(&shown)?;
    Ok(shown)
}

/// Looks at length and blanks only: what a peer is held to, whose tables may be newer than ours.
pub(crate) fn shape(name: &str, limit: usize) -> Result<(), NameError> {
    if name.chars().nth(limit).is_some() {
        return Err(too_long(limit));
    }
    if name.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(character) = name.chars().find(|character| is_hostile(*character)) {
        return Err(NameError::Character { character });
    }
    marks(name)
}

fn too_long(limit: usize) -> NameError {
    NameError::TooLong { limit: u32::try_from(limit).unwrap_or(u32::MAX) }
}

/// Control characters, line ends, and what changes the direction of writing.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn marks(name: &str) -> Result<(), NameError> {
    let mut row = MARKS_IN_A_ROW;
    for character in name.chars() {
        row = if is_combining_mark(character) { row + 1 } else { 0 };
        if row > MARKS_IN_A_ROW {
            return Err(NameError::Marks);
        }
    }
    Ok(())
}

fn characters(name: &str) -> Result<(), NameError> {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    let (younger, known): (Vec<char>, String) = split(name);
    if let Some(character) = younger.into_iter().find(|character| !is_visible(*character)) {
        return Err(NameError::Character { character });
    }
    if known.is_empty() {
        return Ok(());
    }
    match Nickname::prepare(known.as_str()) {
        Ok(_) => Ok(()),
        Err(error) => Err(NameError::Character { character: culprit(&error) }),
    }
}

/// The characters that PRECIS does not know yet, and the text of all others.
fn split(name: &str) -> (Vec<char>, String) {
    let mut younger = Vec::new();
    let mut known = String::with_capacity(name.len());
    for character in name.chars() {
        if is_younger(character) {
            younger.push(character);
        } else {
            known.push(character);
        }
    }
    (younger, known)
}

fn is_younger(character: char) -> bool {
    let verdict = Nickname::prepare(character.encode_utf8(&mut [0; 4]) as &str).err();
    matches!(verdict, Some(PrecisError::BadCodepoint(point)) if point.property == DerivedPropertyValue::Unassigned)
}

/// Assigned, and neither ignorable nor a format character: those are the ones younger than PRECIS's tables.
fn is_visible(character: char) -> bool {
    let format = matches!(character, '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{110cd}')
        || matches!(character, '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}');
    let ignorable = unicode_security::skeleton(character.encode_utf8(&mut [0; 4])).next().is_none();
    is_public_assigned(character) && !format && !ignorable
}

fn culprit(error: &PrecisError) -> char {
    use precis_core::UnexpectedError::{ContextRuleNotApplicable, MissingContextRule};
    let point = match error {
        PrecisError::BadCodepoint(point) => Some(point),
        PrecisError::Unexpected(ContextRuleNotApplicable(point) | MissingContextRule(point)) => Some(point),
        _ => None,
    };
    point.and_then(|point| char::from_u32(point.cp)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests;
