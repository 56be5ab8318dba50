//! The queue between a sink and what takes its items: a stream of this process, or a connection.
//!
//! On a connection whoever can make progress does: a sender, or the thread that reads a credit. One at a time, so that the
//! order stays. Items are encoded outside the lock.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Instant;

use serde::Serialize;

use super::TrySendError;
use super::packing::send_items;
use super::port::{Pump, Source, Wire, park_until};
use crate::codec::{EncodeItem, Encoding};
use crate::context::Context;
use crate::panics::{self, Panicked};
use crate::status::Status;
use crate::sync::{Mutex, MutexGuard};
use crate::transport::{Waiter, wake_all};

/// Items between a sink and its stream.
const CAPACITY: usize = 64;

pub(super) struct Channel<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    queue: VecDeque<T>,
    /// The producer's last word, until it is passed on.
    end: Option<Result<(), Status>>,
    /// No item is taken any more, and why.
    over: Option<Status>,
    line: Option<Line<T>>,
    /// Where the items come from, if that is to be told when nobody wants more.
    source: Option<Source>,
    /// A thread sends items right now.
    pumping: bool,
    sleepers: Vec<Waiter>,
}

/// The connection that takes the items.
struct Line<T> {
    wire: Wire,
    /// Below zero behind a large item.
    credit: i64,
    encode: EncodeItem<T>,
}

/// What a sender does when there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Waits to be woken.
    Registers,
    Leaves,
}

/// What a pump does next.
enum Step<T> {
    Send(Wire, VecDeque<T>, EncodeItem<T>, i64),
    End(Wire, Result<(), Status>),
    Rest,
}

impl<T> Channel<T> {
    pub(super) fn new() -> Channel<T> {
        Channel {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                end: None,
                over: None,
                line: None,
                source: None,
                pumping: false,
                sleepers: Vec::new(),
            }),
        }
    }

    /// Waits for room until `deadline`, or the deadline of the call that the stream belongs to.
    pub(super) fn send(&self, item: T, deadline: Option<Instant>) -> Result<(), Status> {
        let offered = self.offer_until(&mut Some(item), deadline);
        let too_late = || Context::wait_ended("the consumer did not take an item in time");
        offered.unwrap_or_else(|| Err(too_late()))?;
        self.pump();
        // It may be long until the next.
        self.leave_behind();
        Ok(())
    }

    /// Offers the item until it is taken, the stream is over, or `deadline`. The stream may go onto a connection meanwhile:
    /// then its producer may have to read that.
    fn offer_until(&self, item: &mut Option<T>, deadline: Option<Instant>) -> Option<Result<(), Status>> {
        loop {
            let wire = self.wire();
            let mut outcome = None;
            let mut offer = || {
                outcome = self.offer(item, Refused::Registers);
                outcome.is_some()
            };
            let go_on = match &wire {
                Some(Wire { port, deadline: end, .. }) => {
                    let deadline = deadline.into_iter().chain(*end).min();
                    if !port.wait_for_room(deadline, &|| self.over().is_some()) {
                        return self.over().map(Err);
                    }
                    offer() || port.wait(deadline, &mut offer)
                }
                None => park_until(deadline, &mut || offer() || self.wire().is_some()),
            };
            if outcome.is_some() || !go_on {
                return outcome;
            }
        }
    }

    /// Why no item is taken any more; until there is a reason, this thread is woken when there may be one.
    fn over(&self) -> Option<Status> {
        let mut state = self.lock();
        if state.over.is_none() {
            state.sleep();
        }
        state.over.clone()
    }

    fn wire(&self) -> Option<Wire> {
        self.lock().line.as_ref().map(|line| line.wire.clone())
    }

    /// Queues the item if there is room; otherwise this thread is woken when there may be, if it registers.
    fn offer(&self, item: &mut Option<T>, refused: Refused) -> Option<Result<(), Status>> {
        let mut state = self.lock();
        if let Some(why) = &state.over {
            return Some(Err(why.clone()));
        }
        if state.queue.len() >= CAPACITY {
            if refused == Refused::Registers {
                state.sleep();
            }
            return None;
        }
        state.queue.extend(item.take());
        let sleepers = state.wake_consumer();
        drop(state);
        wake_all(&sleepers);
        Some(Ok(()))
    }

    pub(super) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut item = Some(item);
        let wire = self.wire();
        if wire.as_ref().is_some_and(|wire| !wire.port.has_room()) {
            return item.map_or(Ok(()), |item| Err(TrySendError::Full(item)));
        }
        let offered = self.offer(&mut item, Refused::Leaves).or_else(|| {
            // Credit may lie unread.
            wire?.port.take_in();
            self.offer(&mut item, Refused::Leaves)
        });
        match offered {
            Some(Ok(())) => {
                self.pump();
                self.leave_behind();
                Ok(())
            }
            Some(Err(why)) => Err(TrySendError::Over(why)),
            None => item.map_or(Ok(()), |item| Err(TrySendError::Full(item))),
        }
    }

    /// The producer has panicked, as its connection is told if there is one.
    pub(super) fn note_panic(&self) {
        if let Some(wire) = self.wire() {
            wire.port.panicked(wire.id);
        }
    }

    /// The producer's last word; only the first counts.
    pub(super) fn end(&self, outcome: Result<(), Status>) {
        let mut state = self.lock();
        if state.over.is_some() {
            return;
        }
        let why =
            outcome.clone().err().unwrap_or_else(|| Status::failed_precondition("the stream has ended"));
        state.over = Some(why);
        state.end = Some(outcome);
        let source = state.source.take();
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        drop(source);
        wake_all(&sleepers);
        self.pump();
        self.leave_behind();
    }

    /// The producer goes on to other things: what it has sent and has no credit must not wait for its next item.
    fn leave_behind(&self) {
        let state = self.lock();
        let wire = state.line.as_ref().filter(|_| !state.queue.is_empty()).map(|line| line.wire.clone());
        drop(state);
        if let Some(wire) = wire {
            wire.port.tend(wire.id);
        }
    }

    /// The next item for a stream of this process.
    pub(super) fn receive(&self, deadline: Option<Instant>) -> Option<Result<T, Status>> {
        let mut taken = None;
        let arrived = park_until(deadline, &mut || {
            taken = self.take();
            taken.is_some()
        });
        if !arrived {
            return Some(Err(Context::wait_ended("the next item did not come in time")));
        }
        taken.flatten()
    }

    /// Waits until there is an item or the end, or `until`; says which.
    pub(super) fn wait(&self, until: Option<Instant>) -> bool {
        park_until(until, &mut || {
            let mut state = self.lock();
            let ready = !state.queue.is_empty() || state.end.is_some() || state.over.is_some();
            if !ready {
                state.sleep();
            }
            ready
        })
    }

    /// An item, the end (`Some(None)`), or nothing yet.
    #[expect(clippy::option_option, reason = "an iterator's answer, or none yet")]
    fn take(&self) -> Option<Option<Result<T, Status>>> {
        let mut state = self.lock();
        if let Some(item) = state.queue.pop_front() {
            let sleepers = std::mem::take(&mut state.sleepers);
            drop(state);
            wake_all(&sleepers);
            return Some(Some(Ok(item)));
        }
        if let Some(outcome) = &mut state.end {
            let outcome = std::mem::replace(outcome, Ok(()));
            return Some(outcome.err().map(Err));
        }
        state.sleep();
        None
    }

    /// The consumer is gone: what is queued is dropped, and the next send fails. If dropping panics, that goes on once
    /// everybody is told.
    pub(super) fn abandon(&self, why: &Status) {
        let mut state = self.lock();
        state.over.get_or_insert_with(|| why.clone());
        state.end = None;
        let (line, source) = (state.line.take(), state.source.take());
        let queue = std::mem::take(&mut state.queue);
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        drop(line);
        wake_all(&sleepers);
        if let Some(Source { port, id }) = source {
            port.abandon(id);
        }
        panics::discard(queue).unwrap_or_else(Panicked::go_on);
    }

    pub(super) fn attach(&self, wire: Wire, encoding: Encoding, source: Option<Source>)
    where
        T: Serialize,
    {
        let encode = encoding.item_encoder();
        let mut state = self.lock();
        state.line = Some(Line { wire, credit: 0, encode });
        state.source = source;
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        wake_all(&sleepers);
    }

    /// Sends what the credit allows, unless another thread does.
    fn pump(&self) {
        let mut flush = None;
        loop {
            match self.next_step() {
                Step::Send(wire, mut items, encode, credit) => {
                    let sent = send_items(&wire, &mut items, encode, credit);
                    self.sent(&wire, items, sent);
                    flush = Some(wire);
                }
                Step::End(wire, outcome) => {
                    wire.port.end(wire.id, outcome);
                    flush = Some(wire);
                }
                Step::Rest => break,
            }
        }
        if let Some(wire) = flush {
            wire.port.flush();
        }
    }

    fn next_step(&self) -> Step<T> {
        let mut state = self.lock();
        let State { queue, end, line, pumping, .. } = &mut *state;
        let Some(on) = line else { return Step::Rest };
        if *pumping {
            return Step::Rest;
        }
        if queue.is_empty() {
            let Some(outcome) = end.take() else { return Step::Rest };
            let wire = on.wire.clone();
            *line = None;
            return Step::End(wire, outcome);
        }
        if on.credit <= 0 {
            return Step::Rest;
        }
        *pumping = true;
        let count = usize::try_from(on.credit).unwrap_or(usize::MAX);
        // All, as mostly, go with their memory, which comes back.
        let items = if count < queue.len() { queue.drain(..count).collect() } else { std::mem::take(queue) };
        Step::Send(on.wire.clone(), items, on.encode, on.credit)
    }

    /// A round of sending is over, with these items left; a failure ends the stream on both sides.
    fn sent(&self, wire: &Wire, mut left: VecDeque<T>, outcome: Result<i64, Status>) {
        let mut state = self.lock();
        state.pumping = false;
        if let (Ok(used), State { queue, line: Some(line), .. }) = (&outcome, &mut *state) {
            line.credit = line.credit.saturating_sub(*used);
            left.append(queue);
            std::mem::swap(queue, &mut left);
        }
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        let mut dropped = panics::discard(left);
        if let Err(why) = &outcome {
            dropped = dropped.and(panics::catch(|| self.abandon(why)));
        }
        wake_all(&sleepers);
        if dropped.is_err() {
            wire.port.panicked(wire.id);
        }
        if let Err(why) = outcome {
            wire.port.end(wire.id, Err(why));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// This thread is to be woken at the next change.
    fn sleep(&mut self) {
        let this = Waiter::current();
        if self.sleepers.iter().all(|sleeper| sleeper.id() != this.id()) {
            self.sleepers.push(this);
        }
    }

    /// Who waits for an item of a stream in this process; on a connection only senders sleep here.
    fn wake_consumer(&mut self) -> Vec<Waiter> {
        if self.line.is_none() { std::mem::take(&mut self.sleepers) } else { Vec::new() }
    }
}

impl<T: Send> Pump for Channel<T> {
    fn credit(&self, items: u32) {
        if let Some(line) = &mut self.lock().line {
            line.credit = line.credit.saturating_add(i64::from(items));
        }
        self.pump();
    }

    fn cancel(&self, why: &Status) {
        self.abandon(why);
    }

    fn is_held_up(&self) -> bool {
        let state = self.lock();
        state.line.is_some() && !state.queue.is_empty()
    }

    fn is_starved(&self) -> bool {
        let state = self.lock();
        state.line.as_ref().is_some_and(|line| line.credit <= 0) && !state.queue.is_empty()
    }
}
