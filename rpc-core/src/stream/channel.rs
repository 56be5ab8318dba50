//! The queue between a sink and what takes its items: a stream of this process, or a connection.
//!
//! On a connection whoever can make progress does: a sender, or the thread that reads a credit. One at a time, so that the
//! order stays. Items are encoded outside the lock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

use serde::Serialize;

use super::TrySendError;
use super::port::{Pump, Wire, park_until};
use crate::codec::{self, EncodeError};
use crate::status::Status;

/// Items between a sink and its stream.
const CAPACITY: usize = 64;

/// Items share a frame up to this size.
const FRAME: usize = 16 << 10;

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
    /// A thread sends items right now.
    pumping: bool,
    sleepers: Vec<Thread>,
}

/// The connection that takes the items.
struct Line<T> {
    wire: Wire,
    credit: u64,
    encode: Encode<T>,
}

/// Appends one item's encoding.
type Encode<T> = fn(&T, &mut Vec<u8>) -> Result<(), EncodeError>;

/// What a pump does next.
enum Step<T> {
    Send(Wire, VecDeque<T>, Encode<T>),
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
                pumping: false,
                sleepers: Vec::new(),
            }),
        }
    }

    /// Waits for room until `deadline`, or the deadline of the call that the stream belongs to.
    pub(super) fn send(&self, item: T, deadline: Option<Instant>) -> Result<(), Status> {
        let mut item = Some(item);
        let mut outcome = None;
        let wire = self.lock().line.as_ref().map(|line| line.wire.clone());
        let mut offer = || {
            outcome = self.offer(&mut item);
            outcome.is_some()
        };
        let offered = match &wire {
            _ if offer() => true,
            Some(wire) => {
                let deadline = deadline.into_iter().chain(wire.deadline).min();
                wire.port.wait(deadline, &mut offer)
            }
            None => park_until(deadline, &mut offer),
        };
        if !offered {
            return Err(Status::deadline_exceeded("the consumer did not take an item in time"));
        }
        outcome.unwrap_or(Ok(()))?;
        self.pump();
        Ok(())
    }

    /// Queues the item if there is room; otherwise this thread is unparked when there may be.
    fn offer(&self, item: &mut Option<T>) -> Option<Result<(), Status>> {
        let mut state = self.lock();
        if let Some(why) = &state.over {
            return Some(Err(why.clone()));
        }
        if state.queue.len() >= CAPACITY {
            state.sleepers.push(thread::current());
            return None;
        }
        state.queue.extend(item.take());
        let sleepers = state.wake_consumer();
        drop(state);
        unpark(&sleepers);
        Some(Ok(()))
    }

    pub(super) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut item = Some(item);
        match self.offer(&mut item) {
            Some(Ok(())) => {
                self.pump();
                Ok(())
            }
            Some(Err(why)) => Err(TrySendError::Over(why)),
            None => item.map_or(Ok(()), |item| Err(TrySendError::Full(item))),
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
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        unpark(&sleepers);
        self.pump();
    }

    /// The next item for a stream of this process.
    pub(super) fn receive(&self, deadline: Option<Instant>) -> Option<Result<T, Status>> {
        let mut taken = None;
        let arrived = park_until(deadline, &mut || {
            taken = self.take();
            taken.is_some()
        });
        if !arrived {
            return Some(Err(Status::deadline_exceeded("the next item did not come in time")));
        }
        taken.flatten()
    }

    /// An item, the end (`Some(None)`), or nothing yet.
    #[expect(clippy::option_option, reason = "an iterator's answer, or none yet")]
    fn take(&self) -> Option<Option<Result<T, Status>>> {
        let mut state = self.lock();
        if let Some(item) = state.queue.pop_front() {
            let sleepers = std::mem::take(&mut state.sleepers);
            drop(state);
            unpark(&sleepers);
            return Some(Some(Ok(item)));
        }
        if let Some(outcome) = &mut state.end {
            let outcome = std::mem::replace(outcome, Ok(()));
            return Some(outcome.err().map(Err));
        }
        state.sleepers.push(thread::current());
        None
    }

    /// The consumer is gone: what is queued is dropped, and the next send fails.
    pub(super) fn abandon(&self, why: &Status) {
        let mut state = self.lock();
        state.over.get_or_insert_with(|| why.clone());
        state.end = None;
        state.line = None;
        let queue = std::mem::take(&mut state.queue);
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        drop(queue);
        unpark(&sleepers);
    }

    pub(super) fn attach(&self, wire: Wire)
    where
        T: Serialize,
    {
        let encode = |item: &T, into: &mut Vec<u8>| codec::encode(item, into);
        self.lock().line = Some(Line { wire, credit: 0, encode });
    }

    /// Sends what the credit allows, unless another thread does.
    fn pump(&self) {
        let mut flush = None;
        loop {
            match self.next_step() {
                Step::Send(wire, items, encode) => {
                    let sent = send_items(&wire, &items, encode);
                    drop(items);
                    self.sent(&wire, sent);
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
        let count = usize::try_from(on.credit).unwrap_or(usize::MAX).min(queue.len());
        if count == 0 {
            return Step::Rest;
        }
        on.credit -= count as u64;
        *pumping = true;
        Step::Send(on.wire.clone(), queue.drain(..count).collect(), on.encode)
    }

    /// A round of sending is over; a failure ends the stream on both sides.
    fn sent(&self, wire: &Wire, outcome: Result<(), Status>) {
        let mut state = self.lock();
        state.pumping = false;
        if let Err(why) = &outcome {
            state.over.get_or_insert_with(|| why.clone());
            state.queue.clear();
            state.end = None;
            state.line = None;
        }
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        unpark(&sleepers);
        if outcome.is_err() {
            wire.port.end(wire.id, outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Who waits for an item of a stream in this process; on a connection only senders sleep here.
    fn wake_consumer(&mut self) -> Vec<Thread> {
        if self.line.is_none() { std::mem::take(&mut self.sleepers) } else { Vec::new() }
    }
}

impl<T: Send> Pump for Channel<T> {
    fn credit(&self, items: u32) {
        if let Some(line) = &mut self.lock().line {
            line.credit = line.credit.saturating_add(u64::from(items));
        }
        self.pump();
    }

    fn cancel(&self, why: &Status) {
        self.abandon(why);
    }
}

fn send_items<T>(wire: &Wire, items: &VecDeque<T>, encode: Encode<T>) -> Result<(), Status> {
    let (mut payload, mut count) = (Vec::new(), 0);
    for item in items {
        encode(item, &mut payload)
            .map_err(|error| Status::internal(format!("an item does not encode: {error}")))?;
        count += 1;
        if payload.len() >= FRAME {
            wire.port.items(wire.id, count, &mut payload)?;
            payload.clear();
            count = 0;
        }
    }
    if count > 0 { wire.port.items(wire.id, count, &mut payload) } else { Ok(()) }
}

fn unpark(sleepers: &[Thread]) {
    sleepers.iter().for_each(Thread::unpark);
}
