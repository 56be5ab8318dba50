//! Tables by the id of a call.
//!
//! A client counts its ids itself, so nobody can choose them to collide, and a multiplication spreads them well enough. The
//! standard hasher was a sixth of what a call costs the client in instructions.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

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
