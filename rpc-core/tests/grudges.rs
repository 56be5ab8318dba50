//! Streams that hold or keep something whose `Drop` panics: that costs their call, or what the policy says, and no thread
//! of the framework.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing, and panics on purpose"
)]

#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "these peers know when to speak")]
mod peer;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lab::SOON;
use peer::{Peer, call, echo, echoed, framed};
use rpc_core::{Client, Context, PanicPolicy, Server, Sink, Status, Stream, stream};
use serde::{Deserialize, Serialize};

mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(10);
}

#[rpc_core::service]
trait Family {
    fn echo(&self, text: String) -> Result<String, Status>;
    /// Keeps a grudge; the test holds the sink.
    fn keep(&self) -> Result<Stream<u64>, Status>;
    /// As `keep`, returned when nobody waits for it any more.
    fn keep_too_long(&self) -> Result<Stream<u64>, Status>;
    /// Three grudges wait in its queue; the test holds the sink.
    fn queue(&self) -> Result<Stream<Grudge>, Status>;
    /// The test holds the sink.
    fn plain(&self) -> Result<Stream<u64>, Status>;
    fn take(&self, items: Stream<u64>) -> Result<(), Status>;
}

/// Panics when it is dropped.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Grudge;

impl Drop for Grudge {
    fn drop(&mut self) {
        panic!("never forgotten");
    }
}

struct House {
    sinks: Sender<Sink<u64>>,
    grudges: Sender<Sink<Grudge>>,
}

impl House {
    fn lend(&self) -> Stream<u64> {
        let (sink, items) = stream();
        self.sinks.send(sink).unwrap();
        items
    }
}

impl Family for House {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn keep(&self) -> Result<Stream<u64>, Status> {
        Ok(self.lend().keeping(Grudge))
    }

    fn keep_too_long(&self) -> Result<Stream<u64>, Status> {
        Context::current().cancelled().recv().unwrap_err();
        self.keep()
    }

    fn queue(&self) -> Result<Stream<Grudge>, Status> {
        let (sink, items) = stream();
        for _ in 0..3 {
            sink.send(Grudge)?;
        }
        self.grudges.send(sink).unwrap();
        Ok(items)
    }

    fn plain(&self) -> Result<Stream<u64>, Status> {
        Ok(self.lend())
    }

    fn take(&self, items: Stream<u64>) -> Result<(), Status> {
        drop(items);
        Ok(())
    }
}

struct Stand {
    server: Server,
    sinks: Receiver<Sink<u64>>,
    _grudges: Receiver<Sink<Grudge>>,
}

fn stand(policy: PanicPolicy) -> Stand {
    let ((lends, sinks), (grudges, kept)) = (bounded(10), bounded(10));
    let house = Arc::new(House { sinks: lends, grudges });
    let server = Server::builder().service(FamilyService::new(house)).on_panic(policy);
    Stand { server: server.bind("127.0.0.1:0").unwrap(), sinks, _grudges: kept }
}

/// A call with so many milliseconds left.
fn timed(id: u8, procedure: &str, time: u8) -> Vec<u8> {
    let name = [&[u8::try_from(procedure.len()).unwrap()], procedure.as_bytes()].concat();
    framed(&[&[0, id], &name[..], &[1, time, 0, 0]].concat())
}

/// A reply that says no more than that there is one, before a stream.
fn begun(id: u8) -> Option<Vec<u8>> {
    Some(vec![1, id, 0])
}

/// The beginning of an end with this code.
fn ended(id: u8, code: u8) -> Vec<u8> {
    vec![3, id, 1, code]
}

/// `DeadlineExceeded` on the wire.
const LATE: u8 = 4;

fn cancel(id: u8) -> Vec<u8> {
    framed(&[5, id])
}

#[track_caller]
fn check_that_all_leave(server: Server) {
    let until = Instant::now() + SOON;
    while server.connections() > 0 {
        assert!(Instant::now() < until, "{} connections are held", server.connections());
        std::thread::yield_now();
    }
    assert_eq!(server.shutdown(SOON), Ok(()));
}

/// A guard's panic once ended the thread that keeps the deadlines of all calls: the caller was not told of the end of his
/// own call, and no call of that server had a deadline any more.
#[test]
fn a_panic_at_a_deadline_leaves_the_deadlines_of_others() {
    for procedure in ["keep", "queue"] {
        let stand = stand(PanicPolicy::default());
        let mut peer = Peer::greeted(stand.server.address());
        peer.say(&timed(1, procedure, 50));
        assert_eq!(peer.hear(), begun(1));
        assert_eq!(peer.hear().unwrap()[..4], ended(1, LATE), "{procedure}");
        let mut other = Peer::greeted(stand.server.address());
        other.say(&timed(1, "plain", 50));
        assert_eq!(other.hear(), begun(1));
        assert_eq!(other.hear().unwrap()[..4], ended(1, LATE), "{procedure}");
        drop((peer, other));
        check_that_all_leave(stand.server);
    }
}

/// A guard's panic once ended the thread that read its connection, which stayed open, answered nothing, and never left.
#[test]
fn a_panic_at_a_cancel_leaves_the_connection_at_work() {
    for procedure in ["keep", "queue"] {
        let stand = stand(PanicPolicy::default());
        let mut peer = Peer::greeted(stand.server.address());
        peer.say(&call(1, procedure, b""));
        assert_eq!(peer.hear(), begun(1));
        peer.say(&[cancel(1), echo(2)].concat());
        assert_eq!(peer.hear(), Some(echoed(2)), "{procedure}");
        drop(peer);
        check_that_all_leave(stand.server);
    }
}

/// The same happened to a stream that came when its call was over.
#[test]
fn a_panic_of_a_stream_that_comes_too_late_leaves_the_connection_at_work() {
    let stand = stand(PanicPolicy::default());
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&timed(1, "keep_too_long", 50));
    assert_eq!(peer.hear().unwrap()[..4], [1, 1, 2, LATE]);
    drop(stand.sinks.recv_timeout(SOON).unwrap());
    peer.say(&echo(2));
    assert_eq!(peer.hear(), Some(echoed(2)));
    drop(peer);
    check_that_all_leave(stand.server);
}

/// As above, where the whole connection ends with its streams.
#[test]
fn a_panic_at_a_connections_end_leaves_nothing_of_it() {
    for procedure in ["keep", "queue"] {
        let stand = stand(PanicPolicy::default());
        let mut peer = Peer::greeted(stand.server.address());
        peer.say(&call(1, procedure, b""));
        assert_eq!(peer.hear(), begun(1));
        peer.reset();
        check_that_all_leave(stand.server);
    }
}

/// Who ended a stream once got the panic of what it kept, and its consumer no end.
#[test]
fn a_panic_at_a_streams_end_is_not_its_producers() {
    let stand = stand(PanicPolicy::default());
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "keep", b""));
    assert_eq!(peer.hear(), begun(1));
    drop(stand.sinks.recv_timeout(SOON).unwrap());
    assert_eq!(peer.hear(), Some(vec![3, 1, 0]));
    peer.say(&echo(2));
    assert_eq!(peer.hear(), Some(echoed(2)));
}

#[test]
fn a_panic_in_a_drop_ends_its_connection_if_that_is_the_policy() {
    for procedure in ["keep", "queue"] {
        for request in [timed(1, procedure, 50), [call(1, procedure, b""), cancel(1)].concat()] {
            let stand = stand(PanicPolicy::CloseConnection);
            let mut peer = Peer::greeted(stand.server.address());
            peer.say(&request);
            assert_eq!(peer.hear(), begun(1));
            let rest = peer.hear_end();
            let why = format!("{procedure} panicked, and its connection ended with it");
            assert!(String::from_utf8_lossy(&rest).contains(&why), "{procedure}: {rest:?}");
            drop(peer);
            check_that_all_leave(stand.server);
        }
    }
}

/// A caller who reads for everyone once got the panic of what somebody else's stream kept, and those whose answers had come
/// with it were not woken.
#[test]
fn an_innocent_caller_gets_his_answer_and_so_do_the_others() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::connect(listener.local_addr().unwrap().to_string());
    let family = FamilyClient::new(client).with_deadline(SOON);
    std::thread::scope(|scope| {
        let (sink, items) = stream();
        let reads = scope.spawn(|| family.echo("x".to_owned()));
        let mut server = Peer::accept(&listener);
        server.say(&peer::PREFACE);
        assert!(server.hear_preface());
        server.hear().unwrap();
        let sleeps = scope.spawn(|| family.echo("x".to_owned()));
        server.hear().unwrap();
        let guilty = scope.spawn(|| family.take(items.keeping(Grudge)));
        server.hear().unwrap();
        let asked = Instant::now();
        server.say(&[cancel(3), framed(&echoed(2)), framed(&echoed(1))].concat());
        for caller in [reads, sleeps] {
            assert_eq!(caller.join().unwrap(), Ok("x".to_owned()));
        }
        // Who was not woken had his answer at his deadline.
        assert!(asked.elapsed() < SOON - Duration::from_secs(2), "{:?}", asked.elapsed());
        server.say(&framed(&[1, 3, 0]));
        assert_eq!(guilty.join().unwrap(), Ok(()));
        assert!(sink.send(1).is_err());
    });
}
