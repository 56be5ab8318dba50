//! What keeps a private room shut.

use std::fmt;

use chat_api::Incarnation;
use subtle::ConstantTimeEq;

/// A password after a slow hash, with its salt. Made and compared by who has the time; the room only keeps it.
#[derive(Clone, Copy)]
pub struct PasswordHash {
    /// Random, so that equal passwords of two rooms have different hashes.
    pub salt: [u8; 16],
    /// What the hash made of salt and password.
    pub digest: [u8; 32],
}

/// What somebody finds who wants to enter a room.
#[derive(Clone, Copy, Debug)]
pub enum Door {
    /// He may come in.
    Open,
    /// A password is wanted; one try of his is taken.
    Locked {
        /// What the password must come to.
        hash: PasswordHash,
        /// What the right password gives.
        key: Key,
    },
}

/// That somebody showed the password of one making of a room: worth nothing in a room made anew under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub(super) Incarnation);

impl PasswordHash {
    /// Whether this digest, made with the same salt, is of the same password. Takes the same time however many bytes agree.
    pub fn is_of(&self, digest: &[u8; 32]) -> bool {
        self.digest.ct_eq(digest).into()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}
