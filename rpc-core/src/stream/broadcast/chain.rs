//! What was sent, in order: each word is linked to the next.
//!
//! ```text
//!   slow subscriber ──▶ word ─▶ word ─▶ word ─▶ word ◀── tail
//!                                        ▲
//!                           quick subscriber
//! ```
//! A subscriber holds the word that it saw last, and with it all that came later. Nobody holds the words that everyone has
//! seen, so they are gone; a subscriber that lags past its bound lets go.

use std::sync::{Arc, OnceLock, PoisonError};

use super::{Position, SubscriberId};
use crate::status::Status;
use crate::sync::{Mutex, MutexGuard};

pub(super) struct Node {
    /// How much was sent, this word included.
    place: Place,
    pub(super) word: Word,
    pub(super) audience: Audience,
    pub(super) next: OnceLock<Arc<Node>>,
}

/// A place in the order of what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    items: u64,
    bytes: u64,
}

pub(super) enum Word {
    /// An encoded item.
    Item(Arc<[u8]>),
    /// Streams end here.
    End(Result<(), Status>),
}

pub(super) enum Audience {
    Everyone,
    /// In their order.
    Only(Box<[SubscriberId]>),
}

pub(super) struct Chain {
    tail: Mutex<Arc<Node>>,
    lag: Lag,
}

/// How far a subscriber of a [`Broadcast`](super::Broadcast) may fall behind before it is told so and let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Items that were sent and not taken by it; those that went to others count too. 16,384 by default.
    pub items: u64,
    /// Their bytes: 4 MiB by default. One item may be larger.
    pub bytes: u64,
}

impl Default for Lag {
    fn default() -> Lag {
        Lag { items: 16 << 10, bytes: 4 << 20 }
    }
}

impl Chain {
    pub(super) fn new(lag: Lag) -> Chain {
        let nothing = Node {
            place: Place::default(),
            word: Word::End(Ok(())),
            audience: Audience::Only(Box::default()),
            next: OnceLock::new(),
        };
        Chain { tail: Mutex::new(Arc::new(nothing)), lag }
    }

    /// Appends a word behind all others; how much was sent with it.
    pub(super) fn append(&self, word: Word, audience: Audience) -> Place {
        let mut tail = self.lock();
        let node = Arc::new(Node { place: tail.place.after(&word), word, audience, next: OnceLock::new() });
        let place = node.place;
        // The tail has no next: this is the one place that gives it one.
        tail.next.set(node.clone()).ok();
        let seen_by_all = std::mem::replace(&mut *tail, node);
        drop(tail);
        drop(seen_by_all);
        place
    }

    /// The last word so far.
    pub(super) fn tail(&self) -> Arc<Node> {
        self.lock().clone()
    }

    pub(super) fn lag(&self) -> Lag {
        self.lag
    }

    /// How much was sent so far.
    pub(super) fn sent(&self) -> Place {
        self.lock().place
    }

    /// How many items someone who has seen `seen` has not, if that is more than may be.
    pub(super) fn excess(&self, seen: &Node) -> Option<u64> {
        let now = self.lock().place;
        let (items, bytes) = (now.items - seen.place.items, now.bytes - seen.place.bytes);
        (items > self.lag.items || (bytes > self.lag.bytes && items > 1)).then_some(items)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Node>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn position(self) -> Position {
        Position(self.items)
    }

    /// Whether it is further than half of what a subscriber may lag behind `begun`.
    pub(super) fn is_far_from(self, begun: Place, lag: Lag) -> bool {
        let items = self.items.saturating_sub(begun.items);
        let bytes = self.bytes.saturating_sub(begun.bytes);
        items > lag.items / 2 || (bytes > lag.bytes / 2 && items > 1)
    }

    fn after(self, word: &Word) -> Place {
        match word {
            Word::Item(bytes) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                Place { items: self.items + 1, bytes: self.bytes.saturating_add(length) }
            }
            Word::End(_) => self,
        }
    }
}

impl Node {
    pub(super) fn position(&self) -> Position {
        Position(self.place.items)
    }
}

impl Audience {
    pub(super) fn only(some: &[SubscriberId]) -> Audience {
        let mut some: Box<[SubscriberId]> = some.into();
        some.sort_unstable();
        Audience::Only(some)
    }

    pub(super) fn includes(&self, subscriber: SubscriberId) -> bool {
        match self {
            Audience::Everyone => true,
            Audience::Only(some) => some.binary_search(&subscriber).is_ok(),
        }
    }
}

impl Drop for Node {
    /// One after the other: a long chain would be as many calls deep.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(node) = next {
            next = Arc::into_inner(node).and_then(|mut node| node.next.take());
        }
    }
}
