//! What travels beside a call's arguments: session tokens, ids, trace contexts.

use thiserror::Error;

use crate::limits::{METADATA_BYTES, METADATA_ENTRIES, METADATA_KEY};

/// Pairs of a key and bytes, in the order they were inserted; a key may stand more than once.
///
/// Keys are 1 to 64 bytes of `a-z`, `0-9`, `-`, `_` and `.`; at most 64 pairs and 16 KiB in all. rpc-core gives no key a
/// meaning of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

/// A pair that metadata refuses.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    /// The key breaks the rule.
    #[error("the metadata key {0:?} is not 1 to {METADATA_KEY} bytes of a-z, 0-9, '-', '_' and '.'")]
    Key(String),
    /// One pair too many.
    #[error("metadata holds at most {METADATA_ENTRIES} entries")]
    Entries,
    /// The pairs together are too long.
    #[error("metadata holds at most {METADATA_BYTES} bytes, keys included")]
    Size,
}

impl Metadata {
    /// No pairs.
    pub const fn new() -> Metadata {
        Metadata(Vec::new())
    }

    /// Adds a pair behind those that are there.
    ///
    /// # Errors
    /// [`MetadataError`] when the key or the sum of all pairs breaks a limit; nothing is added then.
    pub fn insert(&mut self, key: &str, value: impl Into<Vec<u8>>) -> Result<(), MetadataError> {
        let value = value.into();
        if !is_key(key) {
            return Err(MetadataError::Key(key.chars().take(METADATA_KEY).collect()));
        }
        if self.0.len() >= METADATA_ENTRIES {
            return Err(MetadataError::Entries);
        }
        if self.size() + key.len() + value.len() > METADATA_BYTES {
            return Err(MetadataError::Size);
        }
        self.0.push((key.to_owned(), value));
        Ok(())
    }

    /// The same metadata with any pairs of this key replaced by one.
    ///
    /// # Errors
    /// As [`insert`](Metadata::insert).
    pub fn replace(&mut self, key: &str, value: impl Into<Vec<u8>>) -> Result<(), MetadataError> {
        self.0.retain(|(held, _)| held != key);
        self.insert(key, value)
    }

    /// The first value under this key.
    pub fn first(&self, key: &str) -> Option<&[u8]> {
        self.iter().find(|(held, _)| *held == key).map(|(_, value)| value)
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn size(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.len()).sum()
    }
}

fn is_key(key: &str) -> bool {
    (1..=METADATA_KEY).contains(&key.len())
        && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_at_its_limit_passes_and_one_past_it_fails() {
        let mut metadata = Metadata::new();
        metadata.insert(&"k".repeat(METADATA_KEY), "v").unwrap();
        let long = "k".repeat(METADATA_KEY + 1);
        assert!(matches!(metadata.insert(&long, "v"), Err(MetadataError::Key(_))));
        for bad in ["", "Key", "a b", "é", "a\n"] {
            assert_eq!(metadata.insert(bad, "v"), Err(MetadataError::Key(bad.to_owned())));
        }
    }

    #[test]
    fn entries_and_bytes_end_at_their_limits() {
        let mut metadata = Metadata::new();
        metadata.insert("k", vec![0; METADATA_BYTES - 1]).unwrap();
        assert_eq!(metadata.insert("k", ""), Err(MetadataError::Size));
        let mut metadata = Metadata::new();
        for _ in 0..METADATA_ENTRIES {
            metadata.insert("k", "").unwrap();
        }
        assert_eq!(metadata.insert("k", ""), Err(MetadataError::Entries));
        assert_eq!(metadata.len(), METADATA_ENTRIES);
    }

    #[test]
    fn pairs_keep_their_order_and_replace_leaves_one() {
        let mut metadata = Metadata::new();
        metadata.insert("a", "1").unwrap();
        metadata.insert("b", "2").unwrap();
        metadata.insert("a", "3").unwrap();
        assert_eq!(metadata.first("a"), Some(&b"1"[..]));
        metadata.replace("a", "4").unwrap();
        let pairs: Vec<_> = metadata.iter().collect();
        assert_eq!(pairs, [("b", &b"2"[..]), ("a", &b"4"[..])]);
    }
}
