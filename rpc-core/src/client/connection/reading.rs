//! Who reads a connection.
//!
//! A caller that waits reads for everyone if nobody does, so one call in flight costs no hand-over between threads. Whoever
//! ends its wait passes the reading on, and only to a thread that sleeps here. A caller that leaves at its deadline leaves
//! no half-read frame: the bytes belong to the connection.

use std::time::{Duration, Instant};

use super::streams::tell;
use super::{Connection, WaitEnded};
use crate::client::calls::{Calls, Posture, Wanted};
use crate::client::reader::{Heard, Reader};
use crate::client::silence::Verdict;
use crate::connection::{self, IntakeError};
use crate::context::Alarm;
use crate::stream::InletError;
use crate::sync::{self, MutexGuard, thread};
use crate::transport::{Readiness, Waiter, listen, wake_all};
use crate::wire::Message;

/// A connection silent for this long is looked at before a call is trusted to it: its server may have gone meanwhile.
const TRUSTED: Duration = Duration::from_millis(1);

/// Where the machine has no descriptors to wake a reading thread by, it looks this often whether there is a reason.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Connection {
    /// Whether it takes further calls; after a silence, learns first of a goodbye or an end that came meanwhile.
    pub(in crate::client) fn takes_calls(&self, now: Instant) -> bool {
        let mut calls = self.lock();
        if now.saturating_duration_since(calls.heard()) >= TRUSTED
            && let Some(reader) = calls.take_reader()
        {
            drop(calls);
            self.look(reader);
            calls = self.lock();
        }
        calls.ended().is_none()
    }

    /// Reads what has come without waiting for more.
    fn look(&self, reader: Box<Reader>) {
        let now = sync::now();
        match self.transport.wait(Readiness::READABLE, Some(now)) {
            Ok(ready) if !ready.readable => self.lock().return_reader(reader, Some(now)),
            _ => self.read_turn(reader, now, now),
        }
        self.pass_reading_on();
    }

    /// Waits until `ready` finds what it looks for, reading for everyone while nobody else does. It looks again whenever
    /// this thread is woken; only who waits for an answer outside any call, and reads, does not hear that.
    pub(super) fn drive<T>(
        &self,
        wanted: Wanted,
        deadline: Instant,
        mut ready: impl FnMut(&mut Calls) -> Option<T>,
    ) -> Result<T, WaitEnded> {
        let (alarm, mut berth) = (Alarm::set(), None);
        loop {
            let mut calls = self.lock();
            if let Some(berth) = berth {
                calls.rise(wanted, berth);
            }
            if let Some(found) = ready(&mut calls) {
                leave(calls, wanted);
                return Ok(found);
            }
            let now = sync::now();
            if now >= deadline || alarm.has_rung() {
                leave(calls, wanted);
                return Err(WaitEnded);
            }
            let Some(reader) = calls.take_reader() else {
                berth = calls.settle_in(wanted, Posture::Sleeps);
                drop(calls);
                thread::park_timeout(deadline.saturating_duration_since(now));
                continue;
            };
            berth = calls.settle_in(wanted, Posture::Reads);
            drop(calls);
            match wanted {
                Wanted::Answer(_) if !alarm.is_set() => self.read_turn(reader, now, deadline),
                _ => self.read_or_wake(reader, now, deadline),
            }
        }
    }

    /// Reads once, from `now` until `deadline` at the latest, and hands out what was said.
    pub(super) fn read_turn(&self, mut reader: Box<Reader>, now: Instant, deadline: Instant) {
        let until = self.until(&reader, now, deadline);
        let read = connection::read(&*self.transport, &mut reader.inbound, Some(until), &self.limits);
        self.conclude_turn(reader, now, read);
    }

    /// As [`read_turn`](Connection::read_turn), until this thread is woken at the latest.
    fn read_or_wake(&self, mut reader: Box<Reader>, now: Instant, deadline: Instant) {
        let until = self.until(&reader, now, deadline);
        let inbound = &mut reader.inbound;
        let read = listen(|wake| match wake {
            Some(wake) => {
                connection::read_or_wake(&*self.transport, inbound, Some(until), &self.limits, wake)
            }
            None => {
                connection::read(&*self.transport, inbound, Some(until.min(now + LOOK_AGAIN)), &self.limits)
            }
        });
        self.conclude_turn(reader, now, read.unwrap_or(Err(IntakeError::Woken)));
    }

    /// Until when a read waits: until `deadline`, or until a silence calls for something.
    fn until(&self, reader: &Reader, now: Instant, deadline: Instant) -> Instant {
        now.checked_add(reader.silence.left(&self.limits)).map_or(deadline, |silent| silent.min(deadline))
    }

    fn conclude_turn(&self, mut reader: Box<Reader>, begun: Instant, read: Result<usize, IntakeError>) {
        let heard = matches!(read, Ok(1..)).then(sync::now);
        let end = match read {
            Err(IntakeError::TimedOut | IntakeError::Woken) => return self.endure(reader, begun),
            Err(error) if error.is_refusal() && !reader.has_greeted() => {
                self.lock().return_reader(reader, None);
                return self.close_refused(&error);
            }
            Ok(0) => Some(reader.end().to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        reader.silence.end();
        let (sleepers, end) = self.hand_out(reader, heard, end);
        wake_all(&sleepers);
        if let Some(cause) = end {
            self.close(&cause);
        }
    }

    /// Nothing has come: asks whether the server is there, or gives it up, when that takes too long.
    fn endure(&self, mut reader: Box<Reader>, begun: Instant) {
        let time = sync::now().saturating_duration_since(begun);
        let taken = || self.outbound.is_stuck().then(|| self.outbound.sent());
        let verdict = reader.silence.go_on(time, &self.limits, taken);
        self.lock().return_reader(reader, None);
        match verdict {
            Verdict::Wait => {}
            Verdict::Ask => {
                self.send_or_ignore(&Message::Ping { nonce: 0 });
                self.flush();
            }
            Verdict::Gone => self.close(&format!(
                "the server said nothing for {:?}, and did not answer a ping for {:?}",
                self.limits.keepalive, self.limits.pong_time
            )),
        }
    }

    /// Settles every answer in the reader's buffer and puts the reader back.
    fn hand_out(
        &self,
        mut reader: Box<Reader>,
        heard: Option<Instant>,
        end: Option<String>,
    ) -> (Vec<Waiter>, Option<String>) {
        let mut sleepers = Vec::new();
        let mut calls = self.lock();
        let broken = loop {
            match reader.next(self.limits.frame) {
                Ok(Some(heard)) => {
                    if let Err(error) = settle(&mut calls, heard, &mut sleepers) {
                        break Some(error.to_string());
                    }
                }
                Ok(None) => break None,
                Err(reason) => break Some(reason),
            }
        };
        sleepers.append(&mut calls.hopeful());
        let nudges = calls.nudges();
        if nudges.is_empty() {
            calls.return_reader(reader, heard);
            return (sleepers, broken.or(end));
        }
        drop(calls);
        // Streams are told before the reading is free: whoever took it would read on, and miss what he waits for.
        let _reading = Returning { connection: self, reader: Some(reader), heard };
        tell(nudges);
        (sleepers, broken.or(end))
    }

    /// Gives the reading to another sleeper if it lies there.
    pub(super) fn pass_reading_on(&self) {
        let heir = self.lock().heir();
        heir.iter().for_each(Waiter::wake);
    }
}

/// Ends a wait: the reading goes to another sleeper, and a place that is left to another seeker.
fn leave(mut calls: MutexGuard<'_, Calls>, wanted: Wanted) {
    let hopeful = if wanted == Wanted::Place { calls.hopeful() } else { Vec::new() };
    let heir = calls.heir();
    drop(calls);
    hopeful.iter().chain(&heir).for_each(Waiter::wake);
}

/// Puts the reader back, also if a stream's own code panics when it is told.
struct Returning<'a> {
    connection: &'a Connection,
    reader: Option<Box<Reader>>,
    heard: Option<Instant>,
}

impl Drop for Returning<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.connection.lock().return_reader(reader, self.heard);
        }
    }
}

fn settle(calls: &mut Calls, heard: Heard, sleepers: &mut Vec<Waiter>) -> Result<(), InletError> {
    match heard {
        Heard::Preface(preface) => sleepers.append(&mut calls.meet(preface)),
        Heard::Answer(id, answer) => sleepers.extend(calls.settle(id, answer)),
        Heard::Items(id, count, body) => return calls.take_items(id, count, body),
        Heard::End(id, outcome) => calls.end_items(id, &outcome),
        Heard::Credit(id, items) => calls.give_credit(id, items),
        Heard::Enough(id) => calls.stop_items(id),
        Heard::Nothing => {}
        Heard::Goodbye { last_accepted, status } => {
            sleepers.append(&mut calls.farewell(last_accepted, &status));
        }
    }
    Ok(())
}
