//! What the threads of one connection agree on: who reads, which calls run, whether new ones are taken.
//!
//! Pure: no I/O, no clock. The reading belongs to the thread with the newest ticket; a thread whose ticket is old finishes
//! its call and leaves.

mod said;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

pub(super) use self::said::{Finished, Lull, News, Place};
use super::habits::{Habits, Pace};
use crate::context::Cancellation;
use crate::frame::Inbound;
use crate::metrics::Slot;
use crate::outcome::Endings;
use crate::stream::{Inlet, Legs, Pump};

#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The ticket of the thread that reads.
    reader: u64,
    /// The call that the reading thread runs itself; while it does, the reading can be taken over.
    inline: Option<u64>,
    /// What has arrived; empty while the reading thread waits for more.
    pub(super) inbound: Inbound,
    /// In the order of their ids, which is that of their coming.
    calls: Vec<Running>,
    /// The streams of calls that have some, until those calls are over.
    streams: HashMap<u64, Legs>,
    /// Calls that nobody awaits any more and whose procedures run on.
    abandoned: usize,
    /// Calls that have ended and whose answers are not queued yet.
    answering: usize,
    pub(super) last_accepted: u64,
    /// Bytes that have come.
    received: u64,
    pub(super) phase: Phase,
    /// Nothing ran when goodbye was said, and nothing has come since.
    pub(super) idle: bool,
    pub(super) habits: Habits,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Open,
    /// Goodbye was said: calls run to their end, new ones are not taken.
    Leaving,
    Closed,
}

/// A call whose procedure runs.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) id: u64,
    pub(super) procedure: &'static str,
    pub(super) started: Started,
    pub(super) deadline: Option<Instant>,
    pub(super) cancellation: Arc<Cancellation>,
    /// False once it was given up or answered by somebody else; its procedure runs on all the same.
    pub(super) awaited: bool,
    pub(super) stage: Stage,
}

/// Where a call is counted, and since when it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub(super) slot: Slot,
    pub(super) at: Instant,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    /// Its procedure has returned a stream, which is being sent.
    Streaming,
    /// As `Streaming`, and a thread drives the iterator that the items come from.
    Driven,
}

impl Turn {
    pub(super) fn reads(&self, ticket: u64) -> bool {
        self.reader == ticket && self.phase != Phase::Closed
    }

    /// Bytes have come.
    pub(super) fn note_received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Bytes that have come so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The reading thread begins to run a call.
    pub(super) fn begin(&mut self, call: Running) {
        self.last_accepted = call.id;
        self.inline = Some(call.id);
        self.calls.push(call);
    }

    /// A call begins to run on a thread of its own; `inlet` gets the stream that comes with it.
    pub(super) fn begin_aside(&mut self, call: Running, inlet: Arc<Inlet>) {
        self.last_accepted = call.id;
        self.streams.insert(call.id, Legs { inlet: Some(inlet), ..Legs::default() });
        self.calls.push(call);
    }

    /// The procedure of call `id` has returned a stream: the call goes on until that ends.
    pub(super) fn stream_on(&mut self, id: u64, ticket: u64) -> Finished {
        let still_reads = self.reader == ticket;
        if still_reads {
            self.inline = None;
        }
        let may_answer = match self.call(id) {
            Some(call) if call.awaited => {
                call.stage = Stage::Streaming;
                true
            }
            _ => {
                self.remove(id);
                false
            }
        };
        Finished { may_answer, still_reads, news: self.news() }
    }

    /// Has somebody told when streaming call `id` is over.
    pub(super) fn watch_end(&mut self, id: u64, endings: Endings) {
        if !endings.is_empty() {
            self.streams.entry(id).or_default().endings = endings;
        }
    }

    /// Gives a streaming call the stream that it sends; false if the call is over.
    pub(super) fn feed(&mut self, id: u64, pump: Arc<dyn Pump>, stage: Stage) -> bool {
        let Some(call) = self.call(id).filter(|call| call.stage == Stage::Streaming) else { return false };
        call.stage = stage;
        self.streams.entry(id).or_default().pump = Some(pump);
        true
    }

    /// The last word of a streaming call's stream. Who may say it does so, and then [`answered`](Turn::answered). The call
    /// stays while a thread drives its iterator, for nobody.
    pub(super) fn end_stream(&mut self, id: u64, ticket: u64) -> (Finished, Option<Started>) {
        let driven = self.call(id).filter(|call| call.stage == Stage::Driven);
        let Some(call) = driven else {
            let (finished, started) = self.finish(id, ticket);
            self.answering += usize::from(finished.may_answer);
            return (finished, started);
        };
        let may_answer = std::mem::replace(&mut call.awaited, false);
        let started = may_answer.then_some(call.started);
        self.abandoned += usize::from(may_answer);
        self.answering += usize::from(may_answer);
        (Finished { may_answer, still_reads: false, news: News::Nothing }, started)
    }

    /// Nobody drives a call's iterator any more; true if it is over with that.
    pub(super) fn driver_left(&mut self, id: u64) -> bool {
        let Some(call) = self.call(id).filter(|call| call.stage == Stage::Driven) else { return false };
        if call.awaited {
            call.stage = Stage::Streaming;
            return false;
        }
        self.remove(id);
        true
    }

    /// What streams that peers send come into.
    pub(super) fn inlets(&self) -> Vec<Arc<Inlet>> {
        self.streams.values().filter_map(|legs| legs.inlet.clone()).collect()
    }

    /// What sends the streams that go to the peer.
    pub(super) fn pumps(&self) -> Vec<Arc<dyn Pump>> {
        self.streams.values().filter_map(|legs| legs.pump.clone()).collect()
    }

    /// Calls whose streams have items that no credit is left for.
    pub(super) fn starved(&self) -> Vec<u64> {
        let pumps = self.streams.iter().filter_map(|(id, legs)| Some((*id, legs.pump.as_ref()?)));
        pumps.filter(|(_, pump)| pump.is_starved()).map(|(id, _)| id).collect()
    }

    /// The streams of a call that is over, to be ended.
    pub(super) fn take_streams(&mut self, id: u64) -> Option<Legs> {
        if self.streams.is_empty() { None } else { self.streams.remove(&id) }
    }

    pub(super) fn legs(&mut self, id: u64) -> Option<&mut Legs> {
        self.streams.get_mut(&id)
    }

    /// The procedure of call `id` has ended. Who may answer it learns when it started, and queues the answer before the lock
    /// of the turn is released.
    pub(super) fn finish(&mut self, id: u64, ticket: u64) -> (Finished, Option<Started>) {
        let ended = self.remove(id);
        let still_reads = self.reader == ticket;
        if still_reads {
            self.inline = None;
        }
        let started = ended.filter(|call| call.awaited).map(|call| call.started);
        (Finished { may_answer: started.is_some(), still_reads, news: self.news() }, started)
    }

    /// An answer that was given beside the turn is queued.
    pub(super) fn answered(&mut self) {
        self.answering -= 1;
    }

    /// A call does not run; its refusal is its answer, which is [`answered`](Turn::answered) afterwards.
    pub(super) fn refuse(&mut self, id: u64) {
        self.last_accepted = id;
        self.answering += 1;
    }

    /// Whether no procedure runs, and all that ran are answered as far as the queue.
    pub(super) fn is_settled(&self) -> bool {
        self.calls.is_empty() && self.answering == 0
    }

    /// Takes the right to answer a call from its thread: who does so says it with [`answered`](Turn::answered) afterwards.
    pub(super) fn answer_for(&mut self, id: u64) -> Option<Running> {
        let call = self.give_up(id)?;
        self.answering += 1;
        Some(call)
    }

    /// As [`answer_for`](Turn::answer_for), where nobody wants an answer any more; the call goes on for nobody.
    pub(super) fn give_up(&mut self, id: u64) -> Option<Running> {
        let call = self.call(id).filter(|call| call.awaited)?;
        call.awaited = false;
        let call = call.clone();
        self.abandoned += 1;
        if call.stage == Stage::Streaming {
            // No procedure runs that would end it.
            self.remove(id);
        }
        Some(call)
    }

    /// Where call `id` runs, if it does.
    pub(super) fn place(&self, id: u64) -> Place {
        if self.inline == Some(id) && self.phase != Phase::Closed {
            Place::Inline
        } else if self.index(id).is_some() {
            Place::Aside
        } else {
            Place::Gone
        }
    }

    /// Call `id`, while its procedure runs.
    pub(super) fn find(&self, id: u64) -> Option<&Running> {
        self.calls.get(self.index(id)?)
    }

    /// Takes the reading from a thread that still runs call `id`; the new reader's ticket.
    pub(super) fn take_over(&mut self, id: u64) -> Option<u64> {
        if self.inline != Some(id) || self.phase == Phase::Closed {
            return None;
        }
        self.inline = None;
        self.reader += 1;
        if let Some(procedure) = self.call(id).map(|call| call.procedure) {
            self.habits.note_stall(procedure);
        }
        Some(self.reader)
    }

    /// The reading thread gives call `id` to another thread and reads on; false if the reading was taken from it instead.
    pub(super) fn put_aside(&mut self, id: u64) -> bool {
        let held = self.inline == Some(id);
        if held {
            self.inline = None;
        }
        held
    }

    /// A call that was put aside has ended, and whether it took long.
    pub(super) fn note_pace(&mut self, id: u64, procedure: &str, pace: Pace) {
        let alone = self.last_accepted == id;
        self.habits.note_pace(procedure, if alone { Pace::Harmless } else { pace });
    }

    /// Streams that are open, either way.
    pub(super) fn open_streams(&self) -> usize {
        self.streams
            .values()
            .map(|legs| usize::from(legs.inlet.is_some()) + usize::from(legs.pump.is_some()))
            .sum()
    }

    /// Calls whose procedures run, awaited or not.
    pub(super) fn calls(&self) -> &[Running] {
        &self.calls
    }

    /// Calls whose answers the peer still waits for. It cannot know when a procedure ends whose call it gave up, so those
    /// are counted beside them.
    pub(super) fn in_flight(&self) -> usize {
        self.calls.len() - self.abandoned
    }

    /// Calls that were given up or answered for, and whose procedures run on.
    pub(super) fn abandoned(&self) -> usize {
        self.abandoned
    }

    /// Ends the turn: nobody awaits its calls any more. The calls as they were, to be cancelled, and their streams, to be
    /// ended.
    pub(super) fn close(&mut self) -> (Vec<Running>, Vec<Legs>) {
        self.phase = Phase::Closed;
        let calls = self.calls.clone();
        self.calls.iter_mut().for_each(|call| call.awaited = false);
        self.calls.retain(|call| call.stage != Stage::Streaming);
        self.abandoned = self.calls.len();
        (calls, std::mem::take(&mut self.streams).into_values().collect())
    }

    fn call(&mut self, id: u64) -> Option<&mut Running> {
        let index = self.index(id)?;
        self.calls.get_mut(index)
    }

    fn index(&self, id: u64) -> Option<usize> {
        self.calls.binary_search_by_key(&id, |call| call.id).ok()
    }

    fn remove(&mut self, id: u64) -> Option<Running> {
        let call = self.calls.remove(self.index(id)?);
        self.abandoned -= usize::from(!call.awaited);
        Some(call)
    }

    /// Whether the connection can be forgotten: closed, and no procedure runs for it.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Closed && self.calls.is_empty()
    }

    /// What those who wait for the connection may want to know now.
    pub(super) fn news(&self) -> News {
        match self.phase {
            Phase::Open => News::Nothing,
            Phase::Leaving if self.is_settled() => News::Settled,
            Phase::Closed if self.is_over() => News::Over,
            Phase::Leaving | Phase::Closed => News::Nothing,
        }
    }

    /// The reading thread finds nothing complete any more: what it is to wait with.
    pub(super) fn pause(&mut self) -> Lull {
        let idle = self.calls.is_empty() && self.inbound.is_empty();
        Lull { inbound: std::mem::take(&mut self.inbound), idle, last_accepted: self.last_accepted }
    }
}

#[cfg(test)]
mod tests;
