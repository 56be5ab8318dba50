//! Texts as an attacker would write them, for the property tests.

use proptest::prelude::*;

/// Any text, with far more than its share of what terminals obey.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        any::<char>().prop_map(String::from),
        (0..0xA0_u32).prop_filter_map("a character", |code| char::from_u32(code).map(String::from)),
        prop::sample::select(PIECES).prop_map(String::from),
        (prop::sample::select(PIECES), 1..60_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

const PIECES: &[&str] = &[
    "\x1b[2J",
    "\x1b]0;t\x07",
    "\x1b]52;c;x\x07",
    "\u{9b}",
    "\r",
    "\n",
    "\r\n",
    "\t",
    "\x08",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202E}",
    "\u{2066}",
    "\u{200B}",
    "\u{200D}",
    "\u{FE0F}",
    "\u{301}",
    "\u{20E3}",
    "\u{E0041}",
    "👩",
    "漢",
    "10:00 bob: hi",
    "┆ ",
    " ",
    "a",
];
