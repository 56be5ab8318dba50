//! Items one after the other, produced on one side and consumed on the other.
//!
//! ```text
//!   Sink ─▶ [ at most CAPACITY items ] ─▶ Stream                     in one process
//!   Sink ─▶ [ queue ] ─ pump, by credit ─▶ connection ─▶ [ inlet ] ─▶ Stream
//! ```
//! Items of one stream arrive in the order in which they were sent. A consumer that does not take items stops its producer,
//! and nobody else: more than the credit it gave is never under way. Dropping either end tells the other.

mod broadcast;
mod channel;
mod inlet;
mod packing;
mod port;
mod room;
mod terms;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::broadcast::{Broadcast, Lag, Lagged, Position, SubscriberId};
use self::broadcast::{Subscribed, Subscriber};
use self::channel::Channel;
use self::inlet::Wired;
pub(crate) use self::inlet::{Inlet, InletError};
pub(crate) use self::port::{Legs, Nudge, Port, Pump, Wire, park_until, unsent};
pub(crate) use self::room::Telling;
pub(crate) use self::terms::Terms;
use crate::codec::Encoding;
use crate::context::Context;
use crate::outcome::Endings;
use crate::status::Status;

/// The consuming end: an iterator that waits for each item. Items come in the order in which they were sent, none twice and
/// none left out; the end comes behind them all, unless the call or the connection ends before. After an `Err`, which says why the stream ended early, it is
/// over.
///
/// Dropping it before its end tells the producer, whose next send fails with `Cancelled`.
#[must_use = "dropping a stream cancels it"]
pub struct Stream<T> {
    source: Source<T>,
    kept: Option<Kept>,
}

/// What lives as long as its stream.
type Kept = Box<dyn Any + Send>;

enum Source<T> {
    /// Driven by whoever consumes it.
    Iterator(Box<dyn Iterator<Item = Result<T, Status>> + Send>),
    /// Filled by a [`Sink`] of this process.
    Channel(Arc<Channel<T>>),
    /// Filled by the far side.
    Wired(Wired<T>),
    /// Filled by a [`Broadcast`].
    Subscribed(Subscribed<T>),
    Over,
}

/// The producing end. Dropping it is the stream's regular end; in a panic it is an `Internal` one.
///
/// Items arrive in the order in which they were sent. Threads may share one sink: of each the items keep their order, and
/// between two threads that send at the same time it is open. An item whose send has returned goes before any that is sent
/// afterwards, by whomever.
pub struct Sink<T> {
    channel: Arc<Channel<T>>,
}

/// An item that was not sent now.
#[derive(Debug, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The consumer has not taken what was sent before; here is the item.
    Full(T),
    /// The stream is over, for this reason.
    Over(Status),
}

/// A stream and the sink that fills it: at most 64 items lie between the two.
///
/// Inside a procedure that returns the stream nobody takes items before it has returned: the 65th
/// [`send`](Sink::send) waits until the call's deadline. Send from a thread of your own
/// ([`Context::scope`](crate::Context::scope) carries the call there), or return [`Stream::from_iter`], which the framework
/// drives.
pub fn stream<T>() -> (Sink<T>, Stream<T>) {
    let channel = Arc::new(Channel::new());
    (Sink { channel: channel.clone() }, Stream::of(Source::Channel(channel)))
}

impl<T> Stream<T> {
    /// A stream of these items. It is driven where it goes: by its consumer, or, when it crosses a connection, by a
    /// thread of the framework in the call's context.
    #[expect(
        clippy::should_implement_trait,
        reason = "collecting would take every item first; this takes none"
    )]
    pub fn from_iter<I>(items: I) -> Stream<T>
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
        T: 'static,
    {
        Stream::from_results(items.into_iter().map(Ok))
    }

    /// As [`from_iter`](Stream::from_iter), of items that may say why there are no more.
    pub fn from_results<I>(items: I) -> Stream<T>
    where
        I: IntoIterator<Item = Result<T, Status>>,
        I::IntoIter: Send + 'static,
    {
        Stream::of(Source::Iterator(Box::new(items.into_iter())))
    }

    /// The same stream, which keeps `guard` until it is over: wherever it is consumed, and however it ends.
    ///
    /// What a procedure holds for the caller of a stream, such as his presence, is given back by the guard's `Drop`. That may
    /// run on any thread of the framework, so it should not wait.
    #[must_use = "dropping a stream cancels it"]
    pub fn keeping(mut self, guard: impl Send + 'static) -> Stream<T> {
        let kept = self.kept.take();
        self.kept = Some(Box::new((guard, kept)));
        self
    }

    /// Waits until the next item, or the stream's end, is here, for at most `time`; says whether. Then
    /// [`next`](Iterator::next) does not wait.
    ///
    /// For a consumer that has to look at something else now and then. A stream of an iterator is always ready: what it
    /// has next is found out by asking.
    pub fn wait_timeout(&mut self, time: Duration) -> bool {
        let hard = Context::current_deadline();
        let soft = Instant::now().checked_add(time);
        let until = soft.into_iter().chain(hard).min();
        let ready = match &mut self.source {
            Source::Iterator(_) | Source::Over => true,
            Source::Channel(channel) => channel.wait(until),
            Source::Wired(wired) => wired.wait(until),
            Source::Subscribed(subscribed) => subscribed.wait(until),
        };
        ready || hard.is_some_and(|hard| hard <= Instant::now())
    }

    fn of(source: Source<T>) -> Stream<T> {
        Stream { source, kept: None }
    }

    /// The next item if it comes before `deadline`; a stream whose time is over ends with `DeadlineExceeded`.
    fn next_before(&mut self, deadline: Option<Instant>) -> Option<Result<T, Status>> {
        match &mut self.source {
            Source::Iterator(items) => items.next(),
            Source::Channel(channel) => channel.receive(deadline),
            Source::Wired(wired) => wired.next(deadline),
            Source::Subscribed(subscribed) => subscribed.next(deadline),
            Source::Over => None,
        }
    }
}

impl<T: DeserializeOwned> Stream<T> {
    /// A stream that the far side fills.
    pub(crate) fn wired(wire: Wire, inlet: Arc<Inlet>, encoding: Encoding) -> Stream<T> {
        Stream::of(Source::Wired(Wired::new(wire, inlet, encoding)))
    }

    /// The same stream, which tells these what it has ended with.
    pub(crate) fn telling(mut self, endings: Endings) -> Stream<T> {
        if let Source::Wired(wired) = &mut self.source {
            wired.tell_end(endings);
        }
        self
    }

    /// A stream that a broadcast fills.
    fn subscribed(subscriber: Arc<Subscriber>) -> Stream<T>
    where
        T: Serialize,
    {
        Stream::of(Source::Subscribed(Subscribed::new(subscriber)))
    }
}

/// Takes every item; calls back when it will take no more, before the stream's last word is said.
pub(crate) type Work = Box<dyn FnOnce(&mut dyn FnMut()) + Send>;

/// A stream that goes onto a connection: the pump that sends it, and the work that fills it, if a thread must do that.
pub(crate) struct Attached {
    pub(crate) pump: Arc<dyn Pump>,
    pub(crate) work: Option<Work>,
}

impl<T: Serialize + Send + 'static> Stream<T> {
    /// Sends the items over `wire` from now on, so written. Nothing leaves before the pump is given its first credit.
    pub(crate) fn attach(mut self, wire: Wire, encoding: Encoding) -> Attached {
        let kept = self.kept.take();
        let Attached { pump, work } = self.attach_source(wire, encoding);
        match kept {
            Some(kept) => Attached { pump: Arc::new(Keeping { pump, kept: Mutex::new(kept) }), work },
            None => Attached { pump, work },
        }
    }

    fn attach_source(mut self, wire: Wire, encoding: Encoding) -> Attached {
        match std::mem::replace(&mut self.source, Source::Over) {
            Source::Channel(channel) => {
                channel.attach(wire, encoding, None);
                Attached { pump: channel, work: None }
            }
            Source::Subscribed(subscribed) => {
                Attached { pump: subscribed.attach(wire, encoding), work: None }
            }
            source => {
                let origin = if let Source::Wired(wired) = &source { Some(wired.origin()) } else { None };
                let (context, items) = (Context::current(), Stream::of(source));
                let channel = Arc::new(Channel::new());
                channel.attach(wire, encoding, origin);
                let sink = Sink { channel: channel.clone() };
                let work = move |left: &mut dyn FnMut()| context.scope(|| sink.send_all(items, left));
                Attached { pump: channel, work: Some(Box::new(work)) }
            }
        }
    }
}

/// A pump, and what is kept as long as its connection has it.
struct Keeping {
    pump: Arc<dyn Pump>,
    #[expect(dead_code, reason = "dropped with the pump; behind a lock, since it need not be shareable")]
    kept: Mutex<Kept>,
}

impl Pump for Keeping {
    fn credit(&self, items: u32) {
        self.pump.credit(items);
    }

    fn is_held_up(&self) -> bool {
        self.pump.is_held_up()
    }

    fn is_starved(&self) -> bool {
        self.pump.is_starved()
    }

    fn cancel(&self, why: &Status) {
        self.pump.cancel(why);
    }
}

impl<T> Iterator for Stream<T> {
    type Item = Result<T, Status>;

    fn next(&mut self) -> Option<Result<T, Status>> {
        let item = self.next_before(Context::current_deadline());
        if !matches!(item, Some(Ok(_))) {
            drop(Stream::of(std::mem::replace(&mut self.source, Source::Over)));
            self.kept = None;
        }
        item
    }
}

impl<T> Drop for Stream<T> {
    fn drop(&mut self) {
        if let Source::Channel(channel) = &self.source {
            channel.abandon(&Status::cancelled("the stream's consumer is gone"));
        }
    }
}

impl<T> Sink<T> {
    /// Sends one item, waiting while the consumer is behind, until the call's deadline at the longest.
    ///
    /// # Errors
    /// Why the stream is over: `Cancelled` when the consumer is gone, `DeadlineExceeded`, `Unavailable` when the
    /// connection was lost, `ResourceExhausted` for an item larger than a frame, or the status that its call ended with.
    pub fn send(&self, item: T) -> Result<(), Status> {
        self.channel.send(item, Context::current_deadline())
    }

    /// Sends one item if the consumer is not behind.
    ///
    /// # Errors
    /// [`TrySendError::Full`] hands the item back.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(item)
    }

    /// Ends the stream with an error that the consumer gets behind the items sent so far.
    pub fn fail(self, status: Status) {
        self.channel.end(Err(status));
    }

    fn send_all(self, mut items: Stream<T>, left: &mut dyn FnMut()) {
        let outcome = loop {
            let sent = match items.next() {
                Some(Ok(item)) => self.send(item),
                Some(Err(status)) => break Err(status),
                None => break Ok(()),
            };
            if sent.is_err() {
                break sent;
            }
        };
        drop(items);
        left();
        self.channel.end(outcome);
    }
}

impl<T> Drop for Sink<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.channel.note_panic();
            self.channel.end(Err(Status::internal("the stream's producer panicked")));
        } else {
            self.channel.end(Ok(()));
        }
    }
}

impl<T> fmt::Debug for Stream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.source {
            Source::Iterator(_) => "Stream(of an iterator)",
            Source::Channel(_) => "Stream(of a sink)",
            Source::Wired(_) => "Stream(from the far side)",
            Source::Subscribed(_) => "Stream(of a broadcast)",
            Source::Over => "Stream(over)",
        })
    }
}

impl<T> fmt::Debug for Sink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}
