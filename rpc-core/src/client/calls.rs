//! The calls of one connection that have no taker yet, and who reads for them.
//!
//! The right to read is a value, [`Reader`]: it lies here while nobody reads. A caller that waits takes it; whoever leaves
//! while it lies here wakes exactly one other caller, so that somebody always reads while somebody waits. No I/O here.

mod sleepers;

use std::sync::Arc;
use std::time::Instant;

use self::sleepers::Sleepers;
pub(crate) use self::sleepers::{Berth, Wanted};
use super::reader::Reader;
use crate::frame::Body;
use crate::hash::ById;
use crate::status::Status;
use crate::stream::{Inlet, InletError, Legs, Nudge, Pump};
use crate::transport::Waiter;
use crate::wire::Preface;

/// An answered call: which outcome, and the encoded value.
#[derive(Debug)]
pub(crate) enum Answer {
    Returned(Body),
    Failed(Body),
    Status(Status),
}

impl Answer {
    /// Why the streams of a call are over that has this answer.
    fn end_of_streams(&self) -> Status {
        match self {
            Answer::Status(status) => status.clone(),
            Answer::Returned(_) | Answer::Failed(_) => Status::cancelled("the call has been answered"),
        }
    }
}

#[derive(Debug)]
enum Slot {
    /// Who sleeps until the answer is here.
    Unanswered(Option<(Berth, Waiter)>),
    Answered(Answer),
}

/// The table, guarded by one lock of the connection.
#[derive(Debug)]
pub(crate) struct Calls {
    slots: ById<Slot>,
    unanswered: usize,
    /// The streams of calls that have some, until those calls are over.
    streams: ById<Course>,
    /// Calls that are answered and whose streams go on: they keep their places.
    streaming: usize,
    /// Calls whose streams are sent to their end by the attendant.
    tails: Vec<u64>,
    /// What streams are to be told once the lock is released.
    nudges: Vec<Nudge>,
    /// Places taken by calls that are about to be queued.
    reserved: usize,
    sleepers: Sleepers,
    /// It changes hands twice a call.
    reader: Option<Box<Reader>>,
    peer: Option<Preface>,
    end: Option<Status>,
    /// What the server said when it left.
    farewell: Option<String>,
    heard: Instant,
}

/// The streams of one call.
#[derive(Debug)]
struct Course {
    legs: Legs,
    answered: bool,
}

/// How a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posture {
    Reads,
    Sleeps,
}

impl Calls {
    pub(crate) fn new(now: Instant) -> Calls {
        Calls {
            slots: ById::default(),
            unanswered: 0,
            streams: ById::default(),
            streaming: 0,
            tails: Vec::new(),
            nudges: Vec::new(),
            reserved: 0,
            sleepers: Sleepers::default(),
            reader: Some(Box::default()),
            peer: None,
            end: None,
            farewell: None,
            heard: now,
        }
    }

    /// Takes the place of one call, to be admitted or given back; false while there is none.
    pub(crate) fn reserve(&mut self) -> bool {
        let free = self.places() > 0;
        self.reserved += usize::from(free);
        free
    }

    /// Gives a reserved place back; the threads to wake, which wait for one.
    pub(crate) fn give_back(&mut self) -> Vec<Waiter> {
        self.reserved -= 1;
        self.hopeful()
    }

    /// Notes a call whose frame is queued, with its streams; it fills a reserved place.
    pub(crate) fn admit(&mut self, id: u64, legs: Option<Legs>) {
        self.reserved -= 1;
        if let Some(legs) = legs {
            self.streams.insert(id, Course { legs, answered: false });
        }
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
    pub(crate) fn settle(&mut self, id: u64, answer: Answer) -> Option<Waiter> {
        let slot = self.slots.get_mut(&id)?;
        let Slot::Unanswered(sleeper) = slot else { return None };
        let sleeper = sleeper.take();
        let returned = matches!(answer, Answer::Returned(_));
        let why = self.streams.contains_key(&id).then(|| answer.end_of_streams());
        *slot = Slot::Answered(answer);
        self.unanswered -= 1;
        match self.streams.get_mut(&id) {
            Some(course) if returned && course.legs.inlet.is_some() => {
                course.answered = true;
                self.streaming += 1;
            }
            _ => why.into_iter().for_each(|why| self.end_streams(id, &why)),
        }
        let (berth, waiter) = sleeper?;
        self.sleepers.rise(berth);
        Some(waiter)
    }

    /// The call is over: its streams leave the table.
    fn end_streams(&mut self, id: u64, why: &Status) {
        if let Some(legs) = self.take_streams(id) {
            self.nudges.extend(legs.end(why));
        }
    }

    fn take_streams(&mut self, id: u64) -> Option<Legs> {
        let Course { legs, answered } = self.streams.remove(&id)?;
        self.streaming -= usize::from(answered);
        Some(legs)
    }

    /// What streams are to be told, by who has released the lock.
    pub(crate) fn nudges(&mut self) -> Vec<Nudge> {
        std::mem::take(&mut self.nudges)
    }

    /// Gives a call the stream that it sends. Its first credit; `None` if the call is over.
    pub(crate) fn feed(&mut self, id: u64, pump: Arc<dyn Pump>) -> Option<u32> {
        self.streams.get_mut(&id)?.legs.pump = Some(pump);
        Some(self.peer.map_or(0, |peer| peer.credit))
    }

    /// Notes that nobody waits for the credit of this call's stream; false if that is known, or the call is over.
    pub(crate) fn add_tail(&mut self, id: u64) -> bool {
        let new = self.streams.contains_key(&id) && !self.tails.contains(&id);
        if new {
            self.tails.push(id);
        }
        new
    }

    /// Whether such a stream still waits for credit.
    pub(crate) fn has_tails(&mut self) -> bool {
        let pump = |id: &u64| self.streams.get(id).and_then(|course| course.legs.pump.as_ref());
        self.tails.retain(|id| pump(id).is_some_and(|pump| pump.is_held_up()));
        !self.tails.is_empty()
    }

    /// Items have come; those of calls that are over are dropped.
    pub(crate) fn take_items(&mut self, id: u64, count: u32, body: Body) -> Result<(), InletError> {
        if let Some(inlet) = self.streams.get(&id).and_then(|course| course.legs.inlet.as_ref()) {
            self.nudges.extend(inlet.push(body, count)?.into_iter().map(Nudge::Wake));
        }
        Ok(())
    }

    /// The server has sent its last item, and with it the call is over.
    pub(crate) fn end_items(&mut self, id: u64, outcome: &Result<(), Status>) {
        let Some(Legs { inlet, pump, .. }) = self.take_streams(id) else { return };
        let wake = inlet.into_iter().flat_map(|inlet: Arc<Inlet>| inlet.end(outcome.clone()));
        self.nudges.extend(wake.map(Nudge::Wake));
        let why = outcome.clone().err().unwrap_or_else(|| Status::cancelled("the call is over"));
        self.nudges.extend(pump.map(|pump| Nudge::Cancel(pump, why)));
    }

    /// What sends the streams that go to the server.
    pub(crate) fn pumps(&self) -> Vec<Arc<dyn Pump>> {
        self.streams.values().filter_map(|course| course.legs.pump.clone()).collect()
    }

    pub(crate) fn give_credit(&mut self, id: u64, items: u32) {
        let pump = self.streams.get(&id).and_then(|course| course.legs.pump.clone());
        self.nudges.extend(pump.map(|pump| Nudge::Credit(pump, items)));
    }

    /// The server wants no more items of this call.
    pub(crate) fn stop_items(&mut self, id: u64) {
        let pump = self.streams.get_mut(&id).and_then(|course| course.legs.pump.take());
        let why = Status::cancelled("the server wants no more items");
        self.nudges.extend(pump.map(|pump| Nudge::Cancel(pump, why)));
    }

    /// The consumer of a call's stream is gone; true if the server does not know yet that the call is over.
    pub(crate) fn abandon(&mut self, id: u64) -> bool {
        let open = self.streams.contains_key(&id);
        self.end_streams(id, &Status::cancelled("the stream's consumer is gone"));
        open
    }

    /// Notes that this thread waits, so that it is woken when what it wants may be there, or, asleep, to inherit the
    /// reading. Who reads for an answer finds it himself, and streams wake their own.
    pub(crate) fn settle_in(&mut self, wanted: Wanted, posture: Posture) -> Option<Berth> {
        if posture == Posture::Reads && matches!(wanted, Wanted::Answer(_) | Wanted::Stream) {
            return None;
        }
        let (berth, waiter) = (self.sleepers.berth(), Waiter::current());
        match wanted {
            Wanted::Greeting => self.sleepers.await_greeting(berth, waiter.clone()),
            Wanted::Place => self.sleepers.seek(berth, waiter.clone()),
            Wanted::Answer(id) => {
                if let Some(Slot::Unanswered(sleeper)) = self.slots.get_mut(&id) {
                    *sleeper = Some((berth, waiter.clone()));
                }
            }
            Wanted::Stream => {}
        }
        if posture == Posture::Sleeps {
            self.sleepers.sleep(berth, waiter);
        }
        Some(berth)
    }

    /// A thread that has settled in looks again.
    pub(crate) fn rise(&mut self, wanted: Wanted, berth: Berth) {
        self.sleepers.rise(berth);
        if let Wanted::Answer(id) = wanted
            && let Some(Slot::Unanswered(sleeper)) = self.slots.get_mut(&id)
        {
            sleeper.take();
        }
    }

    /// Those who wait for a place, as many as there are; they look again.
    pub(crate) fn hopeful(&mut self) -> Vec<Waiter> {
        let places = self.places();
        self.sleepers.seekers(places)
    }

    pub(crate) fn take_reader(&mut self) -> Option<Box<Reader>> {
        self.reader.take()
    }

    /// Puts the reading back after a turn that heard something or nothing.
    pub(crate) fn return_reader(&mut self, reader: Box<Reader>, heard: Option<Instant>) {
        self.reader = Some(reader);
        self.heard = heard.unwrap_or(self.heard);
    }

    /// Who shall read now, if nobody does and somebody sleeps.
    pub(crate) fn heir(&mut self) -> Option<Waiter> {
        self.reader.as_ref()?;
        self.sleepers.heir()
    }

    pub(crate) fn peer(&self) -> Option<Preface> {
        self.peer
    }

    /// The server's preface has come: streams that waited for their first credit get it. The threads to wake.
    pub(crate) fn meet(&mut self, peer: Preface) -> Vec<Waiter> {
        self.peer = Some(peer);
        let pumps = self.streams.values().filter_map(|course| course.legs.pump.clone());
        self.nudges.extend(pumps.map(|pump| Nudge::Credit(pump, peer.credit)));
        self.sleepers.strangers_and_seekers()
    }

    /// How many more calls may be sent. Before the server has said how many it runs, one is, on trust.
    fn places(&self) -> usize {
        let all = self.peer.map_or(1, |peer| usize::try_from(peer.calls).unwrap_or(usize::MAX));
        all.max(1).saturating_sub(self.unanswered + self.reserved + self.streaming)
    }

    /// Whether streams come here.
    pub(crate) fn is_streaming(&self) -> bool {
        self.streams.values().any(|course| course.legs.inlet.is_some())
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.unanswered == 0 && self.streams.is_empty()
    }

    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// The server's goodbye: calls after `last_accepted` did not run. The threads to wake.
    pub(crate) fn farewell(&mut self, last_accepted: u64, status: &Status) -> Vec<Waiter> {
        self.farewell.get_or_insert_with(|| status.message().to_owned());
        self.end.get_or_insert_with(|| status.clone().not_run());
        let refused: Vec<u64> = self.slots.keys().copied().filter(|id| *id > last_accepted).collect();
        let settle = |id| self.settle(id, Answer::Status(status.clone().not_run()));
        let mut sleepers: Vec<Waiter> = refused.into_iter().filter_map(settle).collect();
        sleepers.append(&mut self.sleepers.strangers_and_seekers());
        sleepers
    }

    /// The connection is over: every call without an answer ends with `cause`. The threads to wake.
    pub(crate) fn end(&mut self, cause: &Status) -> Vec<Waiter> {
        self.end.get_or_insert_with(|| cause.clone().not_run());
        let open: Vec<u64> = self.slots.keys().copied().collect();
        let cause = match &self.farewell {
            Some(words) => Status::new(cause.code(), format!("{cause}, after it had said: {words}")),
            None => cause.clone(),
        };
        let settle = |id| self.settle(id, Answer::Status(cause.clone()));
        let mut sleepers: Vec<Waiter> = open.into_iter().filter_map(settle).collect();
        self.streaming = 0;
        for (_, course) in std::mem::take(&mut self.streams) {
            self.nudges.extend(course.legs.end(&cause));
        }
        sleepers.append(&mut self.sleepers.strangers_and_seekers());
        sleepers
    }

    /// No further call can be sent; those that wait for an answer may still get it. The threads to wake.
    pub(crate) fn take_no_more(&mut self, status: &Status) -> Vec<Waiter> {
        self.end.get_or_insert_with(|| status.clone().not_run());
        self.sleepers.strangers_and_seekers()
    }

    /// Why no further call can be sent.
    pub(crate) fn ended(&self) -> Option<&Status> {
        self.end.as_ref()
    }
}
