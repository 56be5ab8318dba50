//! Clients whose server says nothing more: every wait ends all the same, by what happens on this side.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "these servers say little")]
mod peer;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use lab::SOON;
use peer::{PREFACE, Peer, echoed, framed};
use rpc_core::{Client, Code, Limits, Sink, Status, Stream, stream};

mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(10);
}

#[rpc_core::service]
trait Duct {
    fn through(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    fn echo(&self, text: String) -> Result<String, Status>;
}

const BRIEF: Duration = Duration::from_millis(20);

/// The reply that begins the stream of call 1.
const BEGUN: [u8; 3] = [1, 1, 0];

/// A client with a stream each way, and its server, which gives no credit.
fn opened(limits: Limits) -> (DuctClient, Sink<u64>, Stream<u64>, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::connect(listener.local_addr().unwrap().to_string());
    let duct = DuctClient::new(client.with_limits(limits));
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
    let (_duct, sink, items, _server) = opened(Limits::default());
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
    let mut times: Vec<Duration> = (0..24).map(|_| time_to_learn()).collect();
    times.sort();
    // On a busy machine some are late; left to a look every tenth of a second, hardly four of 24 would be in time.
    assert!(times[3] < BRIEF / 4, "{times:?}");
}

const PING: [u8; 2] = [6, 0];
const PONG: [u8; 2] = [7, 0];

fn impatient() -> Limits {
    Limits { keepalive: BRIEF, pong_time: 2 * BRIEF, ..Limits::default() }
}

/// A stream has no deadline unless one is given: its consumer once waited for a silent server for ever.
#[test]
fn a_server_that_answers_no_ping_is_given_up_and_everyone_who_waits_learns_why() {
    let (duct, _sink, mut items, mut server) = opened(impatient());
    let call = duct.start().echo("x".to_owned());
    let begun = Instant::now();
    let failures = [items.next().unwrap().unwrap_err(), call.wait().unwrap_err()];
    assert!(begun.elapsed() < SOON / 2, "only after {:?}", begun.elapsed());
    for failure in failures {
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(failure.message().contains("did not answer a ping") && failure.may_have_run(), "{failure}");
    }
    assert!(server.hear_preface());
    assert!(std::iter::from_fn(|| server.hear()).any(|message| message == PING));
}

#[test]
fn a_server_that_answers_pings_is_waited_for() {
    let (duct, _sink, _items, mut server) = opened(Limits { pong_time: SOON, ..impatient() });
    assert!(server.hear_preface());
    thread::scope(|scope| {
        let echo = scope.spawn(|| duct.echo("x".to_owned()));
        for _ in 0..5 {
            while server.hear().unwrap() != PING {}
            server.say(&framed(&PONG));
        }
        server.say(&framed(&echoed(2)));
        assert_eq!(echo.join().unwrap(), Ok("x".to_owned()));
    });
}

/// Whoever does not wait asks for nothing, and does not read what would be the answer.
#[test]
fn an_idle_connection_is_not_pinged_and_still_good_after_a_long_silence() {
    let (duct, sink, items, mut server) = opened(impatient());
    assert!(server.hear_preface());
    assert!(server.hear().is_some());
    server.0.set_read_timeout(Some(10 * BRIEF)).unwrap();
    assert_eq!(server.0.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.0.set_read_timeout(Some(SOON)).unwrap();
    let call = duct.start().echo("x".to_owned());
    assert!(server.hear().is_some());
    server.say(&framed(&echoed(2)));
    assert_eq!(call.wait(), Ok("x".to_owned()));
    drop((sink, items));
}

/// What waited for room in a full queue was once told of its stream's end by the end of the connection, 30 s later.
#[test]
fn a_sender_that_waits_for_room_learns_that_its_stream_was_dropped_elsewhere() {
    let (_duct, sink, items, mut server) = opened(Limits { queued_bytes: 1 << 10, ..Limits::default() });
    // Credit for 4 billion items.
    server.say(&framed(&[4, 1, 0xfc, 0xff, 0xff, 0xff, 0xff]));
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let send = |number| sink.send(number).map(|()| sent.fetch_add(1, Ordering::SeqCst)).err();
            (0..).find_map(send).unwrap()
        });
        let (until, mut seen) = (Instant::now() + SOON, (0, Instant::now()));
        while seen.1.elapsed() < 5 * BRIEF {
            assert!(Instant::now() < until, "nothing is ever full");
            let now = sent.load(Ordering::SeqCst);
            if now != seen.0 {
                seen = (now, Instant::now());
            }
            thread::park_timeout(BRIEF / 4);
        }
        let begun = Instant::now();
        drop(items);
        assert_eq!(sending.join().unwrap().code(), Code::Cancelled);
        assert!(begun.elapsed() < SOON / 2, "only after {:?}", begun.elapsed());
    });
}
