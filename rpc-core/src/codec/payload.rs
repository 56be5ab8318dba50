//! An encoded value on its way out, gathered as it is sent: by parts.

use crate::bytes::{BY_REFERENCE, Block};

/// An encoded value on its way out: its bytes, and in their places between them, large [`Bytes`](crate::Bytes) that are
/// passed on from where they lie.
#[derive(Debug, Default)]
pub struct Payload {
    pub(crate) bytes: Vec<u8>,
    /// Each stands before the byte of this number.
    pub(crate) blocks: Vec<(usize, Block)>,
}

/// A buffer that has grown past this is given back after use: 64 KiB.
const KEPT: usize = 64 << 10;

impl Payload {
    /// All its bytes, side by side.
    pub fn to_vec(&self) -> Vec<u8> {
        let (mut all, mut copied) = (Vec::with_capacity(self.len()), 0);
        for (place, block) in &self.blocks {
            all.extend_from_slice(self.bytes.get(copied..*place).unwrap_or_default());
            all.extend_from_slice(block);
            copied = *place;
        }
        all.extend_from_slice(self.bytes.get(copied..).unwrap_or_default());
        all
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.blocks.iter().map(|(_, block)| block.len()).sum::<usize>()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties it for the next value, and gives back memory that has grown past 64 KiB.
    pub(crate) fn recycle(&mut self) {
        self.truncate((0, 0));
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }

    /// Up to where it is filled: bytes, and blocks.
    pub(super) fn end(&self) -> (usize, usize) {
        (self.bytes.len(), self.blocks.len())
    }

    /// Takes back what came behind this end.
    pub(super) fn truncate(&mut self, (bytes, blocks): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.blocks.truncate(blocks);
    }

    /// Appends these bytes: of a block that is offered the block as it is, a copy of everything else.
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if bytes.len() < BY_REFERENCE {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.append_large(bytes);
        }
    }

    #[cold]
    fn append_large(&mut self, bytes: &[u8]) {
        match Block::offered(bytes) {
            Some(block) => self.blocks.push((self.bytes.len(), block)),
            None => self.bytes.extend_from_slice(bytes),
        }
    }

    /// Runs `body` with a payload of these bytes, whose memory is there again afterwards unless it was taken.
    pub(crate) fn around<T>(bytes: &mut Vec<u8>, body: impl FnOnce(&mut Payload) -> T) -> T {
        let mut payload = Payload { bytes: std::mem::take(bytes), blocks: Vec::new() };
        let result = body(&mut payload);
        *bytes = payload.bytes;
        result
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::bytes::Bytes;
    use crate::codec::{decode, encode, encode_payload};

    /// As many bytes, none like its neighbours.
    fn bytes(count: usize) -> Bytes {
        Bytes::from((0..=250).cycle().take(count).collect::<Vec<u8>>())
    }

    fn lies_in(bytes: &Bytes, memory: &[u8]) -> bool {
        memory.as_ptr_range().contains(&bytes.as_ptr())
    }

    /// Encoded both ways it is the same; decoded where it lies, it is the value again.
    #[track_caller]
    fn check<T>(value: &T, blocks: usize) -> (Block, T)
    where
        T: Serialize + DeserializeOwned + PartialEq + fmt::Debug,
    {
        let (mut plain, mut payload) = (Vec::new(), Payload::default());
        encode(value, &mut plain).unwrap();
        encode_payload(value, &mut payload).unwrap();
        assert_eq!(payload.blocks.len(), blocks);
        assert_eq!((payload.to_vec() == plain, payload.len()), (true, plain.len()));
        let memory = Block::from(plain);
        let again: T = memory.lend(|| decode(&memory)).unwrap();
        assert!(again == *value);
        (memory, again)
    }

    #[test]
    fn from_its_limit_on_a_block_is_passed_on_and_below_it_copied() {
        let (memory, again) = check(&bytes(BY_REFERENCE - 1), 0);
        assert!(!lies_in(&again, &memory));
        let (memory, again) = check(&bytes(BY_REFERENCE), 1);
        assert!(lies_in(&again, &memory));
    }

    #[test]
    fn blocks_keep_their_places_between_other_values() {
        let large = bytes(BY_REFERENCE);
        check(&(1u8, large.clone(), "ola".to_owned(), large.clone(), large, bytes(3)), 3);
    }

    /// It would keep a frame for a small part of it.
    #[test]
    fn a_part_that_is_not_most_of_its_memory_is_copied() {
        let large = bytes(BY_REFERENCE);
        let (memory, (first, second, third)) = check(&(large.clone(), large.clone(), large), 3);
        assert!([first, second, third].iter().all(|part| !lies_in(part, &memory)));
    }

    /// Arguments that were too large to be sent once lay in their thread's memory until its next call.
    #[test]
    fn an_emptied_payload_holds_nobodys_block_and_no_large_memory() {
        let large = bytes(BY_REFERENCE);
        let place = large.as_ptr();
        let mut payload = Payload::default();
        encode_payload(&(large.clone(), "x".repeat(KEPT + 1)), &mut payload).unwrap();
        payload.recycle();
        assert!(payload.is_empty() && payload.bytes.capacity() <= KEPT);
        let vector = large.into_vec();
        assert_eq!(vector.as_ptr(), place, "it is shared no more");
    }

    #[test]
    fn a_clone_shares_and_the_last_owner_has_the_vector_back() {
        let original: Vec<u8> = bytes(BY_REFERENCE).into_vec();
        let place = original.as_ptr();
        let one = Bytes::from(original);
        let other = one.clone();
        assert_eq!(one.as_ptr(), other.as_ptr());
        drop(one);
        let vector = other.into_vec();
        assert_eq!(vector.as_ptr(), place);
    }

    #[test]
    fn what_is_not_lent_is_copied() {
        let mut encoded = Vec::new();
        encode(&bytes(BY_REFERENCE), &mut encoded).unwrap();
        let strange = Block::from(vec![0; 2 * BY_REFERENCE]);
        let again: Bytes = strange.lend(|| decode(&encoded)).unwrap();
        assert!(!lies_in(&again, &encoded) && again == bytes(BY_REFERENCE));
        let after: Bytes = decode(&encoded).unwrap();
        assert!(!lies_in(&after, &encoded), "the loan is over");
    }
}
