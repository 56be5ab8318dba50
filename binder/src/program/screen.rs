//! What standard output is: a terminal of some width and colours, or something that a program reads.

use std::env;
use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Effects, Style};
pub(super) use rpc_program::terminal::harmless;

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

#[cfg(test)]
mod tests {
    use super::*;

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
