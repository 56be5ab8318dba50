//! Compact JSON that is harmless on a terminal as well.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use crate::sanitise;

/// `value` as JSON on one line.
pub(super) fn line(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, Harmless(CompactFormatter)));
    debug_assert!(written.is_ok(), "events have string keys and nothing that can fail");
    String::from_utf8(bytes).unwrap_or_default()
}

/// The compact form, with more characters escaped than JSON asks for.
struct Harmless(CompactFormatter);

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for part in fragment.split_inclusive(sanitise::is_control) {
            let hostile = part.chars().next_back().filter(|last| sanitise::is_control(*last));
            let plain = hostile.and_then(|last| part.strip_suffix(last)).unwrap_or(part);
            self.0.write_string_fragment(writer, plain)?;
            for unit in hostile.iter().flat_map(|character| character.encode_utf16(&mut units).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
}
