//! Colours, or none.

use anstyle::{AnsiColor, Effects, Style};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// With ANSI sequences, all of them ours and each ended on its own line.
    Colours,
    /// Plain text.
    Plain,
}

impl Paint {
    /// Colours on a terminal that knows them, unless `NO_COLOR` has a value: what the two variables say.
    #[must_use]
    pub fn for_terminal(no_color: Option<&str>, term: Option<&str>) -> Self {
        let refused = no_color.is_some_and(|value| !value.is_empty());
        if refused || term.is_none_or(|term| term.is_empty() || term == "dumb") {
            Self::Plain
        } else {
            Self::Colours
        }
    }

    /// A name in its own colour, the same one every time.
    pub(super) fn name(self, name: &str) -> String {
        let hash =
            name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME));
        let choices = u32::try_from(PALETTE.len()).unwrap_or(1);
        let chosen = usize::try_from(hash % choices).ok().and_then(|index| PALETTE.get(index));
        self.styled(Style::new().fg_color(chosen.copied().map(Into::into)), name)
    }

    pub(super) fn ours(self, name: &str) -> String {
        self.styled(Style::new().effects(Effects::BOLD), name)
    }

    pub(super) fn private(self, mark: &str) -> String {
        self.styled(Style::new().fg_color(Some(AnsiColor::Magenta.into())).effects(Effects::BOLD), mark)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.styled(Style::new().effects(Effects::DIMMED), text)
    }

    pub(super) fn alarm(self, text: &str) -> String {
        self.styled(Style::new().fg_color(Some(AnsiColor::Red.into())), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        match self {
            Self::Colours => format!("{style}{text}{style:#}"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// The colours that are read on light and on dark grounds; red is for errors.
const PALETTE: [AnsiColor; 9] = [
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Magenta,
    AnsiColor::Cyan,
    AnsiColor::BrightGreen,
    AnsiColor::BrightBlue,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightCyan,
];

const FNV_OFFSET: u32 = 0x811C_9DC5;
const FNV_PRIME: u32 = 0x0100_0193;
