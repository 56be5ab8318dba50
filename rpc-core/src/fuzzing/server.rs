//! A server that is fed a peer's bytes.

use std::collections::HashMap;
use std::io::{ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{Desk, DeskService};
use crate::context::Context;
use crate::frame::{Frame, Inbound};
use crate::layers::Tracing;
use crate::limits::{FRAME_CEILING, Limits};
use crate::server::Server;
use crate::status::Status;
use crate::stream::Stream;
use crate::transport::{Readiness, Socket, Transport, Way};
use crate::wire::{self, Message, Preface, ReplyOutcome};

struct Clerk;

impl Desk for Clerk {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn withdraw(&self, amount: u64) -> Result<u64, Status> {
        250u64.checked_sub(amount).ok_or_else(|| Status::failed_precondition("not so much"))
    }

    fn wait(&self) -> Result<(), Status> {
        // The channel carries nothing: it ends.
        Context::current().cancelled().recv().ok();
        Err(Status::cancelled("nobody waits"))
    }

    fn entries(&self) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(1..=65))
    }

    fn deposit(&self, mut amounts: Stream<u64>) -> Result<u64, Status> {
        amounts.try_fold(0u64, |sum, amount| Ok(sum.wrapping_add(amount?)))
    }

    fn change(&self, amounts: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(amounts.map(|amount| Ok(amount?.wrapping_mul(2)))))
    }
}

/// Connections of former inputs that may still be on their way out.
const LEAVING: usize = 64;

/// A peer that has said all and hears nothing for so long goes.
const QUIET: Duration = Duration::from_millis(5);

/// Nothing that a peer says keeps it busy for longer.
const BUSY: Duration = Duration::from_secs(10);

/// A peer says these bytes and no more. What the server answers is in order, each call is answered once, and when the peer
/// has gone, nothing is left of it.
///
/// # Panics
/// When that is not so.
pub fn server(input: &[u8]) {
    let server = running();
    let peer = Way::from(server).connect().expect("the server has room");
    say(&peer, input);
    peer.shutdown(Shutdown::Write);
    Answers::default().hear(&peer);
    drop(peer);
    let until = Instant::now() + BUSY;
    while server.connections() > LEAVING {
        assert!(Instant::now() < until, "connections stay behind");
        std::thread::yield_now();
    }
}

/// One server for all inputs: what one leaves behind, the next meets.
fn running() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let limits = Limits { frame: 256 << 10, calls_in_flight: 16, ..Limits::default() };
        let desk = DeskService::new(Arc::new(Clerk));
        let server = Server::builder().layer(Tracing::new()).service(desk).limits(limits);
        server.serve_in_memory().expect("a server in memory")
    })
}

/// What the far side does not take, since it has gone or has had enough, is not said.
pub(super) fn say(peer: &Socket, mut bytes: &[u8]) {
    let until = Instant::now() + BUSY;
    while !bytes.is_empty() {
        match peer.write(&[IoSlice::new(bytes)]) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let ready = peer.wait(Readiness::WRITABLE, Some(Instant::now() + QUIET));
                if !ready.is_ok_and(|ready| ready.writable) {
                    return;
                }
            }
            Err(_) => return,
        }
        assert!(Instant::now() < until, "nothing takes a byte now and then for so long");
    }
}

/// What the server has said so far.
#[derive(Default)]
struct Answers {
    inbound: Inbound,
    greeted: bool,
    calls: HashMap<u64, Answered>,
}

/// How far a call has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// With a value; if that is a stream, items may follow.
    Returned,
    Over,
}

impl Answers {
    fn hear(&mut self, peer: &Socket) {
        let until = Instant::now() + BUSY;
        while let Ok(1..) = peer.read(self.inbound.room(), Some(Instant::now() + QUIET)) {
            self.take();
            assert!(Instant::now() < until, "the server does not come to an end");
        }
    }

    fn take(&mut self) {
        if !self.greeted {
            let Some((_, length)) = Preface::decode(self.inbound.arrived()).expect("a preface") else {
                return;
            };
            self.inbound.consume(length);
            self.greeted = true;
        }
        let mut frame = Frame::default();
        while self.inbound.next(FRAME_CEILING, &mut frame).expect("a frame") {
            let (message, _) = wire::decode(frame.content()).expect("a message");
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Message<'_>) {
        match message {
            Message::Reply { id, outcome } => {
                let returned = matches!(outcome, ReplyOutcome::Returned);
                let answered = if returned { Answered::Returned } else { Answered::Over };
                let before = self.calls.insert(*id, answered);
                assert_eq!(before, None, "call {id} was answered twice");
            }
            Message::Items { id, .. } => assert_eq!(self.calls.get(id), Some(&Answered::Returned)),
            Message::End { id, .. } => {
                let before = self.calls.insert(*id, Answered::Over);
                assert_eq!(before, Some(Answered::Returned), "call {id} has ended twice");
            }
            other => assert!(!matches!(other, Message::Call(_)), "a server does not call"),
        }
    }
}
