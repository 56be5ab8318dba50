//! One stream of a broadcast: its place in the chain, and who takes its items.
//!
//! On a connection a round sends what is new, and so does the thread that reads a credit. One at a time, so that the order
//! stays. In this process the consumer takes the items himself.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SubscriberId;
use super::chain::Chain;
use super::cursor::{Cursor, Made, Next, Source};
use super::line::{Line, Rewrite, Rewriting};
use super::rounds::Shard;
use crate::codec::{self, DecodeError, Encoding};
use crate::context::Context;
use crate::status::Status;
use crate::stream::packing::send_items;
use crate::stream::port::{Pump, Wire, cost, park_until};
use crate::sync::thread::{self, Thread};
use crate::sync::{Mutex, MutexGuard};

pub(in crate::stream) struct Subscriber {
    id: SubscriberId,
    chain: Arc<Chain>,
    /// Whose rounds it is part of.
    shard: Weak<Shard>,
    state: Mutex<State>,
}

struct State {
    /// Nothing when the stream is over.
    cursor: Option<Cursor>,
    line: Option<Line>,
    /// A thread sends right now.
    sending: bool,
    /// Why who sent last did not go on, though more was there.
    stopped: Option<Stop>,
    /// Why it ended before a connection took it, or for a consumer in this process.
    failure: Option<Status>,
    /// Who waits for an item in this process.
    sleeper: Option<Thread>,
}

/// What a stream that has more to send waits for.
#[derive(Clone, Copy)]
enum Stop {
    Credit,
    Room,
}

/// What goes onto the connection next.
enum Message {
    /// Nothing yet: items are to be made first.
    Making(Source),
    Items(u32),
    Large(Arc<[u8]>),
    /// Items to be written otherwise, as far as this credit goes.
    Rewritten(VecDeque<Arc<[u8]>>, Rewrite, i64),
    End(Result<(), Status>),
}

impl Subscriber {
    pub(super) fn id(&self) -> SubscriberId {
        self.id
    }

    pub(super) fn new(id: SubscriberId, cursor: Cursor, chain: Arc<Chain>, shard: Weak<Shard>) -> Subscriber {
        let state = State {
            cursor: Some(cursor),
            line: None,
            sending: false,
            stopped: None,
            failure: None,
            sleeper: None,
        };
        Subscriber { id, chain, shard, state: Mutex::new(state) }
    }

    /// Something new was sent: passes on what the credit allows, unless another thread does. `payload` is spare memory.
    pub(super) fn deliver(&self, payload: &mut Vec<u8>) {
        if !self.begin() {
            return;
        }
        let mut used = None;
        while let Some((wire, message)) = self.next_message(payload) {
            let sent = match message {
                Message::Making(source) => {
                    let made = source.make();
                    if made.panicked {
                        wire.port.panicked(wire.id);
                    }
                    self.put_back(made);
                    Ok(())
                }
                Message::Items(count) => wire.port.items(wire.id, count, payload),
                Message::Large(item) => wire.port.large_item(wire.id, item),
                Message::Rewritten(mut items, rewrite, credit) => {
                    let sent = send_items(&wire, &mut items, rewrite, credit);
                    sent.map(|used| self.rewrote(items, used))
                }
                Message::End(outcome) => {
                    self.leave();
                    wire.port.end(wire.id, outcome);
                    Ok(())
                }
            };
            if let Err(why) = sent {
                self.leave();
                wire.port.end(wire.id, Err(why));
            }
            used = Some(wire);
        }
        let stopped = self.stopped();
        let full = stopped.as_ref().filter(|(_, stop)| matches!(stop, Stop::Room)).map(|(wire, _)| wire);
        if let Some(wire) = used.as_ref().or(full) {
            wire.port.flush();
        }
        if let Some((wire, Stop::Credit)) = &stopped {
            wire.port.tend(wire.id);
        }
    }

    /// Ends now, for this reason.
    pub(super) fn cut(&self, why: Status) {
        let mut state = self.lock();
        let cursor = state.cursor.take();
        if cursor.is_some() {
            state.failure = Some(why);
        }
        drop(state);
        drop(cursor);
        self.leave();
        self.deliver(&mut Vec::new());
    }

    /// Whether this thread is to send.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        if state.line.is_some() {
            return !std::mem::replace(&mut state.sending, true);
        }
        let lags = state.cursor.as_mut().and_then(|cursor| cursor.lag(&self.chain));
        let gone = lags.and_then(|why| {
            state.failure = Some(why);
            state.cursor.take()
        });
        let sleeper = state.sleeper.take();
        drop(state);
        if gone.is_some() {
            self.leave();
        }
        sleeper.iter().for_each(Thread::unpark);
        false
    }

    fn next_message(&self, payload: &mut Vec<u8>) -> Option<(Wire, Message)> {
        payload.clear();
        let mut state = self.lock();
        let message = state.pick(&self.chain, payload);
        let sent = message.and_then(|message| Some((state.line.as_ref()?.wire.clone(), message)));
        state.sending = sent.is_some();
        sent
    }

    /// A stream that ended meanwhile wants nothing more.
    fn put_back(&self, made: Made) {
        let mut state = self.lock();
        let unwanted = match &mut state.cursor {
            Some(cursor) => {
                cursor.put_back(made);
                None
            }
            None => Some(made),
        };
        drop(state);
        drop(unwanted);
    }

    /// Items were written otherwise and sent, but for these.
    fn rewrote(&self, left: VecDeque<Arc<[u8]>>, used: i64) {
        if let Some(line) = &mut self.lock().line {
            line.taken = left;
            line.credit = line.credit.saturating_sub(used);
        }
    }

    /// Where to see to it that the stream goes on: what fills the connection may lie there unsent, and credit unread.
    fn stopped(&self) -> Option<(Wire, Stop)> {
        let state = self.lock();
        Some((state.line.as_ref()?.wire.clone(), state.stopped?))
    }

    /// The stream is over; rounds pass it by from now on.
    pub(super) fn leave(&self) {
        let cursor = self.lock().cursor.take();
        drop(cursor);
        if let Some(shard) = self.shard.upgrade() {
            shard.forget(self.id);
        }
    }

    /// The next item's bytes for a consumer in this process.
    fn receive(&self, deadline: Option<Instant>) -> Option<Result<Arc<[u8]>, Status>> {
        let mut taken = None;
        let arrived = park_until(deadline, &mut || {
            taken = self.take();
            taken.is_some()
        });
        match taken {
            Some(Next::Item(item)) if arrived => Some(Ok(item)),
            Some(Next::End(outcome)) if arrived => {
                self.leave();
                outcome.err().map(Err)
            }
            _ => {
                self.leave();
                Some(Err(Context::wait_ended("the next item did not come in time")))
            }
        }
    }

    /// Whether an item or the end is here; if not, this thread is woken when one is.
    fn is_ready(&self) -> bool {
        let mut state = self.lock();
        let ready = state.cursor.as_mut().is_none_or(|cursor| cursor.peek().is_some());
        if !ready {
            state.sleeper = Some(thread::current());
        }
        ready
    }

    fn take(&self) -> Option<Next> {
        loop {
            let mut state = self.lock();
            let Some(cursor) = &mut state.cursor else {
                return Some(Next::End(state.failure.take().map_or(Ok(()), Err)));
            };
            let next = cursor.peek();
            match next {
                Some(Next::Unmade) => {}
                Some(_) => {
                    cursor.advance();
                    return next;
                }
                None => {
                    state.sleeper = Some(thread::current());
                    return None;
                }
            }
            let source = cursor.take_source()?;
            drop(state);
            self.put_back(source.make());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is something still to be sent.
    fn has_more(&mut self) -> bool {
        self.line.as_ref().is_some_and(|line| !line.taken.is_empty())
            || self.cursor.as_mut().is_some_and(|cursor| cursor.peek().is_some())
    }

    /// Takes items into `payload` as far as the credit goes, the connection has room and a frame has. One that does not go
    /// on, and is too far behind, ends.
    fn pick(&mut self, chain: &Chain, payload: &mut Vec<u8>) -> Option<Message> {
        let line = self.line.as_mut()?;
        let Some(cursor) = &mut self.cursor else {
            return self.failure.take().map(|why| Message::End(Err(why)));
        };
        let refused = match line.credit {
            ..=0 => Some(Stop::Credit),
            _ if line.wire.port.room_or_ask() => None,
            _ => Some(Stop::Room),
        };
        let may_send = refused.is_none();
        self.stopped = refused.filter(|_| !line.taken.is_empty() || cursor.peek().is_some());
        match line.rewriting(cursor, may_send) {
            Rewriting::No => {}
            Rewriting::Of(items, rewrite) => return Some(Message::Rewritten(items, rewrite, line.credit)),
            Rewriting::HeldUp => return cursor.lag(chain).map(|why| Message::End(Err(why))),
        }
        let most = if may_send { u32::try_from(line.credit).unwrap_or(u32::MAX) } else { 0 };
        let count = cursor.take(most, payload);
        if count == 0 {
            return match cursor.peek() {
                Some(Next::End(outcome)) => Some(Message::End(outcome)),
                Some(Next::Unmade) if may_send => cursor.take_source().map(Message::Making),
                Some(Next::Item(item)) if may_send => {
                    cursor.advance();
                    line.credit -= i64::from(cost(1, item.len()));
                    Some(Message::Large(item))
                }
                _ => cursor.lag(chain).map(|why| Message::End(Err(why))),
            };
        }
        line.credit -= i64::from(cost(count, payload.len()));
        Some(Message::Items(count))
    }
}

/// The consumer of a subscriber in this process.
pub(in crate::stream) struct Subscribed<T> {
    subscriber: Arc<Subscriber>,
    decode: fn(&[u8]) -> Result<T, DecodeError>,
    rewriter: fn(Encoding) -> Option<Rewrite>,
}

impl<T> Subscribed<T> {
    pub(in crate::stream) fn new(subscriber: Arc<Subscriber>) -> Subscribed<T>
    where
        T: Serialize + DeserializeOwned,
    {
        let rewriter = |encoding: Encoding| encoding.item_rewriter::<T>();
        Subscribed { subscriber, decode: |bytes| codec::decode(bytes), rewriter }
    }

    pub(in crate::stream) fn next(&mut self, deadline: Option<Instant>) -> Option<Result<T, Status>> {
        let item = self.subscriber.receive(deadline)?;
        let decoded = |bytes: Arc<[u8]>| {
            let undone = |error| Status::internal(format!("an item does not decode: {error}"));
            (self.decode)(&bytes).map_err(undone)
        };
        Some(item.and_then(decoded))
    }

    /// Waits until there is an item or the end, or `until`; says which.
    pub(in crate::stream) fn wait(&self, until: Option<Instant>) -> bool {
        park_until(until, &mut || self.subscriber.is_ready())
    }

    /// Leaves the items to a connection. They lie there in bincode; who wants another encoding has each written for himself.
    pub(in crate::stream) fn attach(self, wire: Wire, encoding: Encoding) -> Arc<Subscriber> {
        let rewrite = (self.rewriter)(encoding);
        self.subscriber.lock().line = Some(Line::new(wire, rewrite));
        self.subscriber.clone()
    }
}

impl<T> Drop for Subscribed<T> {
    fn drop(&mut self) {
        let on_a_connection = self.subscriber.lock().line.is_some();
        if !on_a_connection {
            self.subscriber.leave();
        }
    }
}

impl Pump for Subscriber {
    fn credit(&self, items: u32) {
        if let Some(line) = &mut self.lock().line {
            line.credit = line.credit.saturating_add(i64::from(items));
        }
        self.deliver(&mut Vec::new());
    }

    fn cancel(&self, _why: &Status) {
        self.leave();
    }

    fn is_held_up(&self) -> bool {
        let mut state = self.lock();
        state.line.is_some() && state.has_more()
    }

    fn is_starved(&self) -> bool {
        let mut state = self.lock();
        state.line.as_ref().is_some_and(|line| line.credit <= 0) && state.has_more()
    }
}
