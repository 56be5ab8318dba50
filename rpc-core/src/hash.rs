//! Tables whose keys nobody can choose to collide: ids that we count ourselves, and names out of our own program. A peer may
//! ask for any name and finds no more in its way than our names put there.
//!
//! The standard hasher guards against chosen keys; it was a sixth of what a call cost in instructions on either side.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

pub(crate) type ByName<T> = HashMap<&'static str, T, BuildHasherDefault<NameHasher>>;

#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

/// Eight bytes at a time, as the compiler's own tables do ("FxHash").
#[derive(Debug, Default)]
pub(crate) struct NameHasher(u64);

/// The golden ratio of 2⁶⁴, odd: neighbours get different low bits and far-apart high ones (Knuth, 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(SPREAD);
    }
}

impl Hasher for NameHasher {
    /// Tables choose by the low bits, and the last multiplication has mixed the high ones best.
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(into, byte)| *into = *byte);
        self.write_u64(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::hash::{BuildHasher, Hash};

    use super::*;

    /// How many of 1,000 keys fall into the fullest of 256 places.
    fn fullest<H: Hasher + Default>(keys: impl Iterator<Item = impl Hash>) -> usize {
        let mut places = BTreeMap::<u64, usize>::new();
        keys.take(1000).for_each(|key| {
            *places.entry(BuildHasherDefault::<H>::default().hash_one(key) % 256).or_default() += 1;
        });
        places.into_values().max().unwrap_or_default()
    }

    #[test]
    fn ids_and_names_that_look_alike_spread() {
        assert!(fullest::<IdHasher>(1u64..) <= 6);
        for word in ["p", "create_room_", "a_procedure_of_a_service_with_a_long_name_"] {
            let before = (0..).map(|number| format!("{number}{word}"));
            let behind = (0..).map(|number| format!("{word}{number}"));
            assert!(fullest::<NameHasher>(before) <= 16, "{word}");
            assert!(fullest::<NameHasher>(behind) <= 16, "{word}");
        }
    }
}
