//! One connection of a client, shared by its threads.
//!
//! A caller that waits reads for everyone if nobody does, so one call in flight costs no hand-over between threads. Whoever
//! ends its wait passes the reading on. A caller that leaves at its deadline leaves no half-read frame: the bytes belong to
//! the connection. Frames that find the socket full, or that nobody flushed, are left to the [`Attendant`].

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::attendant::Attendant;
use super::calls::{Answer, Calls};
use super::reader::{Heard, Reader};
use crate::connection::{Outbound, Progress, SendError};
use crate::limits::{FRAME_BEFORE_PREFACE, Limits};
use crate::resolve::Endpoint;
use crate::status::Status;
use crate::transport::{Readiness, Transport};
use crate::wire::{CallHeader, Message, OURS, Preface};

/// A live connection; calls fail with its first cause once it has ended.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    outbound: Outbound,
    calls: Mutex<Calls>,
    limits: Limits,
    attendant: Attendant,
}

/// When a caller stops waiting before its answer is here.
#[derive(Debug)]
pub(crate) struct DeadlinePassed;

/// A connection silent for this long is looked at before a call is trusted to it: its server may have gone meanwhile.
const TRUSTED: Duration = Duration::from_millis(1);

/// Started calls leave together once this many bytes are queued.
const CORKED: usize = 16 << 10;

impl Connection {
    pub(crate) fn new(endpoint: Endpoint, transport: Arc<dyn Transport>, limits: Limits) -> Arc<Connection> {
        let outbound = Outbound::new(transport.clone());
        let preface = Preface { frame: limits.frame, calls: 0, ..OURS };
        outbound.introduce(&preface);
        let calls = Mutex::new(Calls::new(Instant::now()));
        Arc::new_cyclic(|this| Connection {
            endpoint,
            transport,
            outbound,
            calls,
            limits,
            attendant: Attendant::new(this.clone()),
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Why this connection takes no further call; `None` while it does.
    pub(crate) fn ended(&self) -> Option<Status> {
        self.lock().ended().cloned()
    }

    /// After a silence, learns of a goodbye or an end that came meanwhile.
    pub(crate) fn look(&self) {
        let now = Instant::now();
        let mut calls = self.lock();
        if !calls.is_idle() || now.saturating_duration_since(calls.heard()) < TRUSTED {
            return;
        }
        let Some(reader) = calls.take_reader() else { return };
        drop(calls);
        match self.transport.wait(Readiness::READABLE, Some(now)) {
            Ok(ready) if !ready.readable => self.lock().return_reader(reader, Some(now)),
            _ => self.read_turn(reader, now),
        }
        self.pass_reading_on();
    }

    /// Queues a call; it leaves with the next flush, at 16 KiB, or within a millisecond.
    pub(crate) fn start(
        &self,
        header: CallHeader<'_>,
        payload: &mut Vec<u8>,
        deadline: Instant,
    ) -> Result<u64, Status> {
        let limit = self.frame_limit(payload.len(), deadline)?;
        self.await_place(deadline)?;
        if !self.outbound.wait_for_room(self.limits.queued_bytes, deadline) {
            return Err(self.too_late("to be queued").not_run());
        }
        let procedure = header.procedure;
        let sent = self.outbound.send_call(header, payload, limit, |id| self.lock().admit(id));
        let id = sent.map_err(|error| self.not_sent(procedure, &error))?;
        if self.outbound.queued() >= CORKED {
            self.flush();
        } else {
            self.attendant.flush_soon();
        }
        Ok(id)
    }

    /// Sends what is queued, as far as the socket takes it.
    pub(crate) fn flush(&self) {
        match self.outbound.flush() {
            Progress::Done => {}
            Progress::Stuck => self.attendant.unstick(),
            Progress::Broken(error) => self.note_broken(&error),
        }
    }

    /// The answer to a call, waited for until `deadline`.
    ///
    /// An answer that is here already is taken without sending what is queued: that leaves with more of its like.
    pub(crate) fn wait(&self, id: u64, deadline: Instant) -> Result<Answer, DeadlinePassed> {
        if let Some(answer) = self.lock().take_answer(id) {
            return Ok(answer);
        }
        self.flush();
        self.drive(Some(id), deadline, |calls| calls.take_answer(id))
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
        self.read_turn(reader, Instant::now());
        let answer = self.lock().take_answer(id);
        self.pass_reading_on();
        answer
    }

    /// Nobody waits for this call any more: it leaves the table and the server is told.
    pub(crate) fn cancel(&self, id: u64) {
        if !self.lock().forget(id) {
            return;
        }
        // A connection that takes no message has nobody to tell.
        if self.outbound.send(&Message::Cancel { id }, &mut Vec::new(), FRAME_BEFORE_PREFACE).is_ok() {
            self.flush();
        }
        self.pass_reading_on();
    }

    /// The largest frame the server takes; asks its preface only where it matters.
    fn frame_limit(&self, payload: usize, deadline: Instant) -> Result<u32, Status> {
        const HEADER_ROOM: usize = 24 << 10;
        if let Some(peer) = self.lock().peer() {
            return Ok(peer.frame);
        }
        if payload + HEADER_ROOM <= FRAME_BEFORE_PREFACE as usize {
            return Ok(FRAME_BEFORE_PREFACE);
        }
        self.flush();
        let met = self.drive(None, deadline, |calls| match (calls.peer(), calls.ended()) {
            (Some(peer), _) => Some(Ok(peer.frame)),
            (None, Some(end)) => Some(Err(end.clone())),
            (None, None) => None,
        });
        met.unwrap_or_else(|DeadlinePassed| Err(self.too_late("to greet").not_run()))
    }

    /// Waits until the server takes one more call.
    fn await_place(&self, deadline: Instant) -> Result<(), Status> {
        if self.lock().has_place() {
            return Ok(());
        }
        self.flush();
        let place =
            self.drive(None, deadline, |calls| (calls.has_place() || calls.ended().is_some()).then_some(()));
        place.map_err(|DeadlinePassed| self.too_late("to take one more call").not_run())
    }

    /// Waits until `ready` finds what it looks for, reading for everyone while nobody else does.
    fn drive<T>(
        &self,
        id: Option<u64>,
        deadline: Instant,
        mut ready: impl FnMut(&mut Calls) -> Option<T>,
    ) -> Result<T, DeadlinePassed> {
        loop {
            let mut calls = self.lock();
            let now = Instant::now();
            let found = ready(&mut calls);
            if found.is_some() || now >= deadline {
                let heir = calls.heir();
                drop(calls);
                heir.iter().for_each(thread::Thread::unpark);
                return found.ok_or(DeadlinePassed);
            }
            if let Some(reader) = calls.take_reader() {
                drop(calls);
                self.read_turn(reader, deadline);
                continue;
            }
            match id {
                Some(id) => calls.sleep(id, thread::current()),
                None => calls.stand_by(thread::current()),
            }
            drop(calls);
            thread::park_timeout(deadline.saturating_duration_since(now));
        }
    }

    /// Reads once, until `deadline` at the latest, and hands out what was said.
    pub(super) fn read_turn(&self, mut reader: Reader, deadline: Instant) {
        let until = reader.deadline(deadline);
        let read = self.transport.read(reader.inbound.room(), Some(until));
        let now = Instant::now();
        let heard = matches!(read, Ok(1..)).then_some(now);
        let end = match read {
            Ok(0) => Some("it was closed by the server".to_owned()),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                reader.is_late(now).then(|| "a frame of the server stopped half-way".to_owned())
            }
            Err(error) => Some(error.to_string()),
        };
        let (sleepers, end) = self.hand_out(reader, heard, now, end);
        sleepers.iter().for_each(thread::Thread::unpark);
        if let Some(cause) = end {
            self.close(&cause);
        }
    }

    /// Settles every answer in the reader's buffer and puts the reader back.
    fn hand_out(
        &self,
        mut reader: Reader,
        heard: Option<Instant>,
        now: Instant,
        end: Option<String>,
    ) -> (Vec<thread::Thread>, Option<String>) {
        let mut sleepers = Vec::new();
        let mut calls = self.lock();
        let broken = loop {
            match reader.next(self.limits.frame, now) {
                Ok(Some(heard)) => settle(&mut calls, heard, &mut sleepers),
                Ok(None) => break None,
                Err(reason) => break Some(reason),
            }
        };
        if calls.has_place() {
            sleepers.append(&mut calls.bystanders());
        }
        calls.return_reader(reader, heard);
        (sleepers, broken.or(end))
    }

    /// Ends the connection; every call without an answer learns why. The first cause stays.
    fn close(&self, cause: &str) {
        self.outbound.close();
        self.transport.shutdown(Shutdown::Both);
        let status = Status::unavailable(format!("the connection to {} was lost: {cause}", self.endpoint));
        let sleepers = self.lock().end(&status);
        sleepers.iter().for_each(thread::Thread::unpark);
    }

    /// The socket takes nothing more; what the server said before is still to be read, by whoever waits.
    fn note_broken(&self, error: &io::Error) {
        tracing::debug!(endpoint = %self.endpoint, %error, "the connection takes no more calls");
        if self.lock().is_idle() {
            self.close(&error.to_string());
        }
    }

    /// Gives the reading to another sleeper if it lies there.
    fn pass_reading_on(&self) {
        let heir = self.lock().heir();
        heir.iter().for_each(thread::Thread::unpark);
    }

    /// Keeps a full socket moving: writes when it can, and reads meanwhile if nobody does, so that two full directions
    /// do not wait for each other. Returns when nothing is stuck any more.
    fn unstick(&self, closed: impl Fn() -> bool) {
        let mut since = Instant::now();
        while self.outbound.is_stuck() && !closed() {
            let reader = self.lock().take_reader();
            let wanted = if reader.is_some() { Readiness::EITHER } else { Readiness::WRITABLE };
            let ready = self.transport.wait(wanted, Some(Instant::now() + STUCK_STEP));
            let ready = ready.unwrap_or(Readiness::EITHER);
            match reader {
                Some(reader) if ready.readable => self.read_turn(reader, Instant::now()),
                Some(reader) => self.lock().return_reader(reader, None),
                None => {}
            }
            self.pass_reading_on();
            let before = self.outbound.queued();
            match self.outbound.resume() {
                Progress::Done => return,
                Progress::Broken(error) => return self.note_broken(&error),
                Progress::Stuck if self.outbound.queued() < before => since = Instant::now(),
                Progress::Stuck => {}
            }
            if since.elapsed() >= crate::limits::WRITE_STALL {
                return self.close("the server has taken nothing for too long");
            }
        }
    }

    /// What the attendant does when it is woken.
    pub(super) fn run_errand(&self, closed: impl Fn() -> bool) {
        self.attendant.flushes_now();
        if let Progress::Broken(error) = self.outbound.flush() {
            return self.note_broken(&error);
        }
        self.unstick(closed);
    }

    fn too_late(&self, what: &str) -> Status {
        Status::deadline_exceeded(format!(
            "the call's time passed while {} was expected {what}",
            self.endpoint
        ))
    }

    fn not_sent(&self, procedure: &str, error: &SendError) -> Status {
        match error {
            SendError::TooLarge { .. } => Status::resource_exhausted(format!("{procedure}: {error}")),
            SendError::Encode(_) => Status::internal(format!("{procedure}: {error}")),
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

/// While a socket is full, this often it is looked whether the client is being dropped.
const STUCK_STEP: Duration = Duration::from_millis(50);

fn settle(calls: &mut Calls, heard: Heard, sleepers: &mut Vec<thread::Thread>) {
    match heard {
        Heard::Preface(preface) => {
            calls.meet(preface);
            sleepers.append(&mut calls.bystanders());
        }
        Heard::Answer(id, answer) => sleepers.extend(calls.settle(id, answer)),
        Heard::Nothing => {}
        Heard::Goodbye { last_accepted, status } => {
            sleepers.append(&mut calls.farewell(last_accepted, &status));
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.outbound.close();
        self.transport.shutdown(Shutdown::Both);
    }
}
