//! A server whose threads are all taken.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::capacity::Capacity;
use super::{Server, ServerBuilder};
use crate::service::{Arguments, Kind, Procedure, Reply, Service};
use crate::status::Status;

/// `fast` answers at once, `slow` waits for the gate.
struct Office {
    entered: Sender<()>,
    gate: Receiver<()>,
}

const PROCEDURES: [Procedure; 2] = [procedure("fast"), procedure("slow")];

const fn procedure(name: &'static str) -> Procedure {
    Procedure::new(name, Kind::Unary)
}

impl Service for Office {
    fn procedures(&self) -> &'static [Procedure] {
        &PROCEDURES
    }

    fn call(&self, number: usize, _arguments: Arguments<'_>, reply: &mut Reply<'_>) -> Result<(), Status> {
        if number == 1 {
            self.entered.send(()).unwrap();
            self.gate.recv_timeout(SOON).unwrap();
        }
        reply.finish(Ok::<(), ()>(()))
    }
}

const SOON: Duration = Duration::from_secs(10);
const PREFACE: &[u8; 24] = b"\xf1RPC\x18\0\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\0\0\0\0";

/// A server with so many threads for connections and slow calls.
fn serve(threads: usize) -> (Server, Receiver<()>, Sender<()>) {
    let ((enters, entered), (gate, gated)) = (bounded(10), bounded(10));
    let capacity = Capacity { connections: threads, threads };
    let builder = ServerBuilder::default().service(Office { entered: enters, gate: gated });
    (builder.start_with(None, capacity).unwrap(), entered, gate)
}

struct Peer(UnixStream);

impl Peer {
    /// Waits for a thread that is on its way back.
    fn of(server: &Server) -> Peer {
        let until = Instant::now() + SOON;
        let far = loop {
            let (near, far) = UnixStream::pair().unwrap();
            match server.adopt(near) {
                Ok(()) => break far,
                Err(full) => assert!(Instant::now() < until, "{full}"),
            }
            std::thread::yield_now();
        };
        far.set_read_timeout(Some(SOON)).unwrap();
        let mut peer = Peer(far);
        peer.0.write_all(PREFACE).unwrap();
        peer.0.read_exact(&mut [0; 24]).unwrap();
        peer
    }

    /// A call of a name of four bytes, without a time limit, metadata or arguments.
    fn call(&mut self, id: u8, procedure: &str) {
        let frame = [&[10, 0, 0, 0, 0, id, 4][..], procedure.as_bytes(), &[0, 0, 0]].concat();
        self.0.write_all(&frame).unwrap();
    }

    /// The id of the next call that is answered with a value.
    fn answered(&mut self) -> u8 {
        let mut frame = [0; 4 + 3];
        self.0.read_exact(&mut frame).unwrap();
        let [length, .., 1, id, 0] = frame else { panic!("{frame:?} is no answer") };
        assert_eq!(length, 3);
        id
    }
}

/// The watcher must ask for a thread again until there is one: nothing else happens on the connection meanwhile.
#[test]
fn a_call_behind_a_slow_one_is_answered_as_soon_as_a_thread_is_free() {
    let (server, entered, gate) = serve(2);
    let (mut peer, other) = (Peer::of(&server), Peer::of(&server));
    peer.call(1, "slow");
    entered.recv_timeout(SOON).unwrap();
    peer.call(2, "fast");
    // There is no thread for it now.
    peer.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    peer.0.read_exact(&mut [0]).unwrap_err();
    peer.0.set_read_timeout(Some(SOON)).unwrap();
    drop(other);
    assert_eq!(peer.answered(), 2);
    gate.send(()).unwrap();
    assert_eq!(peer.answered(), 1);
}

#[test]
fn without_a_free_thread_calls_are_answered_one_after_the_other() {
    let (server, entered, gate) = serve(1);
    let mut peer = Peer::of(&server);
    for (slow, fast) in [(1, 2), (3, 4), (5, 6)] {
        peer.call(slow, "slow");
        entered.recv_timeout(SOON).unwrap();
        peer.call(fast, "fast");
        gate.send(()).unwrap();
        assert_eq!((peer.answered(), peer.answered()), (slow, fast));
    }
    assert_eq!(server.connections(), 1);
}

/// A procedure that is known to be slow gets a thread of its own; where there is none it runs as any other.
#[test]
fn a_slow_procedure_runs_on_the_reading_thread_when_no_other_is_free() {
    let (server, entered, gate) = serve(2);
    let mut peer = Peer::of(&server);
    peer.call(1, "slow");
    entered.recv_timeout(SOON).unwrap();
    peer.call(2, "fast");
    assert_eq!(peer.answered(), 2);
    gate.send(()).unwrap();
    assert_eq!(peer.answered(), 1);
    // The slow thread comes back, and another connection takes it.
    let mut other = Peer::of(&server);
    for id in 3..6 {
        peer.call(id, "slow");
        entered.recv_timeout(SOON).unwrap();
        gate.send(()).unwrap();
        assert_eq!(peer.answered(), id);
    }
    other.call(1, "fast");
    assert_eq!(other.answered(), 1);
}
