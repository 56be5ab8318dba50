//! Calls made inside a call: they end with it, wherever they wait, and so do those that they have made.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "this peer only vanishes")]
mod peer;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use lab::SOON;
use peer::{Peer, framed};
use rpc_core::{Client, Code, Context, Server, Sink, Status, Stream, stream};
use serde::{Deserialize, Serialize};

mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(10);
}

#[rpc_core::service]
trait Relay {
    /// Does the first of these at the next server, with the rest of them; without any it waits to be cancelled.
    fn pass(&self, hops: Vec<Hop>) -> Result<String, Status>;
    /// Streams whose other ends the test holds.
    fn duct(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    fn echo(&self, text: String) -> Result<String, Status>;
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Hop {
    Call,
    Pending,
    Timeout,
    NextItem,
    SendItem,
    /// Of a stream that never leaves the process.
    LocalItem,
    LocalSend,
    /// Patiently, while the next server cannot be reached.
    Unreachable,
    /// Calls that are to be made whoever waits, once the call around them is cancelled.
    Regardless,
}

struct Station {
    next: Option<RelayClient>,
    entered: Sender<()>,
    left: Sender<Code>,
    held: Sender<(Stream<u64>, Sink<u64>)>,
}

impl Station {
    fn hop(&self, hop: Hop, rest: Vec<Hop>) -> Result<String, Status> {
        let next = self.next.as_ref().unwrap();
        let patient = next.with_deadline(6 * SOON);
        match hop {
            Hop::Call => patient.pass(rest),
            Hop::Pending => patient.start().pass(rest).wait(),
            Hop::Timeout => patient.start().pass(rest).wait_timeout(6 * SOON).unwrap(),
            Hop::NextItem => {
                let (_sink, numbers) = stream();
                self.entered.send(()).unwrap();
                next.duct(numbers)?.next().unwrap().map(|_| String::new())
            }
            Hop::SendItem => {
                let (sink, numbers) = stream();
                let _items = next.duct(numbers)?;
                self.entered.send(()).unwrap();
                (0..).find_map(|number| sink.send(number).err()).map_or(Ok(String::new()), Err)
            }
            Hop::LocalItem => {
                let (_sink, mut numbers) = stream::<u64>();
                self.entered.send(()).unwrap();
                numbers.next().unwrap().map(|_| String::new())
            }
            Hop::LocalSend => {
                let (sink, _numbers) = stream::<u64>();
                self.entered.send(()).unwrap();
                (0..).find_map(|number| sink.send(number).err()).map_or(Ok(String::new()), Err)
            }
            Hop::Unreachable => {
                self.entered.send(()).unwrap();
                patient.wait_for_ready().pass(rest)
            }
            Hop::Regardless => {
                self.entered.send(()).unwrap();
                Context::current().cancelled().recv().unwrap_err();
                let refused = next.echo("x".to_owned()).unwrap_err();
                assert_eq!((refused.code(), refused.may_have_run()), (Code::Cancelled, false));
                Context::background().scope(|| next.echo("x".to_owned()))
            }
        }
    }
}

impl Relay for Station {
    fn pass(&self, mut hops: Vec<Hop>) -> Result<String, Status> {
        let outcome = match hops.pop() {
            Some(hop) => self.hop(hop, hops),
            None => {
                self.entered.send(()).unwrap();
                Context::current().cancelled().recv().unwrap_err();
                Err(Status::cancelled("as was to be"))
            }
        };
        // Nobody listens to the last words of a test that has failed.
        self.left.send(outcome.as_ref().map_or_else(Status::code, |_| Code::Unknown)).ok();
        outcome
    }

    fn duct(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        let (sink, items) = stream();
        self.held.send((numbers, sink)).unwrap();
        Ok(items)
    }

    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }
}

/// Three servers in a row, the first of which the test calls.
struct Row {
    first: RelayClient,
    address: SocketAddr,
    servers: Vec<Server>,
    entered: Receiver<()>,
    left: Receiver<Code>,
    held: Receiver<(Stream<u64>, Sink<u64>)>,
}

fn row() -> Row {
    let ((enters, entered), (leaves, left), (holds, held)) = (unbounded(), unbounded(), unbounded());
    let (mut next, mut servers) = (None, Vec::new());
    for _ in 0..3 {
        let station = Station { next, entered: enters.clone(), left: leaves.clone(), held: holds.clone() };
        let server = Server::builder().service(RelayService::new(Arc::new(station)));
        servers.push(server.bind("127.0.0.1:0").unwrap());
        let address = servers.last().unwrap().address();
        next = Some(RelayClient::new(Client::connect(address.to_string())));
    }
    let address = servers.last().unwrap().address();
    Row { first: next.unwrap(), address, servers, entered, left, held }
}

impl Row {
    /// The call at the end of the row is waiting.
    #[track_caller]
    fn arrived(&self) {
        self.entered.recv_timeout(SOON).unwrap();
        // Who is to be woken waits now, or is about to; both must end.
        let until = Instant::now() + Duration::from_millis(10);
        while Instant::now() < until {
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// So many procedures end, cancelled, and soon.
    #[track_caller]
    fn check_unwound(&self, procedures: usize) {
        for _ in 0..procedures {
            assert_eq!(self.left.recv_timeout(SOON / 2).unwrap(), Code::Cancelled);
        }
    }

    /// The servers end in order: nothing runs any more that would keep them.
    #[track_caller]
    fn check_quiet(self) {
        for server in self.servers {
            assert_eq!(server.shutdown(SOON), Ok(()));
        }
    }
}

#[track_caller]
fn check_given_up(hops: &[Hop]) {
    let row = row();
    let call = row.first.start().pass(hops.to_vec());
    row.arrived();
    drop(call);
    let procedures =
        hops.iter().filter(|hop| matches!(hop, Hop::Call | Hop::Pending | Hop::Timeout)).count() + 1;
    row.check_unwound(procedures);
    for (numbers, sink) in row.held.try_iter() {
        assert_eq!((0..).find_map(|number| sink.send(number).err()).unwrap().code(), Code::Cancelled);
        assert_eq!(numbers.into_iter().find_map(Result::err).unwrap().code(), Code::Cancelled);
    }
    row.check_quiet();
}

#[test]
fn a_chain_of_calls_unwinds_from_its_first_caller() {
    check_given_up(&[Hop::Call, Hop::Call]);
    check_given_up(&[Hop::Pending, Hop::Call]);
    check_given_up(&[Hop::Timeout, Hop::Pending]);
}

#[test]
fn a_wait_for_a_stream_ends_with_the_call_around_it() {
    check_given_up(&[Hop::NextItem]);
    check_given_up(&[Hop::SendItem, Hop::Call]);
    check_given_up(&[Hop::LocalItem]);
    check_given_up(&[Hop::LocalSend]);
}

#[test]
fn a_chain_of_calls_unwinds_when_its_first_caller_vanishes() {
    let row = row();
    let mut peer = Peer::greeted(row.address);
    // pass([Call, Call]) with 30 s left.
    peer.say(&framed(b"\0\x01\x04pass\x01\xfb\x30\x75\0\0\x02\0\0"));
    row.arrived();
    peer.reset();
    row.check_unwound(3);
    row.check_quiet();
}

#[test]
fn a_chain_of_calls_ends_at_its_first_callers_deadline() {
    let row = row();
    let brief = row.first.with_deadline(Duration::from_millis(100));
    let failure = brief.pass(vec![Hop::Call, Hop::Call]).unwrap_err();
    assert_eq!(failure.code(), Code::DeadlineExceeded);
    for _ in 0..3 {
        // Time is rounded up on its way, so a caller's cancel may be there first.
        let code = row.left.recv_timeout(SOON / 2).unwrap();
        assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?}");
    }
    row.check_quiet();
}

#[test]
fn what_must_be_done_is_done_outside_the_call() {
    let row = row();
    let call = row.first.start().pass(vec![Hop::Regardless]);
    row.arrived();
    drop(call);
    assert_eq!(row.left.recv_timeout(SOON).unwrap(), Code::Unknown);
    row.check_quiet();
}

#[test]
fn a_patient_call_is_not_patient_for_nobody() {
    let mut row = row();
    drop(row.servers.remove(1));
    let call = row.first.start().pass(vec![Hop::Unreachable]);
    row.arrived();
    drop(call);
    row.check_unwound(1);
    row.check_quiet();
}

/// A procedure that calls whoever listens at `address`, who does not answer, is cancelled.
#[track_caller]
fn check_connecting(address: String) {
    let ((entered, seen), (left, gone), (held, _)) = (unbounded(), unbounded(), unbounded());
    let next = Some(RelayClient::new(Client::connect(address)));
    let station = Station { next, entered, left, held };
    let server = Server::builder().service(RelayService::new(Arc::new(station))).serve_in_memory().unwrap();
    let call = RelayClient::new(Client::over(&server)).start().pass(vec![Hop::Unreachable]);
    seen.recv_timeout(SOON).unwrap();
    thread::park_timeout(Duration::from_millis(20));
    let begun = Instant::now();
    drop(call);
    assert_eq!(gone.recv_timeout(SOON).unwrap(), Code::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(1), "only after {:?}", begun.elapsed());
    assert_eq!(server.shutdown(SOON), Ok(()));
}

#[test]
fn connecting_over_tcp_ends_with_the_call_around_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    // Whoever comes when the listener's queue is full is not answered.
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
    let queued: Vec<TcpStream> = (0..10).map_while(|_| connect().ok()).collect();
    assert!(queued.len() < 10);
    check_connecting(address.to_string());
}

#[test]
fn connecting_over_a_unix_socket_ends_with_the_call_around_it() {
    let path = std::env::temp_dir().join(format!("rpc-core-nested-{}.socket", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let queued = UnixStream::connect(&path).unwrap();
    check_connecting(format!("unix:{}", path.display()));
    drop((queued, listener));
    std::fs::remove_file(path).unwrap();
}
