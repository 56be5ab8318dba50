//! One connection of a server.
//!
//! ```text
//!   read ─▶ run every complete call here ─▶ nothing complete left: write all replies at once ─▶ read …
//!                   │ longer than a tick, and more has come
//!                   ▼
//!           another thread takes the reading over; this one answers its call and leaves
//! ```
//! The lock of the turn is never held while reading, writing or running a procedure.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::dispatch::Workspace;
use super::metrics::Traffic;
use super::shared::Shared;
use super::turn::{Lull, Turn};
use crate::connection::{self, IntakeError, Outbound, Progress};
use crate::frame::Inbound;
use crate::limits::FRAME_BEFORE_PREFACE;
use crate::status::Status;
use crate::stream::{Nudge, Telling, Terms};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{self, Mutex, MutexGuard};
use crate::transport::{Readiness, Transport};
use crate::wire::{Message, OURS, Preface, PrefaceError};

pub(super) struct Connection {
    id: u64,
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) outbound: Outbound,
    telling: Telling,
    /// Of the streams that the peer sends.
    pub(super) terms: Terms,
    turn: Mutex<Turn>,
    /// Twice the id of the call that the reading thread runs or ran last, plus one while it runs.
    pulse: AtomicU64,
    /// The pulse at the watcher's last look.
    seen: AtomicU64,
    /// The largest frame the peer takes.
    peer_frame: AtomicU64,
    /// Items the peer takes on a stream before it gives credit.
    peer_credit: AtomicU32,
}

/// Why a reading thread stops.
pub(super) enum Stop {
    /// Another thread reads now, or the connection is closed already.
    Replaced,
    /// The peer has ended its side in order; what runs may still be answered.
    PeerDone,
    /// No call has been in flight for the time that a connection may be idle.
    Idle,
    /// The connection cannot go on.
    Broken(String),
}

/// Since when a connection has had no call in flight.
struct Quiet {
    since: Instant,
    last_accepted: u64,
}

/// While a peer that has ended its side is still owed answers, this often it is looked whether it is gone.
const GONE_STEP: Duration = Duration::from_millis(20);

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, transport: Arc<dyn Transport>) -> Connection {
        Connection {
            id: shared.next_id(),
            outbound: Outbound::new(transport.clone()),
            telling: Telling::default(),
            terms: Terms::of(&shared.limits),
            shared,
            transport,
            turn: Mutex::default(),
            pulse: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            peer_frame: AtomicU64::new(u64::from(FRAME_BEFORE_PREFACE)),
            peer_credit: AtomicU32::new(0),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The life of the connection's first thread.
    pub(super) fn serve(self: &Arc<Self>) {
        match self.greet() {
            Ok(inbound) => {
                self.lock().inbound = inbound;
                self.read_on(0);
            }
            Err(reason) => self.close(&reason),
        }
    }

    /// Reads the peer's preface and answers with ours; what is below the preface is agreed on in the same time.
    fn greet(self: &Arc<Self>) -> Result<Inbound, String> {
        let limits = &self.shared.limits;
        let deadline = sync::now().checked_add(limits.preface_time);
        self.transport.establish(deadline).map_err(|error| error.to_string())?;
        let mut inbound = Inbound::default();
        loop {
            match Preface::decode(inbound.arrived()) {
                Err(error) => {
                    if matches!(error, PrefaceError::Version { .. } | PrefaceError::Tls(_)) {
                        self.show_preface();
                    }
                    return Err(error.to_string());
                }
                Ok(Some((preface, length))) => {
                    inbound.consume(length);
                    self.peer_frame.store(u64::from(preface.frame), Ordering::Relaxed);
                    self.peer_credit.store(preface.credit, Ordering::Relaxed);
                    // Before our preface leaves: whoever has read it has a place.
                    self.shared.know(self);
                    self.introduce();
                    // At once: the peer's further calls wait for it, and the first may be slow.
                    self.push_out();
                    return Ok(inbound);
                }
                Ok(None) => {}
            }
            // A silent connection has no buffer yet.
            let ready = self.transport.wait(Readiness::READABLE, deadline);
            if !ready.map_err(|error| error.to_string())?.readable {
                return Err(format!("no preface came within {:?}", limits.preface_time));
            }
            match self.transport.read(inbound.room(), deadline) {
                Ok(0) => return Err("it was closed before its preface came".to_owned()),
                Ok(count) => self.lock().note_received(count),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Queues our preface in front of everything else, once.
    pub(super) fn introduce(&self) {
        let limits = &self.shared.limits;
        let (calls, credit) = (limits.calls_in_flight, limits.stream_credit);
        self.outbound.introduce(&Preface { frame: limits.frame, calls, credit, ..OURS });
    }

    /// Reads and runs calls until this thread is replaced or the connection ends.
    pub(super) fn read_on(self: &Arc<Self>, ticket: u64) {
        let mut workspace = Workspace::default();
        let mut quiet = Quiet { since: sync::now(), last_accepted: 0 };
        let mut turn = self.lock();
        let stop = loop {
            let taken = self.run_complete_calls(turn, ticket, &mut workspace);
            let lull = taken.and_then(|lull| self.send_gathered().map(|()| lull));
            let more = lull.and_then(|lull| self.read_more(ticket, (lull, workspace.legacy.at), &mut quiet));
            match more {
                Ok(more) => turn = more,
                Err(stop) => break stop,
            }
        };
        match stop {
            Stop::Replaced => {}
            Stop::PeerDone => self.outlive_peer(),
            Stop::Idle => {
                let why = format!("no call was in flight for {:?}", self.shared.limits.idle);
                self.say_goodbye(&Status::unavailable(&*why).not_run());
                self.linger(&why);
            }
            Stop::Broken(reason) => {
                // What this turn has answered leaves before the connection ends.
                self.push_out_aside();
                self.close(&reason);
            }
        }
    }

    /// Sends the replies of this turn. A peer that takes too little is waited for only when too much is queued.
    pub(super) fn send_gathered(self: &Arc<Self>) -> Result<(), Stop> {
        self.push_out();
        let limits = &self.shared.limits;
        if self.outbound.outlast(limits.queued_bytes, limits.write_stall) {
            return Ok(());
        }
        Err(Stop::Broken(self.took_nothing()))
    }

    /// Waits for more bytes; as long as the connection may be idle, if no call is in flight and no frame has begun. The last
    /// call of this thread ended at `at`.
    fn read_more(
        &self,
        ticket: u64,
        (lull, at): (Lull, Option<Instant>),
        quiet: &mut Quiet,
    ) -> Result<MutexGuard<'_, Turn>, Stop> {
        let (mut lull, mut at) = (lull, at);
        loop {
            let Lull { mut inbound, idle, last_accepted } = lull;
            if !idle || quiet.last_accepted != last_accepted {
                *quiet = Quiet { since: at.take().unwrap_or_else(sync::now), last_accepted };
            }
            let until = quiet.since.checked_add(self.shared.limits.idle);
            let read = connection::read(&*self.transport, &mut inbound, until, &self.shared.limits);
            let mut turn = self.lock();
            if !turn.reads(ticket) {
                return Err(Stop::Replaced);
            }
            turn.inbound = inbound;
            turn.idle = false;
            match read {
                Ok(0) => return Err(Stop::PeerDone),
                Ok(count) => {
                    turn.note_received(count);
                    return Ok(turn);
                }
                // Calls that ran aside may have ended since, nobody knows when: at the latest now.
                Err(IntakeError::TimedOut) if !idle => quiet.since = sync::now(),
                Err(IntakeError::TimedOut) => return Err(Stop::Idle),
                Err(error) => return Err(Stop::Broken(error.to_string())),
            }
            lull = turn.pause();
        }
    }

    /// The peer has ended its side: its running calls are still answered, unless it turns out to be gone altogether. A
    /// ping finds out, since a closed socket answers it with a reset. Streams go on as far as their credit goes.
    fn outlive_peer(self: &Arc<Self>) {
        self.end_inlets();
        if !self.lock().is_settled() {
            self.outbound.say(&Message::Ping { nonce: 0 }, FRAME_BEFORE_PREFACE).ok();
            self.push_out();
        }
        while !self.lock().is_settled() {
            self.end_starved();
            match self.transport.wait(Readiness::BROKEN, Some(sync::now() + GONE_STEP)) {
                Ok(ready) if !ready.broken => {}
                _ => break,
            }
        }
        self.push_out();
        self.outbound.outlast(1, self.shared.limits.write_stall);
        self.close("it was closed by the peer");
    }

    /// Writes what is queued; a full socket is left to another thread, or waited for here if there is none.
    pub(super) fn push_out(self: &Arc<Self>) {
        if self.flush() && self.drain_aside().is_err() {
            self.drain();
        }
    }

    /// As [`push_out`](Connection::push_out), for threads that must not wait for one peer: without a thread to wait for
    /// it, its connection ends.
    pub(super) fn push_out_aside(self: &Arc<Self>) {
        if self.flush() && self.drain_aside().is_err() {
            self.close("it takes nothing, and no thread is free to wait for it");
        }
    }

    /// Writes what is queued; whether the socket is full.
    fn flush(&self) -> bool {
        match self.outbound.flush() {
            Progress::Stuck => true,
            Progress::Room => {
                self.tell_of_room();
                false
            }
            // A broken way out is noticed by the reading thread, which may still read what came before.
            Progress::Done | Progress::Broken(_) => false,
        }
    }

    fn tell_of_room(&self) {
        self.telling.tell(|| {
            let pumps = self.lock().pumps();
            // A stream that ends meanwhile is let go of here.
            self.tell("a stream", pumps.into_iter().map(|pump| Nudge::Credit(pump, 0))).ok();
        });
    }

    fn drain_aside(self: &Arc<Self>) -> io::Result<()> {
        self.spawn(|this| this.drain())
    }

    /// Writes on as the socket takes more; closes the connection when it takes nothing for too long.
    fn drain(&self) {
        loop {
            let until = sync::now().checked_add(self.shared.limits.write_stall);
            match self.transport.wait(Readiness::WRITABLE, until) {
                Ok(ready) if ready.writable => {}
                _ => return self.close(&self.took_nothing()),
            }
            match self.outbound.resume() {
                Progress::Stuck => {}
                Progress::Room => return self.tell_of_room(),
                Progress::Done | Progress::Broken(_) => return,
            }
        }
    }

    pub(super) fn took_nothing(&self) -> String {
        format!("the peer took nothing for {:?}", self.shared.limits.write_stall)
    }

    /// Takes the reading from a thread whose call `id` takes long; sends what that turn had gathered, and reads on.
    pub(super) fn take_over(self: &Arc<Self>, id: u64) {
        let mut turn = self.lock();
        let Some(ticket) = turn.take_over(id) else { return };
        self.set_pulse(Pulse::done(id));
        drop(turn);
        self.shared.events.hand_over();
        self.push_out();
        self.read_on(ticket);
    }

    /// Whether bytes have arrived behind the call that runs.
    pub(super) fn has_more(&self) -> bool {
        !self.lock().inbound.is_empty()
    }

    /// Bytes that have come and gone so far.
    pub(super) fn traffic(&self) -> Traffic {
        let received = self.lock().received();
        Traffic { received, sent: self.outbound.sent() }
    }

    pub(super) fn peer_frame(&self) -> u32 {
        u32::try_from(self.peer_frame.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    pub(super) fn peer_credit(&self) -> u32 {
        self.peer_credit.load(Ordering::Relaxed)
    }

    /// Whether no call ever ran, nor did the peer say how large its frames may be.
    pub(super) fn is_stranger(&self) -> bool {
        self.pulse.load(Ordering::Relaxed) == 0 && self.peer_frame() == FRAME_BEFORE_PREFACE
    }

    /// The pulse at the watcher's last look, and now. Only the watcher looks.
    pub(super) fn look_at_pulse(&self) -> (Pulse, Pulse) {
        let now = self.pulse.load(Ordering::SeqCst);
        (Pulse(self.seen.swap(now, Ordering::Relaxed)), Pulse(now))
    }

    /// Who sets it to run sees whether the watcher sleeps, or the watcher sees it before it does. That nothing runs may be seen
    /// late.
    pub(super) fn set_pulse(&self, pulse: Pulse) {
        let order = if pulse.call().is_some() { Ordering::SeqCst } else { Ordering::Release };
        self.pulse.store(pulse.0, order);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the reading thread runs a call, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse(u64);

impl Pulse {
    pub(super) fn running(id: u64) -> Pulse {
        Pulse(id.wrapping_mul(2) | 1)
    }

    pub(super) fn done(id: u64) -> Pulse {
        Pulse(id.wrapping_mul(2))
    }

    /// The call that runs, if one does.
    pub(super) fn call(self) -> Option<u64> {
        (self.0 & 1 == 1).then_some(self.0 >> 1)
    }
}
