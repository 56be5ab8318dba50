//! Where a subscriber is: what it takes next.

use std::collections::VecDeque;
use std::sync::Arc;

use super::chain::{Chain, Node, Word};
use super::{Lagged, Position, SubscriberId};
use crate::status::Status;

pub(super) struct Cursor {
    id: SubscriberId,
    first: First,
    /// The word behind which to go on.
    seen: Arc<Node>,
    /// The item of everyone's that was taken last.
    taken: Position,
}

/// What is for this subscriber alone, before everything else.
pub(super) struct First {
    made: VecDeque<Arc<[u8]>>,
    /// Makes what comes behind that, an item at a time.
    rest: Option<Source>,
}

pub(super) type Source = Box<dyn FnMut() -> Option<Result<Arc<[u8]>, Status>> + Send>;

/// What is next for a subscriber.
pub(super) enum Next {
    Item(Arc<[u8]>),
    End(Result<(), Status>),
}

impl First {
    pub(super) fn made(items: VecDeque<Arc<[u8]>>) -> First {
        First { made: items, rest: None }
    }

    pub(super) fn to_be_made(source: Source) -> First {
        First { made: VecDeque::new(), rest: Some(source) }
    }

    fn peek(&mut self) -> Option<Result<Arc<[u8]>, Status>> {
        if let Some(item) = self.made.front() {
            return Some(Ok(item.clone()));
        }
        let next = self.rest.as_mut()?();
        match &next {
            Some(Ok(item)) => self.made.push_back(item.clone()),
            Some(Err(_)) => {}
            None => self.rest = None,
        }
        next
    }
}

impl Cursor {
    /// Begins with `first`, and goes on with what is sent from now on.
    pub(super) fn new(id: SubscriberId, first: First, chain: &Chain) -> Cursor {
        let seen = chain.tail();
        Cursor { id, first, taken: seen.position(), seen }
    }

    /// What is next, if that was sent already. Words for others are passed by.
    pub(super) fn peek(&mut self) -> Option<Next> {
        match self.first.peek() {
            Some(Ok(item)) => return Some(Next::Item(item)),
            Some(Err(why)) => return Some(Next::End(Err(why))),
            None => {}
        }
        loop {
            let next = self.seen.next.get()?;
            if next.audience.includes(self.id) {
                return Some(match &next.word {
                    Word::Item(item) => Next::Item(item.clone()),
                    Word::End(outcome) => Next::End(outcome.clone()),
                });
            }
            self.seen = next.clone();
        }
    }

    /// Passes what [`peek`](Cursor::peek) showed.
    pub(super) fn advance(&mut self) {
        if self.first.made.pop_front().is_some() {
            return;
        }
        if let Some(next) = self.seen.next.get() {
            self.taken = next.position();
            self.seen = next.clone();
        }
    }

    /// Why a subscriber that stands here, and does not go on, is let go.
    pub(super) fn lag(&mut self, chain: &Chain) -> Option<Status> {
        // What is for others is not owed.
        self.peek()?;
        let missed = chain.excess(&self.seen)?;
        Some(Lagged { missed, after: self.taken }.status(chain.lag()))
    }
}
