//! JSON and words as a terminal shows them: in lines and colours, or as they are.

use std::env;
use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Effects, Style};
pub(super) use rpc_program::terminal::harmless;
use rpc_program::terminal::is_harmful;

/// How standard output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    /// A terminal, with colours.
    Colours,
    /// A terminal that knows no colours, or whose user wants none.
    Lines,
    /// Something that a program reads.
    Raw,
}

/// What a piece of JSON is.
#[derive(Clone, Copy)]
enum Piece {
    Key,
    Text,
    Word,
    Mark,
}

impl Paint {
    /// Of standard output. Colours only on a terminal that knows them, unless `NO_COLOR` has a value.
    pub(super) fn stdout() -> Paint {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let known = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        match (io::stdout().is_terminal(), known && !refused) {
            (false, _) => Paint::Raw,
            (true, false) => Paint::Lines,
            (true, true) => Paint::Colours,
        }
    }

    /// The name of something.
    pub(super) fn name(self, text: &str) -> String {
        self.styled(Style::new().effects(Effects::BOLD), text)
    }

    /// A type, or what else is beside the point.
    pub(super) fn aside(self, text: &str) -> String {
        self.styled(Style::new().fg_color(Some(AnsiColor::Cyan.into())), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self == Paint::Colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A JSON document: on a terminal in lines; for a program on one, otherwise as it came. The digits and the order of what
    /// is in it stay. Letters in strings that would steer a terminal are JSON's escapes of the same letters.
    pub(super) fn json(self, document: &str) -> String {
        if self == Paint::Raw {
            // These are never inside a string of JSON; and `--raw` is for terminals too, which escapes do not steer.
            return escaped(&document.replace(['\n', '\r', '\t'], " "));
        }
        let mut shown = Shown { paint: self, text: String::new(), depth: 0 };
        let mut rest = document;
        while let Some(first) = rest.chars().next() {
            rest = shown.take(first, rest);
        }
        shown.text
    }

    fn piece(self, piece: Piece, text: &str) -> String {
        let colour = match piece {
            Piece::Key => AnsiColor::Blue,
            Piece::Text => AnsiColor::Green,
            Piece::Word => AnsiColor::Yellow,
            Piece::Mark => return text.to_owned(),
        };
        self.styled(Style::new().fg_color(Some(colour.into())), text)
    }
}

/// A document on its way to the terminal.
struct Shown {
    paint: Paint,
    text: String,
    depth: usize,
}

impl Shown {
    /// Takes one piece off what is left.
    fn take<'d>(&mut self, first: char, rest: &'d str) -> &'d str {
        match first {
            '"' => {
                let length = string_length(rest);
                let (string, behind) = rest.split_at(length);
                let is_key = behind.trim_start().starts_with(':');
                self.push(if is_key { Piece::Key } else { Piece::Text }, &escaped(string));
                return behind;
            }
            '{' | '[' => {
                let behind = rest.get(1..).unwrap_or_default().trim_start();
                if let Some(closed) = behind.strip_prefix(['}', ']']) {
                    self.push(Piece::Mark, if first == '{' { "{}" } else { "[]" });
                    return closed;
                }
                self.push(Piece::Mark, if first == '{' { "{" } else { "[" });
                self.depth += 1;
                self.new_line();
                return behind;
            }
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                self.new_line();
                self.push(Piece::Mark, if first == '}' { "}" } else { "]" });
            }
            ',' => {
                self.push(Piece::Mark, ",");
                self.new_line();
            }
            ':' => self.push(Piece::Mark, ": "),
            blank if blank.is_ascii_whitespace() => {}
            _ => {
                let ends = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ':' | ']' | '}');
                let (word, behind) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
                self.push(Piece::Word, &harmless(word));
                return behind;
            }
        }
        rest.get(1..).unwrap_or_default()
    }

    fn push(&mut self, piece: Piece, text: &str) {
        self.text += &self.paint.piece(piece, text);
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// The length of the string that `text` begins with, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(end, _)| end + 1)
}

/// A string whose letters would move the cursor, or turn the writing round, has them as JSON's escapes.
fn escaped(string: &str) -> String {
    let shown = |c: char| if is_harmful(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    string.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, lines: &str) {
        assert_eq!(Paint::Lines.json(document), lines);
    }

    #[test]
    fn a_document_is_shown_in_lines_with_its_digits_and_its_order() {
        check("null", "null");
        check(
            r#"{"b":1.50,"a":[true,{}],"c":[ ]}"#,
            "{\n  \"b\": 1.50,\n  \"a\": [\n    true,\n    {}\n  ],\n  \"c\": []\n}",
        );
        check("18446744073709551615", "18446744073709551615");
        check(r#"{"a:{[,":"x\"}\\"}"#, "{\n  \"a:{[,\": \"x\\\"}\\\\\"\n}");
    }

    #[test]
    fn keys_and_values_have_colours_where_there_are_any() {
        assert_eq!(
            Paint::Colours.json(r#"{"a":"b"}"#),
            "{\n  \u{1b}[34m\"a\"\u{1b}[0m: \u{1b}[32m\"b\"\u{1b}[0m\n}"
        );
    }

    #[test]
    fn for_a_program_a_document_is_one_line() {
        assert_eq!(Paint::Raw.json("{\n\t\"a\": 1\n}"), "{  \"a\": 1 }");
    }

    /// `--raw` on a terminal once let a server turn the writing round.
    #[test]
    fn a_raw_document_steers_no_terminal_and_means_the_same() {
        let raw = Paint::Raw.json("\"a\u{202e}b\u{9b}2J é\"");
        assert_eq!(raw, r#""a\u202eb\u009b2J é""#);
        assert_eq!(serde_json::from_str::<String>(&raw).unwrap(), "a\u{202e}b\u{9b}2J é");
    }

    #[test]
    fn what_a_hostile_server_says_moves_no_cursor() {
        check("\"a\u{202e}b\u{9b}2J\"", "\"a\\u202eb\\u009b2J\"");
        assert_eq!(harmless("a\u{1b}[2J"), "a\u{fffd}[2J");
    }

    /// Whatever comes is shown, and to an end.
    #[test]
    fn what_is_no_json_is_shown_all_the_same() {
        for broken in ["\"", "{\"", "]}", "{,:", "\"\\", "é{", "[[[["] {
            Paint::Lines.json(broken);
        }
    }
}
