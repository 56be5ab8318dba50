//! Calls with streams, on the server.
//!
//! A call that takes a stream runs on a thread of its own from the start, since it waits for what the reading thread reads.
//! A call that returns one has its procedure behind it: its stream needs no thread, unless an iterator must be driven.

use std::sync::Arc;
use std::time::Instant;

use super::aside::NEVER_READS;
use super::connection::Connection;
use super::turn::Stage;
use crate::codec::Payload;
use crate::connection::SendError;
use crate::context::{Alarm, Context};
use crate::limits::DEADLINE_CEILING;
use crate::service::Output;
use crate::status::Status;
use crate::stream::{Attached, Nudge, Port, Wire, Work, park_until, unsent};
use crate::sync;
use crate::transport::wake_all;
use crate::wire::{Message, Refusal};

/// A connection as its streams see it.
struct Line(Arc<Connection>);

impl Connection {
    pub(super) fn wire(self: &Arc<Self>, id: u64, deadline: Option<Instant>) -> Wire {
        Wire { port: Arc::new(Line(self.clone())), id, deadline }
    }

    /// Sends the stream that a procedure returned, behind the answer that is queued. What is dropped in it may panic.
    pub(super) fn stream_out(self: &Arc<Self>, id: u64, context: &Context, output: Output) {
        self.watch_deadline(id);
        let wire = self.wire(id, context.deadline());
        let Attached { pump, work } = context.scope(|| output(wire));
        let stage = if work.is_some() { Stage::Driven } else { Stage::Streaming };
        if !self.lock().feed(id, pump.clone(), stage) {
            return Nudge::Cancel(pump, Status::cancelled("the caller gave the call up")).run();
        }
        pump.credit(self.peer_credit());
        let Some(work) = work else { return };
        let driver = Driver { connection: self.clone(), id };
        match self.shared.pool.place() {
            Ok(place) => place.run(move || drive(&driver, work)),
            Err(_) => {
                // Cancelled before its sink is dropped, or the far side would take the stream for complete.
                let status = Status::resource_exhausted("the server has no thread to drive a stream");
                Nudge::Cancel(pump, status.clone()).run();
                drop(work);
                self.end_stream(id, Err(&status));
            }
        }
    }

    /// The last word of a stream that is sent from here: the call is over, and with it the stream that it takes.
    fn end_stream(self: &Arc<Self>, id: u64, outcome: Result<(), &Status>) {
        let mut turn = self.lock();
        let procedure = turn.find(id).map_or("a stream", |call| call.procedure);
        let (finished, started) = turn.end_stream(id, NEVER_READS);
        let legs = turn.take_streams(id);
        drop(turn);
        if let Some(started) = started {
            self.count_ended(started, outcome);
            self.send_end(id, outcome);
        }
        let told = self.tell(procedure, legs.into_iter().flat_map(|legs| legs.over(outcome)));
        if finished.may_answer {
            self.note_answered();
        } else {
            self.look_for_news();
        }
        if told.is_err() {
            self.suffer(id, procedure);
        }
    }

    pub(super) fn send_end(&self, id: u64, outcome: Result<(), &Status>) {
        let send = |refusal| self.outbound.say(&Message::End { id, refusal }, self.peer_frame());
        // A peer that takes only tiny frames gets the code alone.
        send(outcome.err().map(Refusal::of)).or_else(|_| send(outcome.err().map(Refusal::brief))).ok();
    }

    /// The peer has ended its side: no credit comes for streams that have used theirs up.
    pub(super) fn end_starved(self: &Arc<Self>) {
        let starved = self.lock().starved();
        for id in starved {
            let why = Status::unavailable("the caller ended its side, and has given no credit for this item");
            let procedure = self.lock().find(id).map_or("a stream", |call| call.procedure);
            if self.fail(id, &why).is_err() {
                self.suffer(id, procedure);
            }
        }
    }

    /// The peer has ended its side: what it has not sent of its streams does not come any more.
    pub(super) fn end_inlets(&self) {
        let inlets = self.lock().inlets();
        let why = Status::unavailable("the caller ended its side before its stream");
        let sleepers = inlets.into_iter().flat_map(|inlet| inlet.end(Err(why.clone())));
        sleepers.for_each(|sleeper| sleeper.wake());
    }
}

/// A thread that drives an iterator; its call keeps its place until it is gone, also when nobody waits for the items.
struct Driver {
    connection: Arc<Connection>,
    id: u64,
}

impl Driver {
    fn leave(&self) {
        if self.connection.lock().driver_left(self.id) {
            self.connection.look_for_news();
        }
    }
}

/// Fills a stream. A panic is caught for the thread's sake: the stream's sink has ended it, and told its connection.
fn drive(driver: &Driver, work: Work) {
    let connection = &driver.connection;
    let procedure = connection.lock().find(driver.id).map_or("a stream", |call| call.procedure);
    connection.shared.panics.guard(procedure, || work(&mut || driver.leave())).ok();
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Line {
    /// Queues items of a stream that is still awaited. Whoever ends it first takes it out of the turn, so that nothing of
    /// it comes behind its end.
    fn while_awaited(
        &self,
        (id, items): (u64, u32),
        send: impl FnOnce() -> Result<(), SendError>,
    ) -> Result<(), Status> {
        let turn = self.0.lock();
        let Some(call) = turn.find(id).filter(|call| call.awaited) else {
            return Err(Status::cancelled("the call is over"));
        };
        let (slot, sent) = (call.started.slot, send());
        drop(turn);
        sent.map_err(|error| unsent(&error))?;
        self.0.shared.tally.send_items(self.0.id(), slot, items);
        Ok(())
    }
}

impl Port for Line {
    fn items(&self, id: u64, count: u32, payload: &mut Vec<u8>) -> Result<(), Status> {
        let message = Message::Items { id, count };
        let send = || {
            Payload::around(payload, |payload| self.0.outbound.send(&message, payload, self.0.peer_frame()))
                .map(drop)
        };
        self.while_awaited((id, count), send)
    }

    fn large_item(&self, id: u64, item: Arc<[u8]>) -> Result<(), Status> {
        let message = Message::Items { id, count: 1 };
        self.while_awaited((id, 1), || self.0.outbound.send_shared(&message, item, self.0.peer_frame()))
    }

    fn end(&self, id: u64, outcome: Result<(), Status>) {
        self.0.end_stream(id, outcome.as_ref().copied());
        self.0.push_out_aside();
    }

    fn grant(&self, id: u64, items: u32) {
        // A closed way out has nobody to tell, here and below.
        self.0.outbound.say(&Message::Credit { id, items }, self.0.peer_frame()).ok();
        self.0.push_out_aside();
    }

    fn abandon(&self, id: u64) {
        let inlet = self.0.lock().legs(id).and_then(|legs| legs.inlet.take());
        let Some(inlet) = inlet else { return };
        if inlet.is_open() {
            // Whoever passes the stream on may still wait for it.
            let gone = Status::cancelled("the stream's consumer is gone");
            wake_all(&inlet.end(Err(gone)));
            self.0.outbound.say(&Message::Cancel { id }, self.0.peer_frame()).ok();
            self.0.push_out_aside();
        }
    }

    fn panicked(&self, id: u64) {
        self.0.note_panic(id);
    }

    fn flush(&self) {
        self.0.push_out_aside();
    }

    fn has_room(&self) -> bool {
        self.0.outbound.queued() < self.0.shared.limits.queued_bytes
    }

    fn room_or_ask(&self) -> bool {
        self.0.outbound.room_or_ask(self.0.shared.limits.queued_bytes)
    }

    fn wait_for_room(&self, deadline: Option<Instant>, is_over: &dyn Fn() -> bool) -> bool {
        if self.has_room() {
            return true;
        }
        self.0.push_out_aside();
        let deadline = deadline.unwrap_or_else(|| sync::now() + DEADLINE_CEILING);
        let alarm = Alarm::set();
        let bound = self.0.shared.limits.queued_bytes;
        self.0.outbound.wait_for_room(bound, deadline, || alarm.has_rung() || is_over())
    }

    /// The server always reads.
    fn tend(&self, _id: u64) {}

    fn take_in(&self) {}

    fn wait(&self, deadline: Option<Instant>, ready: &mut dyn FnMut() -> bool) -> bool {
        park_until(deadline, ready)
    }
}
