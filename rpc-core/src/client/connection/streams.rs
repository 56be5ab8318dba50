//! A client's connection as its streams see it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::Connection;
use crate::client::calls::Wanted;
use crate::codec::{Encoding, Payload};
use crate::context::Alarm;
use crate::limits::{DEADLINE_CEILING, FRAME_BEFORE_PREFACE};
use crate::panics;
use crate::status::Status;
use crate::stream::{Attached, Nudge, Port, Stream, Wire, Work, unsent};
use crate::sync;
use crate::threads::{self, Thread};
use crate::transport::wake_all;
use crate::wire::{Message, Refusal};

/// Threads that drive the iterators of streams sent from here. They end with their streams, which end with their
/// connection; one whose iterator does not come back is left behind.
#[derive(Debug, Default)]
pub(super) struct Feeders(Mutex<Vec<Thread>>);

impl Feeders {
    /// Runs `work` on a thread of its own. If there can be none, it is still in `work` afterwards.
    fn start(&self, work: &Arc<Mutex<Option<Work>>>) -> io::Result<()> {
        let taken = work.clone();
        let thread = threads::spawn("rpc-feeder", move || {
            let work = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                work(&mut || {});
            }
        })?;
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }
}

impl Drop for Feeders {
    fn drop(&mut self) {
        let threads = std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.is_finished() { thread.join() } else { thread.abandon() }
        }
    }
}

/// Tells streams what has happened, once the lock is released. What they hold and keep is their producers': a panic in
/// that is no affair of the caller whose thread this is.
pub(super) fn tell(nudges: impl IntoIterator<Item = Nudge>) {
    for nudge in nudges {
        if let Err(panicked) = panics::catch(|| nudge.run()) {
            tracing::error!("what a stream held panicked when it was dropped: {}", panicked.message());
        }
    }
}

impl Connection {
    /// Sends a stream as the argument of call `id`.
    pub(in crate::client) fn feed<I>(
        self: &Arc<Self>,
        id: u64,
        input: Stream<I>,
        deadline: Option<Instant>,
        encoding: Encoding,
    ) where
        I: Serialize + Send + 'static,
    {
        let Attached { pump, work } = input.attach(Wire { port: self.clone(), id, deadline }, encoding);
        let credit = self.lock().feed(id, pump.clone());
        let Some(credit) = credit else {
            return pump.cancel(&Status::cancelled("the call is over"));
        };
        pump.credit(credit);
        let Some(work) = work else { return };
        let work = Arc::new(Mutex::new(Some(work)));
        if let Err(error) = self.feeders.start(&work) {
            // Cancelled before its sink is dropped, or the far side would take the stream for complete.
            let status = Status::resource_exhausted(format!("no thread for a stream: {error}"));
            pump.cancel(&status);
            self.end(id, Err(status));
        }
    }

    /// The largest frame the server takes, as far as it is known.
    fn peer_frame(&self) -> u32 {
        self.lock().peer().map_or(FRAME_BEFORE_PREFACE, |peer| peer.frame)
    }

    pub(super) fn send_or_ignore(&self, message: &Message<'_>) {
        // A connection that takes no message has nobody to tell.
        self.outbound.say(message, FRAME_BEFORE_PREFACE).ok();
    }
}

impl Port for Connection {
    fn items(&self, id: u64, count: u32, payload: &mut Vec<u8>) -> Result<(), Status> {
        let sent = Payload::around(payload, |payload| {
            self.outbound.send(&Message::Items { id, count }, payload, self.peer_frame())
        });
        sent.map(drop).map_err(|error| unsent(&error))
    }

    fn large_item(&self, id: u64, item: Arc<[u8]>) -> Result<(), Status> {
        let sent = self.outbound.send_shared(&Message::Items { id, count: 1 }, item, self.peer_frame());
        sent.map_err(|error| unsent(&error))
    }

    fn end(&self, id: u64, outcome: Result<(), Status>) {
        let status = outcome.err();
        self.send_or_ignore(&Message::End { id, refusal: status.as_ref().map(Refusal::of) });
        self.flush();
    }

    fn grant(&self, id: u64, items: u32) {
        self.send_or_ignore(&Message::Credit { id, items });
        Connection::flush(self);
    }

    fn abandon(&self, id: u64) {
        let mut calls = self.lock();
        let open = calls.abandon(id);
        let (hopeful, nudges) = (calls.hopeful(), calls.nudges());
        drop(calls);
        wake_all(&hopeful);
        tell(nudges);
        if open {
            self.send_or_ignore(&Message::Cancel { id });
            Connection::flush(self);
        }
    }

    fn flush(&self) {
        Connection::flush(self);
    }

    fn has_room(&self) -> bool {
        self.outbound.queued() < self.limits.queued_bytes
    }

    fn room_or_ask(&self) -> bool {
        self.outbound.room_or_ask(self.limits.queued_bytes)
    }

    fn wait_for_room(&self, deadline: Option<Instant>, is_over: &dyn Fn() -> bool) -> bool {
        if self.has_room() {
            return true;
        }
        Connection::flush(self);
        let deadline = deadline.unwrap_or_else(|| sync::now() + DEADLINE_CEILING);
        let alarm = Alarm::set();
        self.outbound.wait_for_room(self.limits.queued_bytes, deadline, || alarm.has_rung() || is_over())
    }

    fn tend(&self, id: u64) {
        self.tend_to(id);
    }

    fn take_in(&self) {
        Connection::flush(self);
        let Some(reader) = self.lock().take_reader() else { return };
        let now = sync::now();
        self.read_turn(reader, now, now);
        self.pass_reading_on();
    }

    fn wait(&self, deadline: Option<Instant>, ready: &mut dyn FnMut() -> bool) -> bool {
        Connection::flush(self);
        let deadline = deadline.unwrap_or_else(|| sync::now() + DEADLINE_CEILING);
        self.drive(Wanted::Stream, deadline, |_| ready().then_some(())).is_ok()
    }
}
