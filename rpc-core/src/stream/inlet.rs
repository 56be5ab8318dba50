//! Items that have come over a connection and wait for their consumer.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::port::{Port, Source, Wire, cost};
use super::terms::{Held, Terms};
use crate::codec::{DecodeError, DecodeItem, Encoding};
use crate::context::Context;
use crate::frame::Body;
use crate::outcome::{Endings, Outcome};
use crate::panics::Panicked;
use crate::status::Status;
use crate::sync;
use crate::sync::{Mutex, MutexGuard};
use crate::transport::Waiter;

/// One stream's undecoded items. Filled by the thread that reads the connection, emptied by the consumer.
#[derive(Debug)]
pub(crate) struct Inlet {
    terms: Terms,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    parts: VecDeque<Part>,
    end: Option<Result<(), Status>>,
    /// No more items are taken here, whatever still comes.
    refused: bool,
    /// Items that the far side may still send; below zero behind a large one.
    credit: i64,
    sleepers: Vec<Waiter>,
}

/// Items that came in one frame.
#[derive(Debug)]
struct Part {
    body: Body,
    used: usize,
    left: u32,
    /// Credit that it used beyond one for each item.
    surplus: u32,
    /// Its share of what the connection may hold.
    _held: Held,
}

/// A peer that broke the rules of streams; its connection cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum InletError {
    #[error("{0} items came on a stream that had credit for {1}")]
    Overrun(u32, i64),
    #[error("items came behind the end of their stream")]
    AfterEnd,
    #[error("a message of items without any came")]
    Empty,
}

/// What the consumer finds.
enum Found {
    Part(Part),
    End(Result<(), Status>),
}

impl Inlet {
    pub(crate) fn new(terms: &Terms) -> Inlet {
        let state = Mutex::new(State {
            parts: VecDeque::new(),
            end: None,
            refused: false,
            credit: i64::from(terms.credit),
            sleepers: Vec::new(),
        });
        Inlet { terms: terms.clone(), state }
    }

    /// Items have come; the threads to wake. Those for which there is no room end their stream, behind what it holds.
    pub(crate) fn push(&self, body: Body, count: u32) -> Result<Vec<Waiter>, InletError> {
        let mut state = self.lock();
        if state.end.is_some() && !state.refused {
            return Err(InletError::AfterEnd);
        }
        if count == 0 {
            return Err(InletError::Empty);
        }
        if i64::from(count) > state.credit {
            return Err(InletError::Overrun(count, state.credit));
        }
        let length = body.bytes().len();
        let cost = cost(count, length);
        state.credit = state.credit.saturating_sub(i64::from(cost));
        if state.end.is_some() {
            return Ok(Vec::new());
        }
        match self.terms.hold(length) {
            Ok(held) => {
                state.parts.push_back(Part {
                    body,
                    used: 0,
                    left: count,
                    surplus: cost - count,
                    _held: held,
                });
            }
            Err(status) => {
                state.refused = true;
                state.end = Some(Err(status));
            }
        }
        Ok(std::mem::take(&mut state.sleepers))
    }

    /// No more items come; only the first end counts. The threads to wake.
    pub(crate) fn end(&self, outcome: Result<(), Status>) -> Vec<Waiter> {
        let mut state = self.lock();
        state.end.get_or_insert(outcome);
        std::mem::take(&mut state.sleepers)
    }

    /// Whether the far side may still send items.
    pub(crate) fn is_open(&self) -> bool {
        let state = self.lock();
        state.end.is_none() || state.refused
    }

    /// What has come, or nothing: then this thread is woken when something does.
    fn take(&self) -> Option<Found> {
        let mut state = self.lock();
        if let Some(part) = state.parts.pop_front() {
            return Some(Found::Part(part));
        }
        if let Some(end) = &state.end {
            return Some(Found::End(end.clone()));
        }
        state.sleep();
        None
    }

    /// Whether something has come; if not, this thread is woken when something does.
    fn is_ready(&self) -> bool {
        let mut state = self.lock();
        let ready = !state.parts.is_empty() || state.end.is_some();
        if !ready {
            state.sleep();
        }
        ready
    }

    fn grant(&self, items: u32) {
        let mut state = self.lock();
        state.credit = state.credit.saturating_add(i64::from(items));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// This thread is to be woken at the next change.
    fn sleep(&mut self) {
        let this = Waiter::current();
        if self.sleepers.iter().all(|sleeper| sleeper.id() != this.id()) {
            self.sleepers.push(this);
        }
    }
}

/// The consumer of an inlet.
pub(super) struct Wired<T> {
    port: Arc<dyn Port>,
    id: u64,
    inlet: Arc<Inlet>,
    deadline: Option<Instant>,
    part: Option<Part>,
    /// Credit used by what was taken since some was given back.
    taken: u32,
    over: bool,
    decode: DecodeItem<T>,
    /// Told what the stream has ended with.
    endings: Endings,
}

impl<T> Wired<T> {
    pub(super) fn new(wire: Wire, inlet: Arc<Inlet>, encoding: Encoding) -> Wired<T>
    where
        T: DeserializeOwned,
    {
        let (Wire { port, id, deadline }, decode) = (wire, encoding.item_decoder());
        let endings = Endings::default();
        Wired { port, id, inlet, deadline, part: None, taken: 0, over: false, decode, endings }
    }

    pub(super) fn tell_end(&mut self, endings: Endings) {
        self.endings = endings;
    }

    pub(super) fn origin(&self) -> Source {
        Source { port: self.port.clone(), id: self.id }
    }

    /// The next item if it comes before `deadline` and the stream's own.
    pub(super) fn next(&mut self, deadline: Option<Instant>) -> Option<Result<T, Status>> {
        if self.over {
            return None;
        }
        let item = self.try_next(deadline.into_iter().chain(self.deadline).min());
        let outcome = match &item {
            Ok(Some(_)) => return item.transpose(),
            Ok(None) => Ok(Outcome::Returned),
            Err(why) => Err(why),
        };
        self.over = true;
        std::mem::take(&mut self.endings).tell(outcome).unwrap_or_else(Panicked::go_on);
        item.transpose()
    }

    /// Waits until there is an item or the end, or `until`; says which. A stream whose own time is over has its end.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> bool {
        if self.over || self.part.as_ref().is_some_and(|part| part.left > 0) {
            return true;
        }
        let inlet = &self.inlet;
        let ready = self.port.wait(until.into_iter().chain(self.deadline).min(), &mut || inlet.is_ready());
        ready || self.deadline.is_some_and(|deadline| deadline <= sync::now())
    }

    fn try_next(&mut self, deadline: Option<Instant>) -> Result<Option<T>, Status> {
        loop {
            if let Some(part) = self.part.as_mut().filter(|part| part.left > 0) {
                let decoded = part.next(self.decode);
                let used = 1 + if part.left == 0 { part.surplus } else { 0 };
                let item = decoded.map_err(|error| self.refuse(&error))?;
                self.give_credit(used);
                return Ok(Some(item));
            }
            match self.refill(deadline)? {
                Found::Part(part) => self.part = Some(part),
                Found::End(outcome) => {
                    if self.inlet.is_open() {
                        self.port.abandon(self.id);
                    }
                    return outcome.map(|()| None);
                }
            }
        }
    }

    fn refill(&mut self, deadline: Option<Instant>) -> Result<Found, Status> {
        let (inlet, mut found) = (&self.inlet, None);
        let arrived = self.port.wait(deadline, &mut || {
            found = inlet.take();
            found.is_some()
        });
        match found {
            Some(found) if arrived => Ok(found),
            _ => {
                self.port.abandon(self.id);
                Err(Context::wait_ended("the stream's time passed"))
            }
        }
    }

    fn refuse(&self, error: &DecodeError) -> Status {
        self.port.abandon(self.id);
        Status::internal(format!("an item does not decode: {error}"))
    }

    /// Half of the credit is given back at a time: a message of ours pays for many items of theirs.
    fn give_credit(&mut self, used: u32) {
        self.taken = self.taken.saturating_add(used);
        if self.taken >= (self.inlet.terms.credit / 2).max(1) {
            let items = std::mem::take(&mut self.taken);
            self.inlet.grant(items);
            self.port.grant(self.id, items);
        }
    }
}

impl Part {
    fn next<T>(&mut self, decode: DecodeItem<T>) -> Result<T, DecodeError> {
        let rest = self.body.bytes().get(self.used..).unwrap_or_default();
        let (item, used) = self.body.lend(|| decode(rest))?;
        self.used += used;
        self.left -= 1;
        match rest.len() - used {
            0 => Ok(item),
            left if self.left == 0 => Err(DecodeError::Trailing(left)),
            _ => Ok(item),
        }
    }
}

impl<T> Drop for Wired<T> {
    fn drop(&mut self) {
        if !self.over {
            if std::thread::panicking() {
                self.port.panicked(self.id);
            }
            self.port.abandon(self.id);
        }
    }
}
