//! One item to many streams, encoded once.
//!
//! ```text
//!                          ┌─▶ shard ─▶ writer ─▶ stream, stream, stream …
//!   send ─▶ [ chain ] ─────┤
//!                          └─▶ shard ─▶ writer ─▶ stream, stream, stream …
//! ```
//! Sending waits for no subscriber: one that falls too far behind is told so and let go. All subscribers get what is for
//! them in one order.

mod chain;
mod cursor;
mod line;
#[cfg(all(test, shuttle))]
mod models;
mod rounds;
mod subscriber;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::chain::Lag;
use self::chain::{Audience, Chain, Word};
use self::cursor::{Cursor, First};
use self::rounds::{Shard, Writers};
pub(super) use self::subscriber::{Subscribed, Subscriber};
use super::Stream;
use crate::codec;
use crate::limits::FRAME_CEILING;
use crate::status::Status;
use crate::sync::{self, Mutex};

/// Sends each item to all its subscribers: [`Stream`]s that a procedure returns, or that are consumed in this process.
///
/// An item is encoded once, whoever many take it, and sent by a few threads that all broadcasts of a process share.
/// Subscribers get items in the order in which they were sent, private ones included. Dropping the broadcast is the
/// regular end of its streams, behind what was sent; dropping the last one of a process waits up to a second for
/// rounds under way.
///
/// A subscriber may fall behind by as much as [`Lag`] says; beyond that its stream ends with a `ResourceExhausted` status
/// that [`Lagged::from_status`] reads. So what a broadcast holds is bounded, and a slow consumer costs the others nothing.
///
/// ```
/// let news = rpc_core::Broadcast::new();
/// let (_, mut ana) = news.subscribe();
/// let (bob, mut bobs) = news.subscribe();
/// news.send(&"for all".to_owned())?;
/// news.send_to(&[bob], &"for bob".to_owned())?;
/// drop(news);
/// assert_eq!(ana.by_ref().count(), 1);
/// assert_eq!(bobs.nth(1).unwrap()?, "for bob");
/// # Ok::<(), rpc_core::Status>(())
/// ```
pub struct Broadcast<T> {
    chain: Arc<Chain>,
    shards: Mutex<Vec<Arc<Shard>>>,
    writers: Arc<Writers>,
    items: PhantomData<fn(T)>,
}

/// Names one subscriber; another broadcast does not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(u64);

/// An item's number among those that a broadcast has sent, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

/// A subscriber that took less than was sent, for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged {
    /// Items behind the last one that it took, those for others included.
    pub missed: u64,
    /// Where to resume: the last item that its stream has, or the last before it subscribed. `None` if it has not even taken
    /// the items that its stream began with.
    pub after: Option<Position>,
}

/// One count for all broadcasts, so that no name ever means somebody else.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Subscribers of one shard: they are served in half a millisecond. A few shards let several writers work for one broadcast, and
/// each costs it a wake-up and a round; models have no crowds.
const SHARD: usize = if cfg!(all(test, shuttle)) { 2 } else { 128 };

/// Shards of one broadcast; their members grow beyond [`SHARD`] when there are that many.
const MOST_SHARDS: usize = 4;

/// Writers that do not get on for this long are not waited for: 1 s.
const PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// Items are encoded here; the memory is used again.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<T> Broadcast<T> {
    /// A broadcast without subscribers, and with the default [`Lag`].
    pub fn new() -> Broadcast<T> {
        Broadcast::with_lag(Lag::default())
    }

    /// A broadcast whose subscribers may fall behind by so much.
    pub fn with_lag(lag: Lag) -> Broadcast<T> {
        Broadcast::written_by(Writers::of_this_process(), lag)
    }

    fn written_by(writers: Arc<Writers>, lag: Lag) -> Broadcast<T> {
        Broadcast { chain: Arc::new(Chain::new(lag)), shards: Mutex::default(), writers, items: PhantomData }
    }

    /// Streams that are open.
    pub fn subscribers(&self) -> usize {
        self.shards().iter().map(|shard| shard.len()).sum()
    }

    /// Ends these streams behind what was sent: in order, or with a status.
    pub fn end(&self, subscribers: &[SubscriberId], outcome: Result<(), Status>) {
        self.append(Word::End(outcome), Audience::only(subscribers));
    }

    /// Ends these streams at once with `why`; what they have still to take is lost. For subscribers that must not be waited
    /// for.
    pub fn cut(&self, subscribers: &[SubscriberId], why: &Status) {
        for shard in self.shards() {
            for subscriber in shard.members_of(subscribers) {
                subscriber.cut(why.clone());
            }
        }
    }

    fn append(&self, word: Word, audience: Audience) -> Position {
        let place = self.chain.append(word, audience);
        let shards = self.shards();
        for shard in &shards {
            self.writers.serve(shard, place);
        }
        // Rounds wait for no peer, so this wait is short; without it a quick sender would outrun every subscriber.
        let caught_up = || !shards.iter().any(|shard| shard.is_far_behind(place));
        if !caught_up() {
            self.writers.wait(sync::now() + PATIENCE, caught_up);
        }
        place.position()
    }

    /// The shards, those without members left out.
    fn shards(&self) -> Vec<Arc<Shard>> {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.iter().filter(|shard| shard.len() > 0).cloned().collect()
    }

    /// The shard with the fewest members, or a new one while all have many.
    fn shard(&self) -> Arc<Shard> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        let smallest = shards.iter().min_by_key(|shard| shard.len());
        match smallest {
            Some(shard) if shard.len() < SHARD || shards.len() >= MOST_SHARDS => shard.clone(),
            _ => {
                let shard = Arc::new(Shard::new(self.chain.clone()));
                shards.push(shard.clone());
                shard
            }
        }
    }
}

impl<T: Serialize> Broadcast<T> {
    /// Sends `item` to every subscriber. Waits for none of them: if it is half a [`Lag`] ahead of the rounds that pass items on,
    /// it waits for those, at most a second.
    ///
    /// # Errors
    /// `Internal` if the item does not encode, `ResourceExhausted` if it is larger than any frame may be. Then nobody gets
    /// it.
    pub fn send(&self, item: &T) -> Result<Position, Status> {
        Ok(self.append(Word::Item(encoded(item)?), Audience::Everyone))
    }

    /// Sends `item` to these subscribers alone, at its place in everyone's order. A name that is none is passed over.
    ///
    /// # Errors
    /// As of [`send`](Broadcast::send).
    pub fn send_to(&self, subscribers: &[SubscriberId], item: &T) -> Result<Position, Status> {
        Ok(self.append(Word::Item(encoded(item)?), Audience::only(subscribers)))
    }
}

impl<T: Serialize + DeserializeOwned> Broadcast<T> {
    /// A stream of what is sent from now on, and the name under which [`send_to`](Broadcast::send_to) reaches it.
    pub fn subscribe(&self) -> (SubscriberId, Stream<T>) {
        self.enter(First::made(VecDeque::new()))
    }

    /// As [`subscribe`](Broadcast::subscribe), of a stream that begins with items of its own: what the subscriber has
    /// missed so far. Nothing is lost in between if the caller keeps others from sending meanwhile.
    ///
    /// # Errors
    /// As of [`send`](Broadcast::send), for one of `first`.
    pub fn subscribe_behind<'a, I>(&self, first: I) -> Result<(SubscriberId, Stream<T>), Status>
    where
        I: IntoIterator<Item = &'a T>,
        T: 'a,
    {
        let first = first.into_iter().map(encoded).collect::<Result<_, Status>>()?;
        Ok(self.enter(First::made(first)))
    }

    /// As [`subscribe_behind`](Broadcast::subscribe_behind), of a stream whose first items are made one by one as the
    /// subscriber takes them; an `Err` ends the stream. However many there are, no more than a frame of them lies ready.
    ///
    /// They are made by whatever thread sends, so making them should not wait. What is sent meanwhile comes behind them, and
    /// counts as [`Lag`].
    pub fn subscribe_behind_iter<I>(&self, first: I) -> (SubscriberId, Stream<T>)
    where
        I: IntoIterator<Item = Result<T, Status>>,
        I::IntoIter: Send + 'static,
    {
        let mut first = first.into_iter();
        let source = move || first.next().map(|item| item.and_then(|item| encoded(&item)));
        self.enter(First::to_be_made(source))
    }

    fn enter(&self, first: First) -> (SubscriberId, Stream<T>) {
        let id = SubscriberId(NEXT.fetch_add(1, Ordering::Relaxed));
        let shard = self.shard();
        let cursor = Cursor::new(id, first, &self.chain);
        let subscriber = Arc::new(Subscriber::new(id, cursor, self.chain.clone(), Arc::downgrade(&shard)));
        shard.admit(subscriber.clone());
        (id, Stream::subscribed(subscriber))
    }
}

impl Lagged {
    /// What a stream's last status says, if it is this.
    pub fn from_status(status: &Status) -> Option<Lagged> {
        let (kind, missed, after): (String, u64, Option<u64>) = codec::decode(status.details()).ok()?;
        (kind == KIND).then_some(Lagged { missed, after: after.map(Position) })
    }

    fn status(self, allowed: Lag) -> Status {
        let mut details = Vec::new();
        // Numbers and a short text always encode.
        codec::encode(&(KIND, self.missed, self.after.map(Position::number)), &mut details).ok();
        let Lag { items, bytes } = allowed;
        let message = format!(
            "the subscriber has {} items still to take, and at most {items} items or {bytes} bytes may wait for it",
            self.missed
        );
        Status::resource_exhausted(message).with_details(details)
    }
}

/// Tells these details from others.
const KIND: &str = "rpc-core/lagged";

impl Position {
    /// The number as such.
    pub fn number(self) -> u64 {
        self.0
    }
}

fn encoded<T: Serialize>(item: &T) -> Result<Arc<[u8]>, Status> {
    let mut spare = SPARE.take();
    spare.clear();
    let encoded = codec::encode(item, &mut spare)
        .map_err(|error| Status::internal(format!("an item does not encode: {error}")));
    let ceiling = usize::try_from(FRAME_CEILING).unwrap_or(usize::MAX);
    let bytes = encoded.and_then(|()| match spare.len() {
        length if length > ceiling => Err(Status::resource_exhausted(format!(
            "an item has {length} bytes, and no frame more than {ceiling}"
        ))),
        _ => Ok(Arc::from(spare.as_slice())),
    });
    if spare.capacity() <= KEPT {
        SPARE.set(spare);
    }
    bytes
}

/// Memory for encoding that has grown past this is given back: 64 KiB.
const KEPT: usize = 64 << 10;

impl<T> Default for Broadcast<T> {
    fn default() -> Broadcast<T> {
        Broadcast::new()
    }
}

impl<T> Drop for Broadcast<T> {
    fn drop(&mut self) {
        self.append(Word::End(Ok(())), Audience::Everyone);
    }
}

impl<T> fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("subscribers", &self.subscribers())
            .field("sent", &self.chain.sent().position())
            .finish_non_exhaustive()
    }
}
