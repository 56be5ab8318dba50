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
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::dispatch::Workspace;
use super::shared::Shared;
use super::turn::{Phase, Turn};
use crate::connection::{Outbound, Progress};
use crate::frame::Inbound;
use crate::limits::{FRAME_BEFORE_PREFACE, FRAME_TIME, PREFACE_TIME, WRITE_STALL};
use crate::status::Status;
use crate::transport::{Readiness, Transport};
use crate::wire::{Message, OURS, Preface, Refusal};

pub(super) struct Connection {
    id: u64,
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) outbound: Outbound,
    turn: Mutex<Turn>,
    /// Twice the id of the call that the reading thread runs or ran last, plus one while it runs.
    pulse: AtomicU64,
    /// The pulse at the watcher's last look.
    seen: AtomicU64,
    /// The largest frame the peer takes.
    peer_frame: AtomicU64,
}

/// Why a reading thread stops.
pub(super) enum Stop {
    /// Another thread reads now, or the connection is closed already.
    Replaced,
    /// The peer has ended its side in order; what runs may still be answered.
    PeerDone,
    /// The connection cannot go on.
    Broken(String),
}

/// While a peer that has ended its side is still owed answers, this often it is looked whether it is gone.
const GONE_STEP: Duration = Duration::from_millis(20);

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, transport: Arc<dyn Transport>) -> Connection {
        Connection {
            id: shared.next_id(),
            outbound: Outbound::new(transport.clone()),
            shared,
            transport,
            turn: Mutex::default(),
            pulse: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            peer_frame: AtomicU64::new(u64::from(FRAME_BEFORE_PREFACE)),
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
                self.shared.know(self);
                self.read_on(0);
            }
            Err(reason) => self.end(&reason),
        }
    }

    /// Reads the peer's preface and answers with ours.
    fn greet(&self) -> Result<Inbound, String> {
        let deadline = Instant::now() + PREFACE_TIME;
        let mut inbound = Inbound::default();
        loop {
            match Preface::decode(inbound.arrived()) {
                Err(error) => return Err(error.to_string()),
                Ok(Some((preface, length))) => {
                    inbound.consume(length);
                    self.peer_frame.store(u64::from(preface.frame), Ordering::Relaxed);
                    let limits = &self.shared.limits;
                    let ours = Preface { frame: limits.frame, calls: limits.calls_in_flight, ..OURS };
                    self.outbound.send_raw(&ours.encode());
                    return Ok(inbound);
                }
                Ok(None) => {}
            }
            // A silent connection has no buffer yet.
            let ready = self.transport.wait(Readiness::READABLE, Some(deadline));
            if !ready.map_err(|error| error.to_string())?.readable {
                return Err(format!("no preface came within {PREFACE_TIME:?}"));
            }
            match self.transport.read(inbound.room(), Some(deadline)) {
                Ok(0) => return Err("it was closed before its preface came".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Reads and runs calls until this thread is replaced or the connection ends.
    pub(super) fn read_on(self: &Arc<Self>, ticket: u64) {
        let mut workspace = Workspace::default();
        let stop = loop {
            if let Err(stop) = self.run_complete_calls(ticket, &mut workspace) {
                break stop;
            }
            if let Err(stop) = self.send_gathered().and_then(|()| self.read_more(ticket)) {
                break stop;
            }
        };
        match stop {
            Stop::Replaced => {}
            Stop::PeerDone => self.outlive_peer(),
            Stop::Broken(reason) => self.end(&reason),
        }
    }

    /// Sends the replies of this turn. A peer that takes nothing is waited for only when too much is queued.
    fn send_gathered(self: &Arc<Self>) -> Result<(), Stop> {
        self.push_out();
        let bound = self.shared.limits.queued_bytes;
        if self.outbound.wait_for_room(bound, Instant::now() + WRITE_STALL) {
            return Ok(());
        }
        Err(Stop::Broken(format!("the peer took nothing for {WRITE_STALL:?}")))
    }

    /// Waits for more bytes; without an end while no frame has begun, since an idle connection is welcome.
    fn read_more(&self, ticket: u64) -> Result<(), Stop> {
        let mut inbound = std::mem::take(&mut self.lock().inbound);
        let deadline = (!inbound.is_empty()).then(|| Instant::now() + FRAME_TIME);
        let read = self.transport.read(inbound.room(), deadline);
        let mut turn = self.lock();
        if !turn.reads(ticket) {
            return Err(Stop::Replaced);
        }
        turn.inbound = inbound;
        match read {
            Ok(0) => Err(Stop::PeerDone),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(Stop::Broken(format!("a frame stopped half-way for {FRAME_TIME:?}")))
            }
            Err(error) => Err(Stop::Broken(error.to_string())),
        }
    }

    /// The peer has ended its side: its running calls are still answered, unless it turns out to be gone altogether. A
    /// ping finds out, since a closed socket answers it with a reset.
    fn outlive_peer(self: &Arc<Self>) {
        if !self.lock().calls().is_empty() {
            self.outbound.send(&Message::Ping { nonce: 0 }, &mut Vec::new(), FRAME_BEFORE_PREFACE).ok();
            self.push_out();
        }
        while !self.lock().calls().is_empty() {
            match self.transport.wait(Readiness::BROKEN, Some(Instant::now() + GONE_STEP)) {
                Ok(ready) if !ready.broken => {}
                _ => break,
            }
        }
        self.push_out();
        self.outbound.wait_for_room(1, Instant::now() + WRITE_STALL);
        self.end("it was closed by the peer");
    }

    /// Writes what is queued; a full socket is left to another thread, or waited for here if there is none.
    pub(super) fn push_out(self: &Arc<Self>) {
        if !matches!(self.outbound.flush(), Progress::Stuck) {
            return;
        }
        let this = self.clone();
        if self.shared.pool.run(move || this.drain()).is_err() {
            self.drain();
        }
    }

    /// Writes on as the socket takes more; closes the connection when it takes nothing for too long.
    fn drain(&self) {
        loop {
            match self.transport.wait(Readiness::WRITABLE, Some(Instant::now() + WRITE_STALL)) {
                Ok(ready) if ready.writable => {}
                _ => return self.close(&format!("the peer took nothing for {WRITE_STALL:?}")),
            }
            match self.outbound.resume() {
                Progress::Stuck => {}
                // A broken way out is noticed by the reading thread, which may still read what came before.
                Progress::Done | Progress::Broken(_) => return,
            }
        }
    }

    /// Takes the reading from a thread whose call `id` takes long; sends what that turn had gathered, and reads on.
    pub(super) fn take_over(self: &Arc<Self>, id: u64) {
        let Some(ticket) = self.lock().take_over(id) else { return };
        self.push_out();
        self.read_on(ticket);
    }

    /// Whether bytes have arrived behind the call that runs.
    pub(super) fn has_more(&self) -> bool {
        !self.lock().inbound.is_empty()
    }

    /// Says goodbye: calls after the last accepted one are not taken, and the peer knows it.
    pub(super) fn say_goodbye(self: &Arc<Self>, status: &Status) {
        let mut turn = self.lock();
        if turn.phase != Phase::Open {
            return;
        }
        turn.phase = Phase::Leaving;
        let last_accepted = turn.last_accepted;
        drop(turn);
        let goodbye = Message::Goodbye { last_accepted, refusal: Refusal::of(status) };
        if self.outbound.send(&goodbye, &mut Vec::new(), self.peer_frame()).is_ok() {
            self.push_out();
        }
    }

    /// Ends our side once everything is answered; the peer sees the end behind the last reply.
    pub(super) fn end_sending(&self) {
        self.transport.shutdown(Shutdown::Write);
    }

    /// The connection's own thread has read its last.
    fn end(&self, reason: &str) {
        self.close(reason);
        if self.lock().is_over() {
            self.shared.leave(self.id);
        }
    }

    /// Whether everything it was asked is answered and sent.
    pub(super) fn is_quiet(&self) -> bool {
        self.lock().calls().is_empty() && self.outbound.queued() == 0
    }

    /// Closes the connection: running calls are cancelled, and threads that wait for the socket return.
    pub(super) fn close(&self, reason: &str) {
        let mut turn = self.lock();
        let former = turn.phase;
        let calls = turn.close();
        drop(turn);
        for call in calls {
            call.cancellation.cancel();
        }
        self.outbound.close();
        self.transport.shutdown(Shutdown::Both);
        if former != Phase::Closed {
            self.log_end(reason);
        }
    }

    fn log_end(&self, reason: &str) {
        let peer = self.transport.peer().map_or_else(|| "a peer".to_owned(), |peer| peer.to_string());
        if self.pulse.load(Ordering::Relaxed) == 0 && self.peer_frame() == FRAME_BEFORE_PREFACE {
            tracing::info!("connection from {peer} refused: {reason}");
        } else {
            tracing::debug!("connection from {peer} ended: {reason}");
        }
    }

    pub(super) fn peer_frame(&self) -> u32 {
        u32::try_from(self.peer_frame.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// The pulse at the watcher's last look, and now. Only the watcher looks.
    pub(super) fn look_at_pulse(&self) -> (Pulse, Pulse) {
        let now = self.pulse.load(Ordering::SeqCst);
        (Pulse(self.seen.swap(now, Ordering::Relaxed)), Pulse(now))
    }

    pub(super) fn set_pulse(&self, pulse: Pulse) {
        self.pulse.store(pulse.0, Ordering::SeqCst);
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
