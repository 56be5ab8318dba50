//! Where a subscriber is: what it takes next.

use std::collections::VecDeque;
use std::sync::Arc;

use super::chain::{Chain, Node, Word};
use super::{Lagged, Position, SubscriberId};
use crate::bytes::BY_REFERENCE;
use crate::panics;
use crate::status::Status;
use crate::stream::packing::FRAME;

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
    /// Makes what comes behind that. It is away while it makes some.
    rest: Option<Source>,
    /// It could not make all.
    failure: Option<Status>,
}

/// Makes the first items of a subscriber, one by one. It is the user's code: never called under a lock, and a panic when it
/// is dropped ends here.
pub(super) struct Source(Option<Box<dyn FnMut() -> Option<FirstItem> + Send>>);

/// An encoded item, or why there are no more.
type FirstItem = Result<Arc<[u8]>, Status>;

/// What a source has made: some items, and perhaps its end.
pub(super) struct Made {
    /// Instead of its end, the source has panicked.
    pub(super) panicked: bool,
    items: VecDeque<Arc<[u8]>>,
    rest: Option<Source>,
    failure: Option<Status>,
}

/// What is next for a subscriber.
pub(super) enum Next {
    Item(Arc<[u8]>),
    /// Items that are still to be made by [`Source::make`].
    Unmade,
    End(Result<(), Status>),
}

impl First {
    pub(super) fn made(items: VecDeque<Arc<[u8]>>) -> First {
        First { made: items, rest: None, failure: None }
    }

    pub(super) fn to_be_made(source: impl FnMut() -> Option<FirstItem> + Send + 'static) -> First {
        First { made: VecDeque::new(), rest: Some(Source(Some(Box::new(source)))), failure: None }
    }

    fn peek(&self) -> Option<Next> {
        let made = self.made.front().map(|item| Next::Item(item.clone()));
        let unmade = || self.rest.as_ref().map(|_| Next::Unmade);
        made.or_else(unmade).or_else(|| self.failure.clone().map(|why| Next::End(Err(why))))
    }
}

impl Source {
    /// Makes items, as many as share a frame.
    pub(super) fn make(mut self) -> Made {
        let (mut items, mut bytes) = (VecDeque::new(), 0);
        while bytes < FRAME && items.len() < AT_ONCE {
            let next = panics::catch(|| self.0.as_mut().and_then(|source| source()));
            let (panicked, failure) = match next {
                Ok(Some(Ok(item))) => {
                    bytes += item.len();
                    items.push_back(item);
                    continue;
                }
                Ok(Some(Err(why))) => (false, Some(why)),
                Ok(None) => (false, None),
                Err(panic) => {
                    tracing::error!(panic = panic.message(), "making the first items of a stream panicked");
                    (true, Some(Status::internal("making the first items of the stream panicked")))
                }
            };
            return Made { panicked, items, rest: None, failure };
        }
        Made { panicked: false, items, rest: Some(self), failure: None }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Err(panic) = panics::discard(self.0.take()) {
            tracing::error!(panic = panic.message(), "dropping what makes a stream's first items panicked");
        }
    }
}

/// Items that are made in one go at most.
const AT_ONCE: usize = 64;

impl Cursor {
    /// Begins with `first`, and goes on with what is sent from now on.
    pub(super) fn new(id: SubscriberId, first: First, chain: &Chain) -> Cursor {
        let seen = chain.tail();
        Cursor { id, first, taken: seen.position(), seen }
    }

    /// What is next, if that was sent already. Words for others are passed by.
    pub(super) fn peek(&mut self) -> Option<Next> {
        let first = self.first.peek();
        if first.is_some() {
            return first;
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

    /// Takes the small items that come next into `payload`: as many as `most`, and as share a frame. The first is taken
    /// whatever a frame has room for; a large one goes by reference, and ends this. How many they are.
    pub(super) fn take(&mut self, most: u32, payload: &mut Vec<u8>) -> u32 {
        let mut count = 0;
        let mut fits = |item: &[u8]| {
            let fits = count < most
                && item.len() < BY_REFERENCE
                && (count == 0 || payload.len() + item.len() <= FRAME);
            if fits {
                payload.extend_from_slice(item);
                count += 1;
            }
            fits
        };
        while let Some(item) = self.first.made.front() {
            if !fits(item) {
                return count;
            }
            self.first.made.pop_front();
        }
        if self.first.peek().is_some() {
            return count;
        }
        // One by one without counting references: all who are served look at the same words at the same time.
        let mut seen = &self.seen;
        while let Some(next) = seen.next.get() {
            if next.audience.includes(self.id) {
                match &next.word {
                    Word::Item(item) if fits(item) => self.taken = next.position(),
                    _ => break,
                }
            }
            seen = next;
        }
        if !Arc::ptr_eq(seen, &self.seen) {
            self.seen = seen.clone();
        }
        count
    }

    /// Takes away what makes the first items, to be run without a lock and put back.
    pub(super) fn take_source(&mut self) -> Option<Source> {
        self.first.rest.take()
    }

    /// Puts back what [`take_source`](Cursor::take_source) took, with what it has made.
    pub(super) fn put_back(&mut self, made: Made) {
        let Made { items, rest, failure, .. } = made;
        self.first.made.extend(items);
        (self.first.rest, self.first.failure) = (rest, failure);
    }

    /// Why a subscriber that stands here, and does not go on, is let go.
    pub(super) fn lag(&mut self, chain: &Chain) -> Option<Status> {
        // What is for others is not owed.
        self.peek()?;
        let missed = chain.excess(&self.seen)?;
        let after = if self.first.peek().is_none() { Some(self.taken) } else { None };
        Some(Lagged { missed, after }.status(chain.lag()))
    }
}
