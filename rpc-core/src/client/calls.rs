//! The calls of one connection that have no taker yet, and who reads for them.
//!
//! The right to read is a value, [`Reader`]: it lies here while nobody reads. A caller that waits takes it; whoever leaves
//! while it lies here wakes exactly one other caller, so that somebody always reads while somebody waits. No I/O here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::reader::Reader;
use crate::frame::Body;
use crate::status::Status;
use crate::stream::{Inlet, InletError, Legs, Nudge, Pump};
use crate::sync::thread::{Thread, ThreadId};
use crate::wire::Preface;

/// An answered call: which outcome, and the encoded value.
#[derive(Debug)]
pub(crate) enum Answer {
    Returned(Body),
    Failed(Body),
    Status(Status),
}

#[derive(Debug)]
enum Slot {
    /// Who sleeps until the answer is here.
    Unanswered(Option<Thread>),
    Answered(Answer),
}

/// The table, guarded by one lock of the connection.
#[derive(Debug)]
pub(crate) struct Calls {
    slots: HashMap<u64, Slot>,
    unanswered: usize,
    /// The streams of calls that have some, until those calls are over.
    streams: HashMap<u64, Legs>,
    /// What streams are to be told once the lock is released.
    nudges: Vec<Nudge>,
    /// Places taken by calls that are about to be queued.
    reserved: usize,
    /// Sleepers in the order they came, to inherit the reading; each stands here once. An id whose call has left, or is
    /// answered, is skipped.
    heirs: VecDeque<u64>,
    /// Sleepers that wait for the connection itself: for its preface, or for a free place.
    bystanders: Vec<Thread>,
    reader: Option<Reader>,
    peer: Option<Preface>,
    end: Option<Status>,
    /// What the server said when it left.
    farewell: Option<String>,
    heard: Instant,
}

impl Calls {
    pub(crate) fn new(now: Instant) -> Calls {
        Calls {
            slots: HashMap::new(),
            unanswered: 0,
            streams: HashMap::new(),
            nudges: Vec::new(),
            reserved: 0,
            heirs: VecDeque::new(),
            bystanders: Vec::new(),
            reader: Some(Reader::default()),
            peer: None,
            end: None,
            farewell: None,
            heard: now,
        }
    }

    /// Takes the place of one call, to be admitted or given back; false while there is none.
    pub(crate) fn reserve(&mut self) -> bool {
        let free = self.has_place();
        self.reserved += usize::from(free);
        free
    }

    /// Gives a reserved place back; the threads that wait for one.
    pub(crate) fn give_back(&mut self) -> Vec<Thread> {
        self.reserved -= 1;
        self.bystanders()
    }

    /// Notes a call whose frame is queued, with its streams; it fills a reserved place.
    pub(crate) fn admit(&mut self, id: u64, legs: Option<Legs>) {
        self.reserved -= 1;
        self.streams.extend(legs.map(|legs| (id, legs)));
        self.slots.insert(id, Slot::Unanswered(None));
        self.unanswered += 1;
        if let Some(end) = &self.end {
            let status = end.clone();
            self.settle(id, Answer::Status(status));
        }
    }

    /// The answer to a call, which leaves the table with it.
    pub(crate) fn take_answer(&mut self, id: u64) -> Option<Answer> {
        match self.slots.get(&id)? {
            Slot::Unanswered(_) => None,
            Slot::Answered(_) => match self.slots.remove(&id)? {
                Slot::Answered(answer) => Some(answer),
                Slot::Unanswered(_) => None,
            },
        }
    }

    /// Forgets a call whose answer was not taken; true if it goes on at the far side, which should be told.
    pub(crate) fn forget(&mut self, id: u64) -> bool {
        let Some(slot) = self.slots.remove(&id) else { return false };
        let unanswered = matches!(slot, Slot::Unanswered(_));
        self.unanswered -= usize::from(unanswered);
        let streaming = self.streams.contains_key(&id);
        self.end_streams(id, &Status::cancelled("the call was given up"));
        unanswered || streaming
    }

    /// Stores an answer; the thread to wake, if one sleeps. Answers to calls that have left are dropped.
    pub(crate) fn settle(&mut self, id: u64, answer: Answer) -> Option<Thread> {
        let slot = self.slots.get_mut(&id)?;
        let Slot::Unanswered(sleeper) = slot else { return None };
        let sleeper = sleeper.take();
        let returned = matches!(answer, Answer::Returned(_));
        *slot = Slot::Answered(answer);
        self.unanswered -= 1;
        let streams_on = returned && self.streams.get(&id).is_some_and(|legs| legs.inlet.is_some());
        if !streams_on {
            self.end_streams(id, &Status::cancelled("the call has been answered"));
        }
        sleeper
    }

    /// The call is over: its streams leave the table.
    fn end_streams(&mut self, id: u64, why: &Status) {
        if let Some(legs) = self.streams.remove(&id) {
            self.nudges.extend(legs.end(why));
        }
    }

    /// What streams are to be told, by who has released the lock.
    pub(crate) fn nudges(&mut self) -> Vec<Nudge> {
        std::mem::take(&mut self.nudges)
    }

    /// Gives a call the stream that it sends. Its first credit; `None` if the call is over.
    pub(crate) fn feed(&mut self, id: u64, pump: Arc<dyn Pump>) -> Option<u32> {
        self.streams.get_mut(&id)?.pump = Some(pump);
        Some(self.peer.map_or(0, |peer| peer.credit))
    }

    /// Items have come; those of calls that are over are dropped.
    pub(crate) fn take_items(&mut self, id: u64, count: u32, body: Body) -> Result<(), InletError> {
        if let Some(inlet) = self.streams.get(&id).and_then(|legs| legs.inlet.as_ref()) {
            self.nudges.extend(inlet.push(body, count)?.into_iter().map(Nudge::Wake));
        }
        Ok(())
    }

    /// The server has sent its last item, and with it the call is over.
    pub(crate) fn end_items(&mut self, id: u64, outcome: &Result<(), Status>) {
        let Some(Legs { inlet, pump }) = self.streams.remove(&id) else { return };
        let wake = inlet.into_iter().flat_map(|inlet: Arc<Inlet>| inlet.end(outcome.clone()));
        self.nudges.extend(wake.map(Nudge::Wake));
        self.nudges.extend(pump.map(|pump| Nudge::Cancel(pump, Status::cancelled("the call is over"))));
    }

    pub(crate) fn give_credit(&mut self, id: u64, items: u32) {
        let pump = self.streams.get(&id).and_then(|legs| legs.pump.clone());
        self.nudges.extend(pump.map(|pump| Nudge::Credit(pump, items)));
    }

    /// The server wants no more items of this call.
    pub(crate) fn stop_items(&mut self, id: u64) {
        let pump = self.streams.get_mut(&id).and_then(|legs| legs.pump.take());
        let why = Status::cancelled("the server wants no more items");
        self.nudges.extend(pump.map(|pump| Nudge::Cancel(pump, why)));
    }

    /// The consumer of a call's stream is gone; true if the server does not know yet that the call is over.
    pub(crate) fn abandon(&mut self, id: u64) -> bool {
        let open = self.streams.contains_key(&id);
        self.end_streams(id, &Status::cancelled("the stream's consumer is gone"));
        open
    }

    /// Lets `thread` sleep until call `id` is answered or inherits the reading.
    pub(crate) fn sleep(&mut self, id: u64, thread: Thread) {
        if let Some(Slot::Unanswered(sleeper)) = self.slots.get_mut(&id)
            && sleeper.replace(thread).is_none()
        {
            self.heirs.push_back(id);
            if self.heirs.len() > 2 * self.slots.len() + 16 {
                let slots = &self.slots;
                self.heirs.retain(|heir| matches!(slots.get(heir), Some(Slot::Unanswered(Some(_)))));
            }
        }
    }

    pub(crate) fn stand_by(&mut self, thread: Thread) {
        self.bystanders.push(thread);
    }

    /// Who slept for call `id`, or stood by, is awake: nobody may leave the reading to a thread that is not there.
    pub(crate) fn rise(&mut self, id: Option<u64>, thread: ThreadId) {
        let Some(id) = id else {
            return self.bystanders.retain(|bystander| bystander.id() != thread);
        };
        if let Some(Slot::Unanswered(sleeper)) = self.slots.get_mut(&id)
            && sleeper.take().is_some()
        {
            self.heirs.retain(|heir| *heir != id);
        }
    }

    /// Everyone who waits for the connection itself; they look again.
    pub(crate) fn bystanders(&mut self) -> Vec<Thread> {
        std::mem::take(&mut self.bystanders)
    }

    /// Those who wait for a place, if there is one; they look again.
    pub(crate) fn hopeful(&mut self) -> Vec<Thread> {
        if self.has_place() { self.bystanders() } else { Vec::new() }
    }

    /// Whether some thread reads now.
    pub(crate) fn is_read(&self) -> bool {
        self.reader.is_none()
    }

    pub(crate) fn take_reader(&mut self) -> Option<Reader> {
        self.reader.take()
    }

    /// Puts the reading back after a turn that heard something or nothing.
    pub(crate) fn return_reader(&mut self, reader: Reader, heard: Option<Instant>) {
        self.reader = Some(reader);
        self.heard = heard.unwrap_or(self.heard);
    }

    /// Who shall read now, if nobody does and somebody sleeps.
    pub(crate) fn heir(&mut self) -> Option<Thread> {
        self.reader.as_ref()?;
        while let Some(id) = self.heirs.pop_front() {
            if let Some(Slot::Unanswered(sleeper)) = self.slots.get_mut(&id)
                && let Some(thread) = sleeper.take()
            {
                return Some(thread);
            }
        }
        self.bystanders.pop()
    }

    pub(crate) fn peer(&self) -> Option<Preface> {
        self.peer
    }

    /// The server's preface has come: streams that waited for their first credit get it.
    pub(crate) fn meet(&mut self, peer: Preface) {
        self.peer = Some(peer);
        let pumps = self.streams.values().filter_map(|legs| legs.pump.clone());
        self.nudges.extend(pumps.map(|pump| Nudge::Credit(pump, peer.credit)));
    }

    /// Whether one more call may be sent.
    fn has_place(&self) -> bool {
        let places =
            self.peer.map_or(BEFORE_PREFACE, |peer| usize::try_from(peer.calls).unwrap_or(usize::MAX));
        // A call whose stream goes on after its answer keeps its place.
        let streaming = self.streams.keys().filter(|id| !self.slots.contains_key(id)).count();
        self.unanswered + self.reserved + streaming < places.max(1)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.unanswered == 0 && self.streams.is_empty()
    }

    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// The server's goodbye: calls after `last_accepted` did not run. The threads to wake.
    pub(crate) fn farewell(&mut self, last_accepted: u64, status: &Status) -> Vec<Thread> {
        self.farewell.get_or_insert_with(|| status.message().to_owned());
        self.end.get_or_insert_with(|| status.clone().not_run());
        let refused: Vec<u64> = self.slots.keys().copied().filter(|id| *id > last_accepted).collect();
        let settle = |id| self.settle(id, Answer::Status(status.clone().not_run()));
        let mut sleepers: Vec<Thread> = refused.into_iter().filter_map(settle).collect();
        sleepers.append(&mut self.bystanders);
        sleepers
    }

    /// The connection is over: every call without an answer ends with `cause`. The threads to wake.
    pub(crate) fn end(&mut self, cause: &Status) -> Vec<Thread> {
        self.end.get_or_insert_with(|| cause.clone().not_run());
        let open: Vec<u64> = self.slots.keys().copied().collect();
        let cause = match &self.farewell {
            Some(words) => Status::new(cause.code(), format!("{cause}, after it had said: {words}")),
            None => cause.clone(),
        };
        let settle = |id| self.settle(id, Answer::Status(cause.clone()));
        let mut sleepers: Vec<Thread> = open.into_iter().filter_map(settle).collect();
        for (_, legs) in std::mem::take(&mut self.streams) {
            self.nudges.extend(legs.end(&cause));
        }
        sleepers.append(&mut self.bystanders);
        sleepers
    }

    /// No further call can be sent; those that wait for an answer may still get it. The threads to wake.
    pub(crate) fn take_no_more(&mut self, status: &Status) -> Vec<Thread> {
        self.end.get_or_insert_with(|| status.clone().not_run());
        self.bystanders()
    }

    /// Why no further call can be sent.
    pub(crate) fn ended(&self) -> Option<&Status> {
        self.end.as_ref()
    }
}

/// Calls in flight that a server surely takes before its preface says how many.
const BEFORE_PREFACE: usize = 64;
