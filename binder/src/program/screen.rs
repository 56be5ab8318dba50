//! What standard output is: a terminal of some width and colours, or something that a program reads.

use std::env;
use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Effects, Style};
pub(super) use rpc_program::terminal::harmless;
use unicode_width::UnicodeWidthStr;

/// How wide lines may be, and whether they are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    /// `None`: as wide as they are.
    pub(super) columns: Option<usize>,
    pub(super) paint: Paint,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Colours,
    Plain,
}

/// What a text says about its subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Neutral,
    Good,
    Doubtful,
    Bad,
    Heading,
}

impl Screen {
    /// Of something that a program reads.
    pub(super) const PLAIN: Screen = Screen { columns: None, paint: Paint::Plain };

    /// Standard output. Colours only on a terminal that knows them, unless `NO_COLOR` has a value.
    pub(super) fn stdout() -> Screen {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Screen::PLAIN;
        }
        // A terminal that does not know its width says 0.
        let columns = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col));
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let known = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let paint = if known && !refused { Paint::Colours } else { Paint::Plain };
        Screen { columns: (columns > 0).then_some(columns), paint }
    }

    /// The text, harmless, in lines that fit behind a margin; each but the first begins with it.
    pub(super) fn wrapped(self, text: &str, margin: &str) -> String {
        let text = harmless(text);
        let Some(room) = self.columns.and_then(|columns| columns.checked_sub(margin.len())) else {
            return text;
        };
        wrap(&text, room.max(LEAST), margin)
    }
}

impl Paint {
    pub(super) fn tint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if self == Paint::Plain => return text.to_owned(),
            Tone::Neutral => return text.to_owned(),
            Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Tone::Doubtful => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Tone::Heading => Style::new().effects(Effects::BOLD),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Breaks at blanks; a word that is too long has a line of its own.
fn wrap(text: &str, room: usize, margin: &str) -> String {
    let mut wrapped = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let width = word.width();
        if used > 0 && used + 1 + width > room {
            wrapped.push('\n');
            wrapped.push_str(margin);
            used = 0;
        } else if used > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += width;
    }
    wrapped
}

/// On a narrower screen lines end where they like.
const LEAST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_at_blanks_and_begin_at_the_margin() {
        let sentence = "nothing listens there: the server has ended";
        assert_eq!(wrap(sentence, 22, "  "), "nothing listens there:\n  the server has ended");
        assert_eq!(wrap(sentence, 80, "  "), sentence);
        assert_eq!(wrap("3f9a12cc01ab3f9a12cc01ab it", 20, " "), "3f9a12cc01ab3f9a12cc01ab\n it");
    }

    #[test]
    fn colours_end_where_their_text_ends_and_plain_text_has_none() {
        assert_eq!(Paint::Colours.tint(Tone::Bad, "gone"), "\u{1b}[31mgone\u{1b}[0m");
        assert_eq!(Paint::Plain.tint(Tone::Bad, "gone"), "gone");
        assert_eq!(Paint::Colours.tint(Tone::Neutral, "it"), "it");
    }

    #[test]
    fn what_a_hostile_binder_says_moves_no_cursor() {
        assert_eq!(harmless("a\u{1b}[2J\nb\u{202e}c é 端"), "a\u{fffd}[2J\u{fffd}b\u{fffd}c é 端");
    }
}
