//! How a connection of a server ends: with a goodbye, or at once.

use std::net::Shutdown;
use std::sync::Arc;

use super::connection::Connection;
use super::metrics::Unserved;
use super::turn::Phase;
use crate::limits::LINGER;
use crate::status::Status;
use crate::sync;
use crate::transport::Readiness;
use crate::wire::{Message, Refusal};

impl Connection {
    /// Says goodbye: calls after the last accepted one are not taken, and the peer knows it. Never waits for the peer.
    pub(super) fn say_goodbye(self: &Arc<Self>, status: &Status) {
        let mut turn = self.lock();
        if turn.phase != Phase::Open {
            return;
        }
        turn.phase = Phase::Leaving;
        turn.idle = turn.is_settled();
        let last_accepted = turn.last_accepted;
        drop(turn);
        // A stranger has not been greeted yet, and reads a preface first.
        self.introduce();
        let goodbye = Message::Goodbye { last_accepted, refusal: Refusal::of(status) };
        if self.outbound.say(&goodbye, self.peer_frame()).is_ok() {
            self.push_out_aside();
        }
    }

    /// Ends our side once everything is answered; the peer sees the end behind the last reply.
    pub(super) fn end_sending(&self) {
        self.transport.shutdown(Shutdown::Write);
    }

    /// Lets the peer read the goodbye, and closes once it has closed or [`LINGER`] is over.
    pub(super) fn linger(&self, reason: &str) {
        let until = sync::now() + LINGER;
        self.outbound.wait_for_room(1, until, || false);
        self.end_sending();
        // Whatever came of the wait, this is the end.
        self.transport.wait(Readiness::BROKEN, Some(until)).ok();
        self.close(reason);
    }

    /// Whether everything it was asked is answered and sent.
    pub(super) fn is_quiet(&self) -> bool {
        self.lock().is_settled() && self.outbound.queued() == 0
    }

    /// Whether the peer waits for nothing: it learns of the goodbye when it next looks, and need not close for that.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().idle && self.is_quiet()
    }

    /// The peer speaks none of our versions, or wants TLS. It learns what we speak from our preface; what it goes on to send
    /// is taken in until it has closed or [`LINGER`] is over, since closing on unread bytes could take the preface with it.
    pub(super) fn show_preface(self: &Arc<Self>) {
        self.introduce();
        self.push_out_aside();
        self.end_sending();
        let (until, mut unread) = (sync::now() + LINGER, Vec::with_capacity(4 << 10));
        while sync::now() < until && matches!(self.transport.read(&mut unread, Some(until)), Ok(1..)) {
            unread.clear();
        }
    }

    /// Closes the connection: running calls are cancelled, threads that wait for the socket return, and it leaves the
    /// list of connections, now or with its last call.
    pub(super) fn close(&self, reason: &str) {
        let mut turn = self.lock();
        let former = turn.phase;
        let (calls, streams) = turn.close();
        let over = turn.is_over();
        drop(turn);
        let why = Status::unavailable(format!("the connection ended: {reason}"));
        for call in calls {
            call.cancellation.cancel();
            if call.awaited {
                self.count_ended(call.started, Err(&why));
            }
        }
        self.outbound.close();
        self.transport.shutdown(Shutdown::Both);
        // Whatever panics in that, the connection has ended.
        self.tell("a stream", streams.into_iter().flat_map(|legs| legs.end(&why))).ok();
        if former != Phase::Closed {
            self.log_end(reason);
        }
        if over {
            self.shared.leave(self.id());
        }
    }

    fn log_end(&self, reason: &str) {
        let peer = self.transport.peer().map_or_else(|| "a peer".to_owned(), |peer| peer.to_string());
        if self.is_stranger() {
            self.shared.events.refuse(Unserved::Stranger);
            tracing::info!("connection from {peer} refused: {reason}");
        } else {
            tracing::debug!("connection from {peer} ended: {reason}");
        }
    }
}
