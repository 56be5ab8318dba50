//! The text behind the options in a program's help, cut into the sections of a manual page.

use clap_mangen::roff::{Roff, roman};

/// A section: its heading in capitals, and its paragraphs or lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) heading: String,
    /// Text that flows.
    paragraphs: Vec<String>,
    /// Indented lines, which keep their form.
    lines: Vec<String>,
}

/// Cuts a text at its empty lines. `Heading: text` and `Heading:` before indented lines begin a section of that name;
/// what has no heading is in NOTES.
pub(super) fn read(text: &str) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let (heading, rest) = headed(block.trim_matches('\n')).unwrap_or(("Notes", block.trim()));
        let heading = match heading {
            "Example" => "EXAMPLES".to_owned(),
            "Exit codes" => "EXIT STATUS".to_owned(),
            other => other.to_uppercase(),
        };
        let index = notes.iter().position(|note| note.heading == heading).unwrap_or(notes.len());
        if index == notes.len() {
            notes.push(Note { heading, paragraphs: Vec::new(), lines: Vec::new() });
        }
        let Some(note) = notes.get_mut(index) else { continue };
        if rest.starts_with('\n') {
            note.lines
                .extend(rest.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()));
        } else {
            note.paragraphs.push(rest.trim().to_owned());
        }
    }
    notes
}

/// A heading is a word or two, and what follows its colon stands apart.
fn headed(block: &str) -> Option<(&str, &str)> {
    let (heading, rest) = block.split_once(':')?;
    let words = heading.starts_with(char::is_uppercase) && heading.split(' ').count() <= 2;
    let plain = heading.chars().all(|letter| letter.is_alphabetic() || letter == ' ');
    let apart = rest.starts_with(' ') || rest.starts_with("\n ");
    (words && plain && apart).then_some((heading, rest))
}

impl Note {
    pub(super) fn render(&self) -> Roff {
        let mut section = Roff::new();
        section.control("SH", [self.heading.as_str()]);
        self.write_body(&mut section);
        section
    }

    pub(super) fn write_body(&self, section: &mut Roff) {
        for (index, paragraph) in self.paragraphs.iter().enumerate() {
            if index > 0 {
                section.control("PP", []);
            }
            for line in paragraph.lines() {
                section.text([roman(line.trim())]);
            }
        }
        if !self.lines.is_empty() {
            section.control("PP", []).control("nf", []);
            for line in &self.lines {
                section.text([roman(line)]);
            }
            section.control("fi", []);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_sections_by_its_headings() {
        let text = "Examples:\n  cook egg     soft\n    --long\n\nJSON events: done; failed.\n\nThe log is: long.\n\
                    With --a: more.\n\nFiles: ~/x\n\nAnd so on.";
        let told = read(text);
        let note = |heading: &str, paragraphs: &[&str], lines: &[&str]| Note {
            heading: heading.to_owned(),
            paragraphs: paragraphs.iter().map(|&text| text.to_owned()).collect(),
            lines: lines.iter().map(|&text| text.to_owned()).collect(),
        };
        let expected = [
            note("EXAMPLES", &[], &["cook egg     soft", "  --long"]),
            note("JSON EVENTS", &["done; failed."], &[]),
            note("NOTES", &["The log is: long.\nWith --a: more.", "And so on."], &[]),
            note("FILES", &["~/x"], &[]),
        ];
        assert_eq!(told, expected);
        assert_eq!(read(""), []);
    }
}
