//! Every limit that a user can set: at it passes, one past it fails in words, and only what broke it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "these peers know when to speak")]
mod peer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lab::SOON;
use peer::{PREFACE, Peer, call, echo, echoed, framed};
use rpc_core::limits::{FRAME_BEFORE_PREFACE, FRAME_CEILING, SPIN_CEILING, STREAM_CREDIT_CEILING};
use rpc_core::{Bytes, Client, Code, Context, Limits, Server, Status, Stream, stream};

mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(10);
}

#[rpc_core::service]
trait Scales {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn weigh(&self, load: Bytes) -> Result<u64, Status>;
    fn load(&self, size: usize) -> Result<Bytes, Status>;
    /// Takes nothing until the gate opens, then all.
    fn pile(&self, loads: Stream<Bytes>) -> Result<u64, Status>;
    /// Waits for the gate.
    fn wait(&self) -> Result<(), Status>;
    fn count(&self, to: u64) -> Result<Stream<u64>, Status>;
    /// So many items of this size, all of which wait when the stream begins.
    fn loads(&self, count: usize, size: usize) -> Result<Stream<Bytes>, Status>;
}

struct Hall {
    entered: Sender<()>,
    gate: Receiver<()>,
}

impl Hall {
    fn pass(&self) -> Result<(), Status> {
        self.entered.send(()).unwrap();
        crossbeam_channel::select! {
            recv(self.gate) -> _ => Ok(()),
            recv(Context::current().cancelled()) -> _ => Err(Status::cancelled("nobody waits")),
        }
    }
}

impl Scales for Hall {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn weigh(&self, load: Bytes) -> Result<u64, Status> {
        Ok(load.len().try_into().unwrap())
    }

    fn load(&self, size: usize) -> Result<Bytes, Status> {
        Ok(vec![7; size].into())
    }

    fn pile(&self, loads: Stream<Bytes>) -> Result<u64, Status> {
        self.pass()?;
        loads.into_iter().try_fold(0, |sum, load| Ok(sum + self.weigh(load?)?))
    }

    fn wait(&self) -> Result<(), Status> {
        self.pass()
    }

    fn count(&self, to: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..to))
    }

    fn loads(&self, count: usize, size: usize) -> Result<Stream<Bytes>, Status> {
        let (sink, items) = stream();
        (0..count).for_each(|_| sink.try_send(vec![7; size].into()).unwrap());
        Ok(items)
    }
}

struct Stand {
    scales: ScalesClient,
    server: Server,
    entered: Receiver<()>,
    gate: Sender<()>,
}

fn stand(limits: Limits) -> Stand {
    let ((enters, entered), (gate, gated)) = (bounded(100), bounded(100));
    let hall = Arc::new(Hall { entered: enters, gate: gated });
    let server =
        Server::builder().service(ScalesService::new(hall)).limits(limits).bind("127.0.0.1:0").unwrap();
    let scales = ScalesClient::new(Client::connect(server.address().to_string())).with_deadline(SOON);
    Stand { scales, server, entered, gate }
}

#[track_caller]
fn check_refused(limits: Limits, words: &str) {
    let refused = Server::builder().limits(limits).serve_in_memory().unwrap_err();
    assert_eq!(refused.to_string(), words);
}

#[test]
fn limits_that_nothing_can_work_under_are_refused_in_words() {
    check_refused(
        Limits { frame: 65_535, ..Limits::default() },
        "the frame limit is 65535, allowed are 65536 to 67108864",
    );
    check_refused(
        Limits { frame: (64 << 20) + 1, ..Limits::default() },
        "the frame limit is 67108865, allowed are 65536 to 67108864",
    );
    check_refused(
        Limits { calls_in_flight: 0, ..Limits::default() },
        "the limit of calls in flight is 0, at least 1 is needed",
    );
    check_refused(
        Limits { spin: SPIN_CEILING + Duration::from_nanos(1), ..Limits::default() },
        "a wait may stay awake for 1ms at most, not for 1.000001ms",
    );
    for credit in [0, (1 << 16) + 1] {
        let words = format!("the credit of a stream is {credit}, allowed are 1 to 65536");
        check_refused(Limits { stream_credit: credit, ..Limits::default() }, &words);
    }
}

/// Bytes around the load in a frame of `weigh`: the call's header, its time left, the load's length.
const FRAME: u32 = 1 << 20;

/// The largest load that `passes` finds to pass, and what the next larger one is told.
#[track_caller]
fn edge(mut pass: impl FnMut(usize) -> Result<(), Status>) -> (usize, Status) {
    let frame = usize::try_from(FRAME).unwrap();
    let (mut fits, mut fails) = (frame - 100, frame);
    let mut told = pass(fails).unwrap_err();
    while fails - fits > 1 {
        let middle = usize::midpoint(fits, fails);
        match pass(middle) {
            Ok(()) => fits = middle,
            Err(why) => (fails, told) = (middle, why),
        }
    }
    (fits, told)
}

/// The words name the limit, and a size one past it.
#[track_caller]
fn check_edge(told: &Status) {
    assert_eq!(told.code(), Code::ResourceExhausted);
    assert!(told.message().contains(&format!("{} bytes", FRAME + 1)), "{told}");
    assert!(told.message().contains(&format!("at most {FRAME}")), "{told}");
}

#[test]
fn a_request_as_large_as_a_frame_passes_and_a_byte_more_fails_alone() {
    let stand = stand(Limits { frame: FRAME, ..Limits::default() });
    let (_, told) = edge(|size| {
        let weighed = stand.scales.weigh(vec![7; size].into())?;
        assert_eq!(weighed, u64::try_from(size).unwrap());
        Ok(())
    });
    check_edge(&told);
    assert!(!told.may_have_run());
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn a_reply_as_large_as_a_frame_passes_and_a_byte_more_fails_alone() {
    let stand = stand(Limits::default());
    let narrow = Client::connect(stand.server.address().to_string());
    let scales = ScalesClient::new(narrow.with_limits(Limits { frame: FRAME, ..Limits::default() }));
    let (_, told) = edge(|size| {
        assert_eq!(scales.load(size)?.len(), size);
        Ok(())
    });
    check_edge(&told);
    assert!(told.message().starts_with("the reply of load is too large") && told.may_have_run());
    assert_eq!(scales.echo("x".to_owned()), Ok("x".to_owned()));
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn as_many_calls_as_the_limit_run_and_one_more_is_refused() {
    let stand = stand(Limits { calls_in_flight: 3, ..Limits::default() });
    let mut peer = Peer::greeted(stand.server.address());
    for id in 1..=3 {
        peer.say(&call(id, "wait", b""));
        stand.entered.recv_timeout(SOON).unwrap();
    }
    peer.say(&echo(4));
    let refused = peer.hear().unwrap();
    assert_eq!(refused[..5], [1, 4, 2, 8, 0]);
    let words = String::from_utf8_lossy(&refused).into_owned();
    assert!(words.contains("3 calls of this connection are in flight, which is the limit"), "{words}");
    stand.gate.send(()).unwrap();
    assert_eq!(peer.hear().unwrap()[0], 1);
    peer.say(&echo(5));
    assert_eq!(peer.hear(), Some(echoed(5)));
}

const BRIEF: Duration = Duration::from_millis(150);

fn idle() -> Stand {
    stand(Limits { idle: BRIEF, ..Limits::default() })
}

/// The server says goodbye for want of calls, not before its time, and closes.
#[track_caller]
fn check_let_go(peer: &mut Peer, since: Instant, last: u8) {
    let goodbye = peer.hear().unwrap();
    assert!(since.elapsed() >= BRIEF, "after {:?}", since.elapsed());
    assert_eq!(goodbye[..4], [8, last, 14, 0], "a goodbye: Unavailable, did not run");
    assert!(String::from_utf8_lossy(&goodbye).contains("no call was in flight for 150ms"));
    assert_eq!(peer.hear_end(), b"");
}

#[test]
fn who_asks_nothing_for_the_idle_time_is_let_go_with_a_goodbye() {
    let stand = idle();
    let begun = Instant::now();
    let mut peer = Peer::greeted(stand.server.address());
    check_let_go(&mut peer, begun, 0);
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&echo(1));
    assert_eq!(peer.hear(), Some(echoed(1)));
    let answered = Instant::now();
    // A ping is no call.
    peer.say(&framed(&[6, 9]));
    assert_eq!(peer.hear(), Some(vec![7, 9]));
    check_let_go(&mut peer, answered.checked_sub(BRIEF / 5).unwrap(), 1);
    assert!(answered.elapsed() < SOON / 2);
}

/// The idle time was once counted from the read that a call ran beside: who had a call until just before its end was let
/// go at once.
#[test]
fn the_idle_time_begins_when_the_last_call_is_over() {
    let stand = stand(Limits { idle: 4 * BRIEF, ..Limits::default() });
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "wait", b""));
    stand.entered.recv_timeout(SOON).unwrap();
    peer.say(&framed(&[6, 9]));
    assert_eq!(peer.hear(), Some(vec![7, 9]), "the reading has been handed on");
    peer.0.set_read_timeout(Some(3 * BRIEF)).unwrap();
    assert!(std::io::Read::read(&mut peer.0, &mut [0]).is_err());
    peer.0.set_read_timeout(Some(SOON)).unwrap();
    stand.gate.send(()).unwrap();
    assert_eq!(peer.hear().unwrap()[0], 1);
    let over = Instant::now();
    assert_eq!(peer.hear().unwrap()[0], 8);
    assert!(over.elapsed() >= 7 * BRIEF / 2, "let go {:?} after the call", over.elapsed());
}

#[test]
fn a_call_in_flight_keeps_its_connection_and_so_does_a_stream() {
    let stand = idle();
    for procedure in ["wait", "pile", "count"] {
        let mut peer = Peer::greeted(stand.server.address());
        peer.say(&call(1, procedure, if procedure == "count" { &[100] } else { b"" }));
        if procedure == "count" {
            assert_eq!(peer.hear(), Some(vec![1, 1, 0]));
        }
        peer.0.set_read_timeout(Some(3 * BRIEF)).unwrap();
        assert!(
            std::io::Read::read(&mut peer.0, &mut [0]).is_err(),
            "{procedure} did not keep its connection"
        );
        peer.0.set_read_timeout(Some(SOON)).unwrap();
        // Another call is still taken.
        peer.say(&echo(2));
        assert_eq!(peer.hear(), Some(echoed(2)), "{procedure}");
    }
}

/// Half of the calls meet a connection that is being let go.
#[test]
fn a_client_never_learns_that_its_connection_was_let_go() {
    let stand = stand(Limits { idle: Duration::from_millis(5), ..Limits::default() });
    for round in 0..100 {
        let text = round.to_string();
        assert_eq!(stand.scales.echo(text.clone()), Ok(text));
        std::thread::park_timeout(Duration::from_micros(4500 + 10 * round));
    }
}

/// What a message of items costs beside its bytes.
const OVERHEAD: usize = 128;

#[test]
fn streams_hold_bytes_up_to_the_limit_and_what_comes_then_fails_its_stream_only() {
    let stand = stand(Limits { stream_bytes: 3 * (1000 + OVERHEAD), ..Limits::default() });
    let mut peer = Peer::greeted(stand.server.address());
    let load = [&[0xfb, 0xe5, 0x03][..], &[7; 997]].concat();
    let item = |id| framed(&[&[2, id, 1], &load[..]].concat());
    let end = |id| framed(&[3, id, 0]);
    peer.say(&[call(1, "pile", b""), call(2, "pile", b"")].concat());
    (0..2).for_each(|_| stand.entered.recv_timeout(SOON).unwrap());
    // Three messages fill it; the fourth finds no room, and what its stream sends then is dropped.
    peer.say(&[item(1), item(1), item(2), item(2), item(2), end(2), item(1), echo(3)].concat());
    assert_eq!(peer.hear(), Some(echoed(3)));
    (0..2).for_each(|_| stand.gate.send(()).unwrap());
    let mut replies = Vec::new();
    while replies.len() < 2 {
        let frame = peer.hear().unwrap();
        // Beside the replies: that no more items are wanted.
        if frame[0] == 1 {
            replies.push(frame);
        }
    }
    for reply in replies {
        assert_eq!(reply[2..4], [1, 8], "Failed, with ResourceExhausted");
        let words = String::from_utf8_lossy(&reply).into_owned();
        assert!(words.contains("hold 3384 bytes that nobody has taken yet, the limit is 3384"), "{words}");
    }
    // All is given back.
    peer.say(&[call(4, "pile", b""), item(4), item(4), item(4), end(4)].concat());
    stand.entered.recv_timeout(SOON).unwrap();
    stand.gate.send(()).unwrap();
    assert_eq!(peer.hear(), Some(vec![1, 4, 0, 0xfb, 0xaf, 0x0b]), "2,991 bytes");
}

/// Nothing was checked: a frame of 10 bytes failed every reply, and one over the ceiling was told to servers.
#[test]
fn limits_of_a_client_that_are_out_of_range_fail_its_calls_in_words() {
    let stand = stand(Limits::default());
    let client = Client::connect(stand.server.address().to_string());
    let with = |limits: Limits| ScalesClient::new(client.with_limits(limits)).echo("x".to_owned());
    for frame in [FRAME_BEFORE_PREFACE, FRAME_CEILING] {
        assert_eq!(with(Limits { frame, ..Limits::default() }), Ok("x".to_owned()));
    }
    for frame in [0, 10, FRAME_BEFORE_PREFACE - 1, FRAME_CEILING + 1, u32::MAX] {
        let refused = with(Limits { frame, ..Limits::default() }).unwrap_err();
        assert_eq!((refused.code(), refused.may_have_run()), (Code::InvalidArgument, false));
        assert!(refused.message().contains(&format!("limit is {frame}, allowed are 65536 to")), "{refused}");
    }
    for stream_credit in [0, STREAM_CREDIT_CEILING + 1] {
        let refused = with(Limits { stream_credit, ..Limits::default() }).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
}

/// The streams are sent one after the other, each before the next call is answered.
#[test]
fn a_client_that_takes_nothing_holds_no_more_than_its_limit() {
    let stand = stand(Limits::default());
    let narrow = Client::connect(stand.server.address().to_string());
    let limits = Limits { stream_bytes: 1 << 20, ..Limits::default() };
    let scales = ScalesClient::new(narrow.with_limits(limits));
    let untaken: Vec<_> = (0..3).map(|_| scales.loads(60, 10_000).unwrap()).collect();
    // While it reads for this, everything comes.
    assert_eq!(scales.echo("x".to_owned()), Ok("x".to_owned()));
    let ends: Vec<_> = untaken
        .into_iter()
        .map(|items| items.map(|item| item.map(drop).map_err(|why| why.code())).collect::<Vec<_>>())
        .collect();
    assert_eq!(ends[0], [Ok(()); 60]);
    assert_eq!(ends[2], [Err(Code::ResourceExhausted)]);
    let (end, items) = ends[1].split_last().unwrap();
    assert_eq!(*end, Err(Code::ResourceExhausted));
    assert!((30..60).contains(&items.len()) && items.iter().all(Result::is_ok), "{items:?}");
    assert_eq!(scales.count(1000).unwrap().filter(Result::is_ok).count(), 1000);
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn credit_is_what_each_side_says_and_one_item_more_is_fatal() {
    for credit in [1u8, 3, 200] {
        let stand = stand(Limits { stream_credit: u32::from(credit), ..Limits::default() });
        let mut peer = Peer::silent(stand.server.address());
        peer.say(&PREFACE);
        let mut preface = [0; 24];
        std::io::Read::read_exact(&mut peer.0, &mut preface).unwrap();
        assert_eq!(preface[20..], u32::from(credit).to_le_bytes());
        let items = framed(&[&[2, 1, credit][..], &vec![0; usize::from(credit)]].concat());
        peer.say(&[call(1, "pile", b""), items, echo(2)].concat());
        assert_eq!(peer.hear(), Some(echoed(2)));
        peer.say(&framed(&[2, 1, 1, 0]));
        assert_eq!(peer.hear_end(), b"");
        // A whole stream gets through under it, either way.
        let client = Client::connect(stand.server.address().to_string());
        let limits = Limits { stream_credit: u32::from(credit), ..Limits::default() };
        let scales = ScalesClient::new(client.with_limits(limits));
        assert_eq!(scales.count(1000).unwrap().filter(Result::is_ok).count(), 1000);
        stand.gate.send(()).unwrap();
        let loads = (0..1000).map(|_| Bytes::from(vec![7; 10]));
        assert_eq!(scales.pile(Stream::from_iter(loads)), Ok(10_000));
    }
}
