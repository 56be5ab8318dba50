//! A sender's lines, read.

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `M,destination,message`.
    Message {
        /// A display's id, or `todos`.
        destination: &'a str,
        /// Everything behind the second comma.
        message: &'a str,
    },
    /// `L`.
    List,
    /// `F`.
    Finish,
    /// `T`.
    Terminate,
}

impl<'a> Command<'a> {
    /// The command of a whole line, without its end; `None` for every other line.
    pub fn parse(line: &'a str) -> Option<Command<'a>> {
        match line {
            "L" => Some(Command::List),
            "F" => Some(Command::Finish),
            "T" => Some(Command::Terminate),
            _ => {
                let (destination, message) = line.strip_prefix("M,")?.split_once(',')?;
                Some(Command::Message { destination, message })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, destination: &str, message: &str) {
        assert_eq!(Command::parse(line), Some(Command::Message { destination, message }));
    }

    #[test]
    fn only_the_first_two_commas_separate() {
        check("M,ana,oi", "ana", "oi");
        check("M,todos, um, dois ,, três ", "todos", " um, dois ,, três ");
        check("M,a b,T", "a b", "T");
        check("M,ana,", "ana", "");
        check("M,,oi", "", "oi");
        check("M,çãé🦀,🙂", "çãé🦀", "🙂");
    }

    #[test]
    fn letters_stand_alone() {
        assert_eq!(Command::parse("L"), Some(Command::List));
        assert_eq!(Command::parse("F"), Some(Command::Finish));
        assert_eq!(Command::parse("T"), Some(Command::Terminate));
    }

    #[test]
    fn every_other_line_is_none() {
        for line in
            ["", " ", "X", "l", "f", "t", "m,a,b", "M", "M,", "M,x", "Lista", "F,x", "L ", " L", " M,a,b"]
        {
            assert_eq!(Command::parse(line), None, "{line:?}");
        }
    }
}
