//! The connection that takes the items of one subscriber, and how it wants them written.
//!
//! Items lie in the chain in bincode, once for all. A peer that called in another encoding has them written for him alone,
//! about a frame at a time, so that what that costs is his.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cursor::{Cursor, Next};
use crate::codec::EncodeItem;
use crate::stream::packing::FRAME;
use crate::stream::port::Wire;

pub(super) struct Line {
    pub(super) wire: Wire,
    /// Below zero behind a large item.
    pub(super) credit: i64,
    rewrite: Option<Rewrite>,
    /// Taken out of the chain to be written otherwise, and not sent yet.
    pub(super) taken: VecDeque<Arc<[u8]>>,
}

/// Appends an item, that lies there in bincode, in another encoding.
pub(super) type Rewrite = EncodeItem<Arc<[u8]>>;

/// What is to be written otherwise.
pub(super) enum Rewriting {
    /// Nothing: items go as they are, or there are none.
    No,
    Of(VecDeque<Arc<[u8]>>, Rewrite),
    /// Something, once there is credit and room for it.
    HeldUp,
}

/// Items that are taken to be written otherwise, at most.
const AT_ONCE: usize = 64;

impl Line {
    /// Nothing goes onto `wire` before there is credit.
    pub(super) fn new(wire: Wire, rewrite: Option<Rewrite>) -> Line {
        Line { wire, credit: 0, rewrite, taken: VecDeque::new() }
    }

    /// Takes what is next and must be written otherwise. What of it is not sent is to be put back into `taken`.
    pub(super) fn rewriting(&mut self, cursor: &mut Cursor, may_send: bool) -> Rewriting {
        let Some(rewrite) = self.rewrite else { return Rewriting::No };
        if may_send {
            self.take(cursor);
        }
        match (self.taken.is_empty(), may_send) {
            (true, _) => Rewriting::No,
            (false, true) => Rewriting::Of(std::mem::take(&mut self.taken), rewrite),
            (false, false) => Rewriting::HeldUp,
        }
    }

    fn take(&mut self, cursor: &mut Cursor) {
        let mut bytes: usize = self.taken.iter().map(|item| item.len()).sum();
        while bytes < FRAME
            && self.taken.len() < AT_ONCE
            && let Some(Next::Item(item)) = cursor.peek()
        {
            cursor.advance();
            bytes += item.len();
            self.taken.push_back(item);
        }
    }
}
