//! Bulk bytes, that are passed on instead of copied.
//!
//! serde treats a `Vec<u8>` as a sequence of numbers, one call each; [`Bytes`] goes as one block. The bytes on the wire are
//! the same (a length, then the bytes), so a peer may use either. A large block leaves from where it lies, and stays in the
//! memory of the frame it came in: what encodes and what decodes a message meet `Bytes` through this thread's *offer* and
//! *loan*, since serde passes plain slices only.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Owned bytes that are encoded and decoded as one block, and cheap to clone where there are many. At most one frame long
/// (see [`Limits`](crate::Limits)).
///
/// Those that were most of a large message share its memory, and keep it for as long as they live.
#[derive(Clone)]
pub struct Bytes(Repr);

#[derive(Clone)]
enum Repr {
    Small(Vec<u8>),
    Large(Block),
}

/// A part of memory that several may hold.
#[derive(Clone)]
pub(crate) struct Block {
    memory: Arc<Vec<u8>>,
    range: Range<usize>,
}

/// Bytes at least this many are passed on by reference: 32 KiB. Below it a copy is cheaper.
pub(crate) const BY_REFERENCE: usize = 32 << 10;

thread_local! {
    /// The block that is being encoded: whoever takes its bytes may take the block instead.
    static OFFER: RefCell<Option<Block>> = const { RefCell::new(None) };
    /// The memory that is being decoded: whoever is given a part of it may keep it.
    static LOAN: RefCell<Option<Block>> = const { RefCell::new(None) };
}

impl Bytes {
    /// The bytes as a plain vector; without a copy, unless they share their memory.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Repr::Small(bytes) => bytes,
            Repr::Large(block) => block.into_vec(),
        }
    }
}

impl Block {
    /// What of this memory is exactly these bytes, if they lie in it and are most of it: a part that is kept for long must
    /// not keep much else.
    fn part(&self, bytes: &[u8]) -> Option<Block> {
        if bytes.len() < self.memory.len() / 2 {
            return None;
        }
        let start = bytes.as_ptr().addr().checked_sub(self.memory.as_ptr().addr())?;
        let range = start..start.checked_add(bytes.len())?;
        let found = self.memory.get(range.clone())?;
        std::ptr::eq(found, bytes).then(|| Block { memory: self.memory.clone(), range })
    }

    fn into_vec(self) -> Vec<u8> {
        let whole = self.range == (0..self.memory.len());
        match Arc::try_unwrap(self.memory) {
            Ok(bytes) if whole => bytes,
            Ok(bytes) => bytes.get(self.range).unwrap_or_default().to_vec(),
            Err(shared) => shared.get(self.range).unwrap_or_default().to_vec(),
        }
    }

    /// What of it stands behind the first `skipped` bytes.
    pub(crate) fn behind(&self, skipped: usize) -> Block {
        let start = self.range.start.saturating_add(skipped).min(self.range.end);
        Block { memory: self.memory.clone(), range: start..self.range.end }
    }

    /// Runs `body`, in which what takes a part of this memory may keep it.
    pub(crate) fn lend<T>(&self, body: impl FnOnce() -> T) -> T {
        let _returned = Returned(LOAN.replace(Some(self.clone())));
        body()
    }

    /// A part of what is lent just now, if these are its bytes.
    pub(crate) fn lent(bytes: &[u8]) -> Option<Block> {
        if bytes.len() < BY_REFERENCE {
            return None;
        }
        LOAN.with_borrow(|loan| loan.as_ref()?.part(bytes))
    }

    /// The block that is being encoded just now, if these are its bytes.
    pub(crate) fn offered(bytes: &[u8]) -> Option<Block> {
        if bytes.len() < BY_REFERENCE {
            return None;
        }
        OFFER.with_borrow_mut(|offer| offer.take_if(|block| std::ptr::eq::<[u8]>(&**block, bytes)))
    }
}

/// The loan before, which holds again when this is dropped.
struct Returned(Option<Block>);

impl Drop for Returned {
    fn drop(&mut self) {
        LOAN.set(self.0.take());
    }
}

impl From<Vec<u8>> for Block {
    fn from(bytes: Vec<u8>) -> Block {
        Block { range: 0..bytes.len(), memory: Arc::new(bytes) }
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.range.len())
    }
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes(Repr::Small(Vec::new()))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(if bytes.len() < BY_REFERENCE { Repr::Small(bytes) } else { Repr::Large(bytes.into()) })
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes::from(bytes.to_vec())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Small(bytes) => bytes,
            Repr::Large(block) => block,
        }
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Bytes) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Bytes) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} bytes)", self.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Repr::Large(block) = &self.0 else { return serializer.serialize_bytes(self) };
        OFFER.set(Some(block.clone()));
        let written = serializer.serialize_bytes(block);
        OFFER.take();
        written
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_bytes(BlockVisitor)
    }
}

/// For `#[serde(with = "…")]` on a `Vec<u8>` field.
pub(crate) mod as_bytes {
    use super::{BlockVisitor, Bytes, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_bytes(BlockVisitor).map(Bytes::into_vec)
    }
}

struct BlockVisitor;

impl<'de> Visitor<'de> for BlockVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Block::lent(bytes).map_or_else(|| bytes.into(), |block| Bytes(Repr::Large(block))))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(bytes.into())
    }

    /// Text formats have no bytes of their own and send a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}
