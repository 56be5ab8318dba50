//! Lines that fit: our own wrapping, so that a wrapped line begins with our gutter and never with the sender's text.

use unicode_width::UnicodeWidthChar;

/// How many columns a line may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// So many; a screen too narrow for a gutter and some text wraps as it likes.
    Columns(usize),
    /// As many as there are, as in a file.
    Unbounded,
}

/// How one message is laid out.
pub(super) struct Layout<'a> {
    /// Before its first line.
    pub(super) first: &'a str,
    /// Before every other.
    pub(super) gutter: &'a str,
    pub(super) width: Width,
}

impl Layout<'_> {
    /// Appends the lines of a text that has been sanitised.
    pub(super) fn push(&self, screen: &mut String, text: &[String], paint: impl Fn(&str) -> String) {
        let mut start = self.first;
        for line in text {
            let mut unread = line.as_str();
            loop {
                let (row, rest) = self.cut(start, unread);
                screen.push_str(start);
                push_line(screen, &paint(row));
                start = self.gutter;
                unread = rest;
                if unread.is_empty() {
                    break;
                }
            }
        }
    }

    /// What fits behind `start`, and what does not. Always takes something, or there is nothing.
    fn cut<'t>(&self, start: &str, text: &'t str) -> (&'t str, &'t str) {
        let Width::Columns(columns) = self.width else { return (text, "") };
        let used = columns_of(start).max(columns_of(self.gutter));
        match columns.checked_sub(used) {
            Some(room) if room >= LEAST_TEXT => split_at_columns(text, room),
            _ => (text, ""),
        }
    }
}

pub(super) fn push_line(screen: &mut String, line: &str) {
    screen.push_str(line);
    screen.push('\n');
}

/// The longest start of `text` that takes at most `room` columns, ended at a blank if one is near.
fn split_at_columns(text: &str, room: usize) -> (&str, &str) {
    let mut columns = 0_usize;
    let mut blank = None;
    let mut previous = None;
    for (at, character) in text.char_indices() {
        let width = character.width().unwrap_or(0);
        columns = columns.saturating_add(width);
        if columns > room && may_break(previous, character, width) {
            return text.split_at_checked(blank.unwrap_or(at)).unwrap_or((text, ""));
        }
        if character == ' ' && columns.saturating_mul(2) > room {
            blank = Some(at.saturating_add(1));
        }
        previous = Some(character);
    }
    (text, "")
}

/// Between two characters that are drawn one after the other, and not one upon the other.
fn may_break(previous: Option<char>, next: char, width: usize) -> bool {
    let joined = previous == Some('\u{200D}') || matches!(next, '\u{1F3FB}'..='\u{1F3FF}');
    width > 0 && previous.is_some() && !joined
}

/// The columns that a text takes, ANSI colours not counted.
fn columns_of(text: &str) -> usize {
    let mut columns = 0_usize;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            columns = columns.saturating_add(character.width().unwrap_or(0));
        }
    }
    columns
}

/// A row with less text than this is not worth its gutter.
const LEAST_TEXT: usize = 8;
