//! What a person types.

/// A line of input, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// To be said as it was typed.
    Words(&'a str),
    /// An empty line, or blanks.
    Nothing,
    /// `/sair`, in any case.
    Leave,
}

impl<'a> Typed<'a> {
    /// Reads a line, without its end.
    pub fn parse(line: &'a str) -> Typed<'a> {
        match line.trim() {
            "" => Typed::Nothing,
            command if command.to_lowercase() == "/sair" => Typed::Leave,
            _ => Typed::Words(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sair_leaves_and_blanks_say_nothing() {
        for line in ["/sair", " /SAIR\t", "/Sair"] {
            assert_eq!(Typed::parse(line), Typed::Leave, "{line:?}");
        }
        for line in ["", " ", "\t "] {
            assert_eq!(Typed::parse(line), Typed::Nothing, "{line:?}");
        }
        for line in ["oi", " oi ", "sair", "/sair já", "/quit", "🦀"] {
            assert_eq!(Typed::parse(line), Typed::Words(line), "{line:?}");
        }
    }
}
