//! Places in a room's sequence of events.
//!
//! A [`Mark`] as metadata is 16 bytes, both numbers little-endian:
//! ```text
//! 0        8        16
//! ├────────┼────────┤
//! incarnation  seq
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// The metadata key of a [`Mark`]: in a `receive_messages` that wants again what came after it.
pub const AFTER_KEY: &str = "chat-after";

/// The number of an event in its room: 1, 2, 3 … without holes. Zero is the place before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(u64);

/// Which making of a room a number belongs to: random, so that a room made anew under its old name has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Incarnation(u64);

/// How far somebody has read in a room: everything up to and with `seq` is known to him.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The room's incarnation. A mark of another one means "from the start".
    pub incarnation: Incarnation,
    /// The last event that is known.
    pub seq: Seq,
}

impl Seq {
    /// The place before the first event.
    pub const START: Seq = Seq(0);

    /// The number as a type of its own.
    pub const fn new(number: u64) -> Seq {
        Seq(number)
    }

    /// The plain number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Seq {
        Seq(self.0.saturating_add(1))
    }
}

impl Incarnation {
    /// Takes 64 random bits.
    pub const fn new(bits: u64) -> Incarnation {
        Incarnation(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl Mark {
    /// The metadata value.
    pub fn encode(self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h] = self.incarnation.0.to_le_bytes();
        let [i, j, k, l, m, n, o, p] = self.seq.0.to_le_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// Reads a metadata value; `None` unless it has 16 bytes.
    pub fn decode(value: &[u8]) -> Option<Mark> {
        let (incarnation, seq) = value.split_first_chunk::<8>()?;
        let seq: [u8; 8] = seq.try_into().ok()?;
        let incarnation = Incarnation(u64::from_le_bytes(*incarnation));
        Some(Mark { incarnation, seq: Seq(u64::from_le_bytes(seq)) })
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_has_these_bytes() {
        let mark = Mark { incarnation: Incarnation::new(0x0807_0605_0403_0201), seq: Seq::new(0x0a09) };
        assert_eq!(mark.encode(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn only_sixteen_bytes_are_a_mark() {
        for length in [0, 8, 15, 17, 1 << 20] {
            assert_eq!(Mark::decode(&vec![1; length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn a_mark_survives_its_bytes(incarnation: u64, seq: u64) {
            let mark = Mark { incarnation: Incarnation::new(incarnation), seq: Seq::new(seq) };
            prop_assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        }
    }
}
