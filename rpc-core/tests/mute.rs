//! Clients whose server says nothing more: every wait ends all the same, by what happens on this side.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "these servers say little")]
mod peer;

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use lab::SOON;
use peer::{PREFACE, Peer, framed};
use rpc_core::{Client, Code, Sink, Status, Stream, stream};

mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(10);
}

#[rpc_core::service]
trait Duct {
    fn through(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
}

const BRIEF: Duration = Duration::from_millis(20);

/// The reply that begins the stream of call 1.
const BEGUN: [u8; 3] = [1, 1, 0];

/// A client with a stream each way, and its server, which gives no credit.
fn opened() -> (DuctClient, Sink<u64>, Stream<u64>, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let duct = DuctClient::new(Client::connect(listener.local_addr().unwrap().to_string()));
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut server = Peer::accept(&listener);
            server.say(&PREFACE);
            server.say(&framed(&BEGUN));
            server
        });
        let (sink, numbers) = stream();
        let items = duct.through(numbers).unwrap();
        (duct.clone(), sink, items, server.join().unwrap())
    })
}

/// How long a sender that waits for credit, and reads for it, goes on waiting when its stream is dropped elsewhere.
fn time_to_learn() -> Duration {
    let (_duct, sink, items, _server) = opened();
    let sent = AtomicUsize::new(0);
    let (over, ended) = bounded(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            let send = |number| sink.send(number).map(|()| sent.fetch_add(1, Ordering::SeqCst)).err();
            over.send((0..).find_map(send)).unwrap();
        });
        let until = Instant::now() + SOON;
        while sent.load(Ordering::SeqCst) < 64 {
            assert!(Instant::now() < until, "the sender did not come so far");
            thread::yield_now();
        }
        // It reads now, or is about to; both must end.
        let begun = Instant::now() + BRIEF;
        while Instant::now() < begun {
            thread::park_timeout(BRIEF);
        }
        drop(items);
        assert_eq!(ended.recv_timeout(SOON).unwrap().unwrap().code(), Code::Cancelled);
        begun.elapsed()
    })
}

/// A thread that read could not be woken: it was left to a ping's answer, or to a look at every tenth of a second.
#[test]
fn who_reads_a_silent_connection_is_woken_at_once() {
    let mut times: Vec<Duration> = (0..9).map(|_| time_to_learn()).collect();
    times.sort();
    assert!(times[4] < BRIEF, "{times:?}");
}
