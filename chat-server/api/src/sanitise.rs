//! Text from others, made harmless before it meets a terminal.
//!
//! Pure, and the last step before drawing. What comes out holds no control character at all: whatever could move the cursor,
//! reorder or hide text is written as a visible escape such as `<U+202E>`, a run of one character as `<U+0007×500>`.
//! Ordinary text of every script, and emoji with their joiners and selectors, come out unchanged.

mod classes;

use std::fmt::Write as _;

use classes::Class;
pub use classes::is_control;

/// A name or another text that must stay on one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = Line::default();
    text.chars().for_each(|character| line.push(character));
    line.finish()
}

/// A text as the lines it was written in: `\n` and `\r\n` end a line, nothing else does; a tab becomes four blanks.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    let line_of = |written: &str| {
        let mut line = Line::default();
        for character in written.strip_suffix('\r').unwrap_or(written).chars() {
            match character {
                '\t' => (0..TAB_COLUMNS).for_each(|_| line.push(' ')),
                other => line.push(other),
            }
        }
        line.finish()
    };
    match text.rsplit_once('\n') {
        None => vec![one_line_with_tabs(text)],
        Some((before, last)) => {
            let mut lines: Vec<String> = before.split('\n').map(line_of).collect();
            lines.push(one_line_with_tabs(last));
            lines
        }
    }
}

fn one_line_with_tabs(text: &str) -> String {
    one_line(&text.replace('\t', &" ".repeat(TAB_COLUMNS)))
}

/// A line as far as it has been read.
#[derive(Default)]
struct Line {
    safe: String,
    /// The last character that was let through, if any.
    last: Option<char>,
    /// How many marks sit on the last base character.
    marks: usize,
    /// A joiner that waits for the emoji it joins to.
    joiner: bool,
    /// The character being escaped, and how often in a row.
    run: Option<(char, usize)>,
}

impl Line {
    fn push(&mut self, character: char) {
        let class = classes::of(character);
        if self.joiner {
            self.joiner = false;
            if class == Class::Emoji {
                self.pass(ZERO_WIDTH_JOINER);
            } else {
                self.escape(ZERO_WIDTH_JOINER);
            }
        }
        match class {
            Class::Plain | Class::Emoji => {
                self.marks = 0;
                self.pass(character);
            }
            Class::Joiner if self.last.is_some_and(may_be_joined) && self.run.is_none() => self.joiner = true,
            Class::Selector if self.carries_mark() && !self.last.is_some_and(is_selector) => {
                self.mark(character);
            }
            Class::Mark if self.carries_mark() && self.marks < MOST_MARKS => self.mark(character),
            Class::Joiner | Class::Selector | Class::Mark | Class::Hostile => self.escape(character),
        }
    }

    /// Marks sit on what stands before them: never on nothing, a blank or an escape of ours.
    fn carries_mark(&self) -> bool {
        self.run.is_none() && self.last.is_some_and(|last| !last.is_whitespace())
    }

    fn mark(&mut self, character: char) {
        self.marks = self.marks.saturating_add(1);
        self.pass(character);
    }

    fn pass(&mut self, character: char) {
        self.end_run();
        self.safe.push(character);
        self.last = Some(character);
    }

    fn escape(&mut self, character: char) {
        match &mut self.run {
            Some((same, times)) if *same == character => *times = times.saturating_add(1),
            _ => {
                self.end_run();
                self.run = Some((character, 1));
            }
        }
    }

    fn end_run(&mut self) {
        let Some((character, times)) = self.run.take() else { return };
        let code = u32::from(character);
        let written = match times {
            1 => write!(self.safe, "<U+{code:04X}>"),
            _ => write!(self.safe, "<U+{code:04X}×{times}>"),
        };
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }

    fn finish(mut self) -> String {
        if self.joiner {
            self.escape(ZERO_WIDTH_JOINER);
        }
        self.end_run();
        self.safe
    }
}

fn may_be_joined(last: char) -> bool {
    classes::of(last) == Class::Emoji || is_selector(last)
}

fn is_selector(character: char) -> bool {
    classes::of(character) == Class::Selector
}

const ZERO_WIDTH_JOINER: char = '\u{200D}';
const TAB_COLUMNS: usize = 4;

/// Living scripts stack two or three marks on a letter; more is a flood that draws over the lines around it.
const MOST_MARKS: usize = 4;

#[cfg(test)]
mod tests;
