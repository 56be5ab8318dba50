//! The calls of one connection that have no taker yet, and who reads for them.
//!
//! The right to read is a value, [`Reader`]: it lies here while nobody reads. A caller that waits takes it; whoever leaves
//! while it lies here wakes exactly one other caller, so that somebody always reads while somebody waits. No I/O here.

use std::collections::{HashMap, VecDeque};
use std::thread::{Thread, ThreadId};
use std::time::Instant;

use super::reader::Reader;
use crate::status::Status;
use crate::wire::Preface;

/// An answered call: which outcome, and the encoded value.
#[derive(Debug)]
pub(crate) enum Answer {
    Returned(Body),
    Failed(Body),
    Status(Status),
}

/// An encoded value inside the frame it came in.
#[derive(Debug)]
pub(crate) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
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

    /// Notes a call whose frame is queued; it fills a reserved place.
    pub(crate) fn admit(&mut self, id: u64) {
        self.reserved -= 1;
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

    /// Forgets a call; true if it had no answer yet, so that the far side should be told.
    pub(crate) fn forget(&mut self, id: u64) -> bool {
        let unanswered = matches!(self.slots.remove(&id), Some(Slot::Unanswered(_)));
        if unanswered {
            self.unanswered -= 1;
        }
        unanswered
    }

    /// Stores an answer; the thread to wake, if one sleeps. Answers to calls that have left are dropped.
    pub(crate) fn settle(&mut self, id: u64, answer: Answer) -> Option<Thread> {
        let slot = self.slots.get_mut(&id)?;
        let Slot::Unanswered(sleeper) = slot else { return None };
        let sleeper = sleeper.take();
        *slot = Slot::Answered(answer);
        self.unanswered -= 1;
        sleeper
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

    pub(crate) fn meet(&mut self, peer: Preface) {
        self.peer = Some(peer);
    }

    /// Whether one more call may be sent.
    fn has_place(&self) -> bool {
        let places =
            self.peer.map_or(BEFORE_PREFACE, |peer| usize::try_from(peer.calls).unwrap_or(usize::MAX));
        self.unanswered + self.reserved < places.max(1)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.unanswered == 0
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
