//! What a panic costs: its call, its connection or the process, as the server was told.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing, and panics on purpose"
)]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Client, Code, Context, PanicPolicy, Server, Sink, Status, Stream, stream};
use serde::{Deserialize, Serialize, Serializer};

#[rpc_core::service]
trait Mine {
    fn echo(&self, text: String) -> Result<String, Status>;
    /// Waits for the caller's loss of interest.
    fn hold(&self) -> Result<(), Status>;
    fn burst(&self) -> Result<(), Status>;
    /// Panics as soon as an item has come.
    fn choke(&self, items: Stream<u64>) -> Result<u64, Status>;
    /// Takes the items on a thread of its own, which panics.
    fn choke_elsewhere(&self, items: Stream<u64>) -> Result<(), Status>;
    /// An iterator that panics at the third item.
    fn crumble(&self) -> Result<Stream<u64>, Status>;
    /// The test holds the sink.
    fn lent(&self) -> Result<Stream<u64>, Status>;
    fn unspeakable(&self) -> Result<Stream<Unspeakable>, Status>;
    fn unforgotten(&self) -> Result<Stream<Unforgotten>, Status>;
}

/// Panics when it is encoded.
#[derive(Debug, PartialEq, Deserialize)]
struct Unspeakable;

impl Serialize for Unspeakable {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        panic!("{SECRET}")
    }
}

/// Panics when it is dropped, having been sent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unforgotten;

impl Drop for Unforgotten {
    fn drop(&mut self) {
        panic!("{SECRET}")
    }
}

const SECRET: &str = "the key is under the mat";
const SOON: Duration = Duration::from_secs(10);

struct Shaft {
    held: Sender<()>,
    sinks: Sender<Sink<u64>>,
}

impl Mine for Shaft {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn hold(&self) -> Result<(), Status> {
        self.held.send(()).unwrap();
        Context::current().cancelled().recv().unwrap_err();
        Err(Status::cancelled("nobody waits"))
    }

    fn burst(&self) -> Result<(), Status> {
        panic!("{SECRET}")
    }

    fn choke(&self, mut items: Stream<u64>) -> Result<u64, Status> {
        let item = items.next();
        panic!("{SECRET}, {item:?}")
    }

    fn choke_elsewhere(&self, mut items: Stream<u64>) -> Result<(), Status> {
        let choking = std::thread::Builder::new().spawn(move || {
            let item = items.next();
            panic!("{SECRET}, {item:?}")
        });
        choking.unwrap().join().map_err(|_| Status::aborted("it choked"))
    }

    fn crumble(&self) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter((0..3).map(|number| if number < 2 { number } else { panic!("{SECRET}") })))
    }

    fn lent(&self) -> Result<Stream<u64>, Status> {
        let (sink, items) = stream();
        self.sinks.send(sink).unwrap();
        Ok(items)
    }

    fn unspeakable(&self) -> Result<Stream<Unspeakable>, Status> {
        Ok(Stream::from_iter([Unspeakable]))
    }

    fn unforgotten(&self) -> Result<Stream<Unforgotten>, Status> {
        Ok(Stream::from_iter(std::iter::once_with(|| Unforgotten)))
    }
}

struct Stand {
    mine: MineClient,
    server: Server,
    held: Receiver<()>,
    sinks: Receiver<Sink<u64>>,
}

fn stand(policy: PanicPolicy) -> Stand {
    let ((holds, held), (lends, sinks)) = (bounded(10), bounded(10));
    let shaft = Arc::new(Shaft { held: holds, sinks: lends });
    let builder = Server::builder().service(MineService::new(shaft)).on_panic(policy);
    let server = builder.bind("127.0.0.1:0").unwrap();
    let mine = MineClient::new(Client::connect(server.address().to_string())).with_deadline(SOON);
    Stand { mine, server, held, sinks }
}

/// A name, and how to panic that way; says what the caller was told.
type Way = (&'static str, fn(&Stand) -> Status);

const WAYS: [Way; 7] = [
    ("burst", |stand| stand.mine.burst().unwrap_err()),
    ("choke", |stand| stand.mine.choke(Stream::from_iter([7])).unwrap_err()),
    ("choke_elsewhere", |stand| stand.mine.choke_elsewhere(Stream::from_iter([7])).unwrap_err()),
    ("crumble", |stand| stand.mine.crumble().unwrap().find_map(Result::err).unwrap()),
    ("lent", |stand| {
        let mut items = stand.mine.lent().unwrap();
        let sink = stand.sinks.recv_timeout(SOON).unwrap();
        let failing = std::thread::Builder::new().spawn(move || {
            let _dropped = sink;
            panic!("{SECRET}")
        });
        failing.unwrap().join().unwrap_err();
        items.next().unwrap().unwrap_err()
    }),
    ("unspeakable", |stand| stand.mine.unspeakable().unwrap().next().unwrap().unwrap_err()),
    ("unforgotten", |stand| {
        let items = stand.mine.unforgotten().unwrap();
        // Dropped here it panics too.
        items.map(|item| item.map(std::mem::forget)).find_map(Result::err).unwrap()
    }),
];

#[test]
fn a_panic_is_that_calls_failure_and_nobody_elses_unless_told() {
    let stand = stand(PanicPolicy::default());
    let other = stand.mine.start().hold();
    stand.held.recv_timeout(SOON).unwrap();
    for (way, panic) in WAYS {
        let told = panic(&stand);
        // Who hands the items to another thread learns of the panic from that thread.
        let code = if way == "choke_elsewhere" { Code::Aborted } else { Code::Internal };
        assert_eq!(told.code(), code, "{way}: {told:?}");
        assert!(told.may_have_run() && !told.message().contains(SECRET), "{way}: {told:?}");
        assert_eq!(stand.mine.echo("x".to_owned()), Ok("x".to_owned()));
    }
    assert_eq!(stand.server.connections(), 1);
    drop(other);
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn a_panic_ends_its_connection_if_that_is_the_policy_with_the_cause_in_every_call() {
    for (way, panic) in WAYS {
        let stand = stand(PanicPolicy::CloseConnection);
        let other = stand.mine.start().hold();
        let mut items = stand.mine.lent().unwrap();
        let sink = stand.sinks.recv_timeout(SOON).unwrap();
        stand.held.recv_timeout(SOON).unwrap();
        let told = panic(&stand);
        assert_eq!(told.code(), Code::Internal, "{way}: {told:?}");
        for taken_down in [other.wait().unwrap_err(), items.next().unwrap().unwrap_err()] {
            assert_eq!(taken_down.code(), Code::Unavailable, "{way}: {taken_down:?}");
            assert!(taken_down.may_have_run(), "{way}: {taken_down:?}");
            assert_eq!(taken_down.message(), format!("{way} panicked, and its connection ended with it"));
        }
        assert_eq!(sink.send(1).unwrap_err().code(), Code::Unavailable, "{way}");
        // The next call goes to a new connection.
        assert_eq!(stand.mine.echo("x".to_owned()), Ok("x".to_owned()), "{way}");
        assert_eq!(stand.server.shutdown(SOON), Ok(()), "{way}");
    }
}

/// In the child, the way to panic.
const WAY: &str = "RPC_CORE_TEST_PANIC";

#[test]
fn a_panic_aborts_the_process_if_that_is_the_policy() {
    if let Ok(wanted) = std::env::var(WAY) {
        let (_, panic) = WAYS.iter().find(|(way, _)| *way == wanted).unwrap();
        let told = panic(&stand(PanicPolicy::AbortProcess));
        unreachable!("the process lives on: {told:?}");
    }
    for (way, _) in WAYS {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let name = "a_panic_aborts_the_process_if_that_is_the_policy";
        let output = child.args(["--exact", name]).env(WAY, way).output().unwrap();
        assert_eq!(output.status.signal(), Some(6), "{way}: {output:?}");
    }
}
