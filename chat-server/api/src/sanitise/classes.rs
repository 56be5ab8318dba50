//! What a character can do to a terminal.

use unicode_width::UnicodeWidthChar;

/// How a character is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Takes its place and does nothing else.
    Plain,
    /// May be joined to another emoji.
    Emoji,
    /// Sits on the character before it.
    Mark,
    /// Chooses the form of the character before it.
    Selector,
    /// The zero-width joiner.
    Joiner,
    /// Never drawn as it is.
    Hostile,
}

pub(super) fn of(character: char) -> Class {
    match character {
        '\u{200D}' => Class::Joiner,
        '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => Class::Selector,
        _ if is_control(character) || is_invisible(character) || is_unassigned(character) => Class::Hostile,
        _ if is_emoji(character) => Class::Emoji,
        _ if character.width() == Some(0) => Class::Mark,
        _ => Class::Plain,
    }
}

/// Characters that command a terminal or a line reader wherever they stand: C0, DEL, C1, line and paragraph separators,
/// bidirectional controls, tag characters.
pub fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{2028}' | '\u{2029}'
            | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            | '\u{E0000}'..='\u{E007F}')
}

/// Characters that take no room and show nothing, so that two texts look alike and are not, and format characters that
/// change how what follows is laid out.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}' | '\u{200C}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{13430}'..='\u{1345F}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0080}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}')
}

/// Private use, and the code points that are no characters: what they look like is each terminal's own secret.
fn is_unassigned(character: char) -> bool {
    let code = u32::from(character);
    matches!(character,
        '\u{E000}'..='\u{F8FF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{F0000}'..='\u{10FFFF}')
        || code & 0xFFFE == 0xFFFE
}

/// The blocks that emoji sequences are made of.
fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{1F000}'..='\u{1FAFF}' | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}'
        | '\u{2B00}'..='\u{2BFF}')
}
