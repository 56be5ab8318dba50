//! One connection of a client, shared by its threads.
//!
//! Calls go out from their callers' threads and are read for by them ([`reading`]). Frames that find the socket full, or
//! that nobody flushed, are left to the [`Attendant`].

mod reading;
mod streams;
mod tails;

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::attendant::Attendant;
use super::calls::{Answer, Calls, Wanted};
use super::lookout::Lookout;
use crate::codec::Payload;
use crate::connection::{IntakeError, Outbound, Progress, SendError};
use crate::context::{Alarm, Context};
use crate::limits::{FRAME_BEFORE_PREFACE, Limits};
use crate::resolve::Endpoint;
use crate::status::Status;
use crate::stream::{Legs, Nudge, Telling};
use crate::sync::{self, Mutex, MutexGuard};
use crate::transport::{Readiness, Transport, wake_all};
use crate::wire::{CallHeader, Message, OURS, Preface};
use streams::{Feeders, tell};

/// A live connection; calls fail with its first cause once it has ended.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    outbound: Outbound,
    telling: Telling,
    calls: Mutex<Calls>,
    limits: Limits,
    attendant: Attendant,
    feeders: Feeders,
    /// Looks after its streams, once there have been some.
    lookout: OnceLock<Arc<Lookout>>,
}

/// When a queued call leaves at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// When its caller waits for it, which is at once.
    WithItsCaller,
    /// Within a millisecond, whatever its caller does.
    Soon,
}

/// A wait ended before what it waited for was here: at its deadline, or since the call around it is over.
#[derive(Debug)]
pub(crate) struct WaitEnded;

/// Started calls leave together once this many bytes are queued.
const CORKED: usize = 16 << 10;

impl Connection {
    pub(crate) fn new(endpoint: Endpoint, transport: Arc<dyn Transport>, limits: Limits) -> Arc<Connection> {
        let outbound = Outbound::new(transport.clone());
        let preface = Preface { frame: limits.frame, calls: 0, credit: limits.stream_credit.max(1), ..OURS };
        outbound.introduce(&preface);
        let calls = Mutex::new(Calls::new(sync::now()));
        Arc::new_cyclic(|this| Connection {
            endpoint,
            transport,
            outbound,
            telling: Telling::default(),
            calls,
            limits,
            attendant: Attendant::new(this.clone()),
            feeders: Feeders::default(),
            lookout: OnceLock::new(),
        })
    }

    /// Why this connection takes no further call; `None` while it does.
    pub(crate) fn ended(&self) -> Option<Status> {
        self.lock().ended().cloned()
    }

    /// Queues a call; it leaves with the next flush, or at 16 KiB, or as `departure` says.
    pub(crate) fn start(
        &self,
        header: CallHeader<'_>,
        payload: &mut Payload,
        deadline: Instant,
        departure: Departure,
        legs: Option<Legs>,
    ) -> Result<u64, Status> {
        let limit = self.take_place(payload.len(), deadline)?;
        let id = self.queue_call(header, payload, deadline, limit, legs).inspect_err(|_| {
            let hopeful = self.lock().give_back();
            wake_all(&hopeful);
        })?;
        let full = self.outbound.queued() >= CORKED;
        if full || (departure == Departure::Soon && self.attendant.flush_soon().is_err()) {
            self.flush();
        }
        Ok(id)
    }

    fn queue_call(
        &self,
        header: CallHeader<'_>,
        payload: &mut Payload,
        deadline: Instant,
        limit: u32,
        legs: Option<Legs>,
    ) -> Result<u64, Status> {
        if self.outbound.queued() >= self.limits.queued_bytes {
            // What is queued may wait for this thread to send it.
            self.flush();
            let alarm = Alarm::set();
            if !self.outbound.wait_for_room(self.limits.queued_bytes, deadline, || alarm.has_rung()) {
                return Err(self.too_late("to take what is queued").not_run());
            }
        }
        let procedure = header.procedure;
        let sent = self.outbound.send_call(header, payload, limit, |id| self.lock().admit(id, legs));
        sent.map_err(|error| self.not_sent(procedure, &error))
    }

    /// Sends what is queued, as far as the socket takes it.
    pub(crate) fn flush(&self) {
        match self.outbound.flush() {
            Progress::Done => {}
            Progress::Room => self.tell_of_room(),
            Progress::Stuck => {
                if self.attendant.unstick().is_err() {
                    self.close("the server takes nothing, and no thread can be started to wait for it");
                }
            }
            Progress::Broken(error) => self.note_broken(&error),
        }
    }

    /// The answer to a call, waited for until `deadline`, and no longer than the call around it goes on.
    pub(crate) fn wait(&self, id: u64, deadline: Instant) -> Result<Answer, WaitEnded> {
        self.flush();
        self.drive(Wanted::Answer(id), deadline, |calls| calls.take_answer(id))
    }

    /// The answer to a call if it is here already. What is queued is not sent for that: it leaves with more of its like.
    pub(crate) fn at_hand(&self, id: u64) -> Option<Answer> {
        self.lock().take_answer(id)
    }

    /// The answer to a call if it is here, without waiting.
    pub(crate) fn poll(&self, id: u64) -> Option<Answer> {
        self.flush();
        let mut calls = self.lock();
        if let Some(answer) = calls.take_answer(id) {
            return Some(answer);
        }
        let reader = calls.take_reader()?;
        drop(calls);
        let now = sync::now();
        self.read_turn(reader, now, now);
        let answer = self.lock().take_answer(id);
        self.pass_reading_on();
        answer
    }

    /// Nobody waits for this call any more: it leaves the table and the server is told.
    pub(crate) fn cancel(&self, id: u64) {
        let mut calls = self.lock();
        if !calls.forget(id) {
            return;
        }
        let (hopeful, nudges) = (calls.hopeful(), calls.nudges());
        drop(calls);
        wake_all(&hopeful);
        tell(nudges);
        // A connection that takes no message has nobody to tell.
        if self.outbound.say(&Message::Cancel { id }, FRAME_BEFORE_PREFACE).is_ok() {
            self.flush();
        }
        self.pass_reading_on();
    }

    /// The server's preface, waited for until `deadline`.
    pub(super) fn greeting(&self, deadline: Instant) -> Result<Preface, Status> {
        self.flush();
        let met = self.drive(Wanted::Greeting, deadline, |calls| match (calls.peer(), calls.ended()) {
            (Some(peer), _) => Some(Ok(peer)),
            (None, Some(end)) => Some(Err(end.clone())),
            (None, None) => None,
        });
        met.unwrap_or_else(|WaitEnded| Err(self.too_late("to greet").not_run()))
    }

    /// Takes the place of one call, waiting until the server has one; the largest frame that it takes. How many places it
    /// has is not known at first: it has one, and a second call waits for the server's preface, which leaves before the first
    /// call runs.
    fn take_place(&self, payload: usize, deadline: Instant) -> Result<u32, Status> {
        let find = |calls: &mut Calls| match calls.ended() {
            Some(end) => Some(Err(end.clone())),
            None => calls.reserve().then_some(Ok(())),
        };
        let mut calls = self.lock();
        let mut limit = frame_limit(&calls, payload);
        if limit.is_none() {
            drop(calls);
            limit = Some(self.greeting(deadline)?.frame);
            calls = self.lock();
        }
        let found = find(&mut calls);
        drop(calls);
        let place = found.unwrap_or_else(|| {
            self.flush();
            let place = self.drive(Wanted::Place, deadline, find);
            place.unwrap_or_else(|WaitEnded| Err(self.too_late("to take one more call").not_run()))
        });
        place.map(|()| limit.unwrap_or(FRAME_BEFORE_PREFACE))
    }

    /// Ends the connection; every call without an answer learns why. The first cause stays.
    fn close(&self, cause: &str) {
        self.fail(&Status::unavailable(format!("the connection to {} was lost: {cause}", self.endpoint)));
    }

    /// As [`close`](Connection::close), by a server that has greeted nobody, and so has run nothing.
    fn close_refused(&self, cause: &IntakeError) {
        let words = format!("cannot connect to {}: {cause}", self.endpoint);
        self.fail(&Status::unavailable(words).not_run());
    }

    fn fail(&self, status: &Status) {
        let mut calls = self.lock();
        let (sleepers, nudges) = (calls.end(status), calls.nudges());
        drop(calls);
        self.outbound.close();
        self.transport.shutdown(Shutdown::Both);
        wake_all(&sleepers);
        tell(nudges);
    }

    /// The socket takes nothing more; what the server said before is still to be read, by whoever waits. New calls find
    /// another connection.
    fn note_broken(&self, error: &io::Error) {
        tracing::debug!(endpoint = %self.endpoint, %error, "the connection takes no more calls");
        let status =
            Status::unavailable(format!("the connection to {} takes no more calls: {error}", self.endpoint));
        let mut calls = self.lock();
        let idle = calls.is_idle();
        let sleepers = calls.take_no_more(&status);
        drop(calls);
        wake_all(&sleepers);
        if idle {
            self.close(&error.to_string());
        }
    }

    /// Keeps a full socket moving: writes when it can, and reads meanwhile if nobody does, so that two full directions
    /// do not wait for each other. Returns when nothing is stuck any more.
    fn unstick(&self, closed: impl Fn() -> bool) {
        let (mut sent, mut since) = (self.outbound.sent(), sync::now());
        while self.outbound.is_stuck() && !closed() {
            let reader = self.lock().take_reader();
            let wanted = if reader.is_some() { Readiness::EITHER } else { Readiness::WRITABLE };
            let ready = self.transport.wait(wanted, Some(sync::now() + STUCK_STEP));
            let ready = ready.unwrap_or(Readiness::EITHER);
            match reader {
                Some(reader) if ready.readable => self.read_turn(reader, sync::now(), sync::now()),
                Some(reader) => self.lock().return_reader(reader, None),
                None => {}
            }
            self.pass_reading_on();
            match self.outbound.resume() {
                Progress::Done => return,
                Progress::Room => return self.tell_of_room(),
                Progress::Broken(error) => return self.note_broken(&error),
                Progress::Stuck => {}
            }
            if self.outbound.sent() != sent {
                (sent, since) = (self.outbound.sent(), sync::now());
            } else if sync::now().saturating_duration_since(since) >= self.limits.write_stall {
                return self.close(&format!("the server took nothing for {:?}", self.limits.write_stall));
            }
        }
    }

    /// What the attendant does when it is woken.
    pub(super) fn run_errand(&self, is_wanted: impl Fn() -> bool, closed: impl Fn() -> bool) {
        self.attendant.flushes_now();
        match self.outbound.flush() {
            Progress::Broken(error) => return self.note_broken(&error),
            Progress::Room => self.tell_of_room(),
            Progress::Done | Progress::Stuck => {}
        }
        self.unstick(&closed);
        if self.attendant.takes_in_now() {
            self.take_in_unread();
        }
        self.attendant.read_by(|| self.see_tails_off(is_wanted, closed));
    }

    fn tell_of_room(&self) {
        self.telling.tell(|| {
            let pumps = self.lock().pumps();
            tell(pumps.into_iter().map(|pump| Nudge::Credit(pump, 0)));
        });
    }

    fn too_late(&self, what: &str) -> Status {
        Context::wait_ended(format!("the call's time passed while {} was expected {what}", self.endpoint))
    }

    fn not_sent(&self, procedure: &str, error: &SendError) -> Status {
        match error {
            SendError::TooLarge { .. } => {
                Status::resource_exhausted(format!("a call of {procedure}: {error}"))
            }
            SendError::Encode(_) => Status::internal(format!("a call of {procedure}: {error}")),
            SendError::Closed => self.ended().unwrap_or_else(|| {
                Status::unavailable(format!("the connection to {} takes no more calls", self.endpoint))
            }),
        }
        .not_run()
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The largest frame the server takes, as far as that is known; its preface is asked only where it matters.
fn frame_limit(calls: &Calls, payload: usize) -> Option<u32> {
    const HEADER_ROOM: usize = 24 << 10;
    let small = payload + HEADER_ROOM <= FRAME_BEFORE_PREFACE as usize;
    calls.peer().map(|peer| peer.frame).or(small.then_some(FRAME_BEFORE_PREFACE))
}

/// While a socket is full, this often it is looked whether the client is being dropped.
const STUCK_STEP: Duration = Duration::from_millis(50);

impl Drop for Connection {
    fn drop(&mut self) {
        self.outbound.close();
        self.transport.shutdown(Shutdown::Both);
    }
}
