//! Peers that break the rules of streams, or keep them to our cost: each costs its own call or connection only.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "these peers know when to speak")]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lab::SOON;
use peer::{Peer, call, echo, echoed, framed};
use rpc_core::{Bytes, Context, Limits, Server, Status, Stream};

mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(10);
}

#[rpc_core::service]
trait Weir {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    /// Items of 64 KiB without an end.
    fn flood(&self) -> Result<Stream<Bytes>, Status>;
    /// An iterator that waits for the gate.
    fn stuck(&self) -> Result<Stream<u64>, Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    /// Takes nothing until the caller loses interest.
    fn hoard(&self, numbers: Stream<u64>) -> Result<u64, Status>;
}

struct Works {
    made: Arc<AtomicUsize>,
    gate: Receiver<()>,
}

const FLOOD_ITEM: usize = 64 << 10;

impl Weir for Works {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn flood(&self) -> Result<Stream<Bytes>, Status> {
        let made = self.made.clone();
        Ok(Stream::from_iter(std::iter::repeat_with(move || {
            made.fetch_add(1, Ordering::SeqCst);
            Bytes::from(vec![7; FLOOD_ITEM])
        })))
    }

    fn stuck(&self) -> Result<Stream<u64>, Status> {
        let (gate, made) = (self.gate.clone(), self.made.clone());
        Ok(Stream::from_iter(std::iter::from_fn(move || {
            made.fetch_add(1, Ordering::SeqCst);
            gate.recv().ok().map(|()| 7)
        })))
    }

    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().try_fold(0, |sum, number| Ok(sum + number?))
    }

    fn hoard(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        Context::current().cancelled().recv().unwrap_err();
        drop(numbers);
        Ok(0)
    }
}

struct Stand {
    server: Server,
    made: Arc<AtomicUsize>,
    gate: Sender<()>,
}

fn stand(limits: Limits) -> (Stand, Peer) {
    let made = Arc::new(AtomicUsize::new(0));
    let (gate, closed) = unbounded();
    let works = Arc::new(Works { made: made.clone(), gate: closed });
    let server =
        Server::builder().service(WeirService::new(works)).limits(limits).bind("127.0.0.1:0").unwrap();
    let peer = Peer::greeted(server.address());
    (Stand { server, made, gate }, peer)
}

fn items(id: u8, count: u8, payload: &[u8]) -> Vec<u8> {
    framed(&[&[2, id, count], payload].concat())
}

fn end(id: u8) -> Vec<u8> {
    framed(&[3, id, 0])
}

fn credit(id: u8, items: u32) -> Vec<u8> {
    framed(&[&[4, id, 0xfc], &items.to_le_bytes()[..]].concat())
}

fn cancel(id: u8) -> Vec<u8> {
    framed(&[5, id])
}

/// A stream without credit once kept its connection and a thread that looked every 20 ms, for ever: who has ended his side
/// gives no more.
#[test]
fn a_stream_without_credit_ends_when_its_caller_has_ended_his_side() {
    for (procedure, credited) in [("count", 0), ("count", 2), ("flood", 0)] {
        let (stand, mut peer) = stand(Limits::default());
        peer.say(&call(1, procedure, if procedure == "count" { &[100] } else { b"" }));
        assert_eq!(peer.hear(), Some(vec![1, 1, 0]));
        if credited > 0 {
            peer.say(&credit(1, credited));
        }
        peer.end_sending();
        let mut items = 0;
        let end = loop {
            match peer.hear().unwrap() {
                frame if frame[0] == 2 => items += u32::from(frame[2]),
                frame if frame[0] == 3 => break frame,
                ping => assert_eq!(ping, [6, 0]),
            }
        };
        assert_eq!((items, &end[..4]), (credited, &[3, 1, 1, 14][..]), "{procedure}: {end:?}");
        assert_eq!(peer.hear(), None);
        assert_eq!(stand.server.shutdown(SOON), Ok(()));
    }
}

/// Says `bytes` behind the call of `hoard`, with 64 items behind it: the connection ends, and the call with it.
#[track_caller]
fn check_fatal(bytes: &[u8]) {
    let (stand, mut peer) = stand(Limits::default());
    peer.say(&[call(1, "hoard", b""), items(1, 60, &[1; 60]), items(1, 4, &[1; 4]), echo(2)].concat());
    assert_eq!(peer.hear(), Some(echoed(2)));
    peer.say(bytes);
    assert_eq!(peer.hear_end(), b"");
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn items_beyond_the_credit_are_fatal() {
    check_fatal(&items(1, 1, &[1]));
}

/// Items once counted alike whatever their size: a peer could make us hold 64 frames for each stream.
#[test]
fn large_items_use_more_credit_and_past_it_they_are_fatal() {
    let (_stand, mut peer) = stand(Limits::default());
    peer.say(
        &[call(1, "hoard", b""), items(1, 1, &vec![1; 60 << 16]), items(1, 4, &[1; 4]), echo(2)].concat(),
    );
    assert_eq!(peer.hear(), Some(echoed(2)));
    peer.say(&items(1, 1, &[1]));
    assert_eq!(peer.hear_end(), b"");
}

#[test]
fn a_server_makes_up_for_a_large_item_before_the_next() {
    let (_stand, mut peer) = stand(Limits::default());
    peer.say(&[call(1, "flood", b""), credit(1, 1)].concat());
    assert_eq!(peer.hear(), Some(vec![1, 1, 0]));
    assert_eq!(peer.hear().unwrap()[..3], [2, 1, 1]);
    // It had a little over 64 KiB, which is the credit of two.
    peer.say(&[credit(1, 1), echo(2)].concat());
    assert_eq!(peer.hear(), Some(echoed(2)));
    peer.say(&credit(1, 1));
    assert_eq!(peer.hear().unwrap()[..3], [2, 1, 1]);
}

/// They once cost no credit, and were kept.
#[test]
fn a_message_of_no_items_is_fatal() {
    let (_stand, mut peer) = stand(Limits::default());
    peer.say(&[call(1, "hoard", b""), items(1, 0, &[7; 100])].concat());
    assert_eq!(peer.hear_end(), b"");
}

#[test]
fn items_behind_the_end_are_fatal() {
    check_fatal(&[end(1), items(1, 1, &[1])].concat());
}

#[test]
fn a_second_end_is_ignored() {
    let (_stand, mut peer) = stand(Limits::default());
    peer.say(&[call(1, "sum", b""), items(1, 2, &[1, 2]), end(1), end(1), end(1)].concat());
    assert_eq!(peer.hear(), Some(vec![1, 1, 0, 3]));
    peer.say(&[end(1), echo(2)].concat());
    assert_eq!(peer.hear(), Some(echoed(2)));
}

#[test]
fn messages_for_streams_that_are_not_there_are_ignored() {
    let (_stand, mut peer) = stand(Limits::default());
    for id in [1, 9] {
        peer.say(&[items(id, 1, &[1]), end(id), credit(id, 1), cancel(id)].concat());
    }
    peer.say(&echo(2));
    assert_eq!(peer.hear(), Some(echoed(2)));
    // Items for a call that takes none.
    peer.say(&[call(3, "count", &[1]), items(3, 200, &[1]), items(3, 200, &[]), credit(3, 1)].concat());
    assert_eq!(peer.hear(), Some(vec![1, 3, 0]));
    assert_eq!(peer.hear(), Some(vec![2, 3, 1, 0]));
    assert_eq!(peer.hear(), Some(vec![3, 3, 0]));
    peer.say(&[credit(3, 1), items(3, 1, &[1]), cancel(3), echo(4)].concat());
    assert_eq!(peer.hear(), Some(echoed(4)));
}

/// The items of one message fail their call in words; the connection lives.
#[track_caller]
fn check_fails_its_call(bytes: &[u8]) {
    let (_stand, mut peer) = stand(Limits::default());
    peer.say(&[&call(1, "sum", b"")[..], bytes].concat());
    assert_eq!(peer.hear(), Some(cancel(1)[4..].to_vec()));
    let reply = peer.hear().unwrap();
    assert_eq!(reply[..4], [1, 1, 1, 13], "Failed, with a status: Internal");
    peer.say(&echo(2));
    assert_eq!(peer.hear(), Some(echoed(2)));
}

#[test]
fn items_that_are_not_what_they_claim_fail_their_call_only() {
    // Fewer than counted, more than counted, and not numbers.
    check_fails_its_call(&items(1, 3, &[1, 2]));
    check_fails_its_call(&items(1, 1, &[1, 2]));
    check_fails_its_call(&items(1, 1, &[0xff]));
}

#[test]
fn credit_does_not_overflow() {
    let (_stand, mut peer) = stand(Limits::default());
    peer.say(&call(1, "count", &[3]));
    assert_eq!(peer.hear(), Some(vec![1, 1, 0]));
    peer.say(&[credit(1, u32::MAX), credit(1, u32::MAX), credit(1, u32::MAX)].concat());
    let mut heard = Vec::new();
    loop {
        let frame = peer.hear().unwrap();
        if frame[0] == 3 {
            break;
        }
        assert_eq!((frame[0], usize::from(frame[2])), (2, frame.len() - 3));
        heard.extend_from_slice(&frame[3..]);
    }
    assert_eq!(heard, [0, 1, 2]);
}

/// The producer once went on as fast as memory takes it, until the peer had taken nothing for 30 s.
#[test]
fn a_peer_that_gives_credit_and_reads_nothing_stops_the_producer() {
    let (stand, mut peer) = stand(Limits { queued_bytes: 1 << 20, ..Limits::default() });
    peer.say(&[call(1, "flood", b""), credit(1, u32::MAX)].concat());
    let until = Instant::now() + Duration::from_millis(300);
    while Instant::now() < until {
        let bytes = stand.made.load(Ordering::SeqCst) * FLOOD_ITEM;
        assert!(bytes < 64 << 20, "{bytes} bytes were made for a peer that reads nothing");
        std::thread::yield_now();
    }
    let mut other = Peer::greeted(stand.server.address());
    other.say(&echo(1));
    assert_eq!(other.hear(), Some(echoed(1)));
}

/// A sender that was at work when the deadline came once put its items behind the stream's end.
#[test]
fn nothing_of_a_stream_comes_behind_its_end_at_the_deadline() {
    let (_stand, mut peer) = stand(Limits::default());
    for id in 1..=60 {
        // With 3 ms left.
        let flood = framed(&[&[0, id, 5][..], b"flood", &[1, 3, 0, 0]].concat());
        peer.say(&[flood, credit(id, u32::MAX)].concat());
        let mut ended = false;
        while !ended {
            let frame = peer.hear().unwrap();
            assert_eq!(frame[1], id, "{:?} came late", frame.get(..8));
            // The stream's end, or a call whose time was over before it began.
            ended = frame[0] == 3 || (frame[0] == 1 && frame[2] == 2);
        }
        peer.say(&framed(&[6, id]));
        assert_eq!(peer.hear(), Some(vec![7, id]));
    }
}

/// Calls that were given up once counted for nothing while their iterators still held threads.
#[test]
fn as_many_given_up_calls_run_on_as_may_be_in_flight_and_one_more_is_refused() {
    let (stand, mut peer) = stand(Limits { calls_in_flight: 2, ..Limits::default() });
    for id in 1..=2 {
        peer.say(&[call(id, "stuck", b""), cancel(id)].concat());
        assert_eq!(peer.hear(), Some(vec![1, id, 0]));
    }
    peer.say(&echo(3));
    let refused = peer.hear().unwrap();
    assert_eq!(refused[..5], [1, 3, 2, 8, 0]);
    let words = String::from_utf8_lossy(&refused).into_owned();
    assert!(words.contains("2 calls that were given up still run, which is the limit"), "{words}");
    stand.gate.send(()).unwrap();
    let until = Instant::now() + SOON;
    for id in 4.. {
        peer.say(&echo(id));
        if peer.hear() == Some(echoed(id)) {
            break;
        }
        assert!(Instant::now() < until, "the place did not come back");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_shutdown_names_the_iterator_that_does_not_end() {
    let (stand, mut peer) = stand(Limits::default());
    peer.say(&call(1, "stuck", b""));
    assert_eq!(peer.hear(), Some(vec![1, 1, 0]));
    let still = stand.server.shutdown(Duration::ZERO).unwrap_err();
    assert_eq!(still.procedures, ["stuck"]);
}

/// The procedure once waited for ever for items that nobody could send any more.
#[test]
fn a_stream_whose_caller_has_ended_its_side_ends_with_an_error() {
    let (stand, mut peer) = stand(Limits::default());
    peer.say(&[call(1, "sum", b""), items(1, 1, &[1])].concat());
    peer.end_sending();
    let said: Vec<_> = std::iter::from_fn(|| peer.hear()).collect();
    let reply = said.iter().find(|frame| frame[0] == 1).unwrap();
    assert_eq!(reply[..4], [1, 1, 1, 14], "Failed, with a status: Unavailable");
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn a_thousand_streams_that_are_reset_leave_no_thread_behind() {
    let (stand, mut first) = stand(Limits::default());
    let (done, reset) = bounded(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (done, address) = (done.clone(), stand.server.address());
            scope.spawn(move || {
                for _ in 0..50 {
                    let mut peer = Peer::greeted(address);
                    for id in 1..=5 {
                        let procedure = ["count", "flood", "sum", "hoard"][usize::from(id % 4)];
                        let arguments: &[u8] = if procedure == "count" { &[250] } else { &[] };
                        peer.say(
                            &[call(id, procedure, arguments), items(id, 1, &[1]), credit(id, 9)].concat(),
                        );
                    }
                    peer.reset();
                }
                done.send(()).unwrap();
            });
        }
        (0..4).for_each(|_| reset.recv_timeout(6 * SOON).unwrap());
    });
    first.say(&echo(1));
    assert_eq!(first.hear(), Some(echoed(1)));
    let until = Instant::now() + SOON;
    while stand.server.connections() > 1 {
        assert!(Instant::now() < until, "{} connections are left", stand.server.connections());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    drop(first);
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}
