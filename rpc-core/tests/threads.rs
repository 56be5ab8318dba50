//! The contract of threads: where calls run, how many threads there are, and who waits for whom.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;
#[path = "waits/eventually.rs"]
mod waits;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rpc_core::{Bytes, Client, Code, Limits, Server, Status, Stream};

use self::gate::Gate;
use self::waits::eventually;

#[rpc_core::service]
trait Mill {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn mirror(&self, bytes: Bytes) -> Result<Bytes, Status>;
    /// Notes its thread, and how many of ours there are while it runs.
    fn look(&self) -> Result<Vec<String>, Status>;
    /// Tells the test, and waits for the gate.
    fn grind(&self) -> Result<(), Status>;
    /// As `grind`, whatever becomes of the caller.
    fn grind_on(&self) -> Result<(), Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
}

struct Stones {
    gate: Gate,
    seen: Mutex<Vec<ThreadId>>,
}

impl Mill for Stones {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn mirror(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn look(&self) -> Result<Vec<String>, Status> {
        self.seen.lock().unwrap().push(std::thread::current().id());
        Ok(threads())
    }

    fn grind(&self) -> Result<(), Status> {
        self.seen.lock().unwrap().push(std::thread::current().id());
        self.gate.pass()
    }

    fn grind_on(&self) -> Result<(), Status> {
        self.gate.entered.send(()).unwrap();
        self.gate.opened.recv().unwrap();
        Ok(())
    }

    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().try_fold(0, |sum, number| Ok(sum + number?))
    }
}

/// The names of the threads of ours in this process, in order.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let mut names: Vec<_> =
        names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("rpc-")).collect();
    names.sort();
    names
}

fn workers() -> usize {
    threads().iter().filter(|name| *name == "rpc-worker").count()
}

/// What is counted here belongs to the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Stand {
    server: Server,
    stones: Arc<Stones>,
    entered: Receiver<()>,
    gate: Sender<()>,
    _alone: MutexGuard<'static, ()>,
}

const SOON: Duration = Duration::from_secs(10);

fn stand() -> Stand {
    stand_with(Limits::default())
}

fn stand_with(limits: Limits) -> Stand {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    eventually(&true, || threads().is_empty());
    let (gate, opens, [entered, _]) = Gate::new();
    let stones = Arc::new(Stones { gate, seen: Mutex::default() });
    let server = Server::builder().service(MillService::new(stones.clone())).limits(limits);
    let server = server.bind("127.0.0.1:0").unwrap();
    // A thread takes its name when it first runs.
    eventually(&["rpc-accept", "rpc-watch"].map(str::to_owned).to_vec(), threads);
    Stand { server, stones, entered, gate: opens, _alone: alone }
}

impl Stand {
    /// A client with a connection of its own.
    fn client(&self) -> MillClient {
        let mill = MillClient::new(Client::connect(self.server.address().to_string())).with_deadline(SOON);
        assert_eq!(mill.echo("x".to_owned()), Ok("x".to_owned()));
        mill
    }

    fn seen(&self) -> Vec<ThreadId> {
        std::mem::take(&mut self.stones.seen.lock().unwrap())
    }
}

#[test]
fn one_call_in_flight_runs_on_the_thread_that_read_it_and_needs_none_on_the_client() {
    let stand = stand();
    let mill = stand.client();
    for _ in 0..100 {
        // The only worker there is waits for this connection's bytes, and runs this.
        assert_eq!(mill.look().unwrap(), ["rpc-accept", "rpc-watch", "rpc-worker"]);
    }
    let seen = stand.seen();
    assert!(seen.len() == 100 && seen.windows(2).all(|pair| pair.first() == pair.last()), "{seen:?}");
}

#[test]
fn each_connection_has_one_thread_and_no_more_while_nothing_comes_behind_a_slow_call() {
    let stand = stand();
    let mills: Vec<_> = (0..5).map(|_| stand.client()).collect();
    assert_eq!(workers(), 5);
    let slow: Vec<_> = mills.iter().map(|mill| mill.start().grind()).collect();
    (0..5).for_each(|_| stand.entered.recv_timeout(SOON).unwrap());
    // Long after the watcher has seen them.
    std::thread::park_timeout(Duration::from_millis(30));
    assert_eq!(workers(), 5);
    (0..5).for_each(|_| stand.gate.send(()).unwrap());
    slow.into_iter().for_each(|call| call.wait().unwrap());
    for mill in &mills {
        mill.echo("x".to_owned()).unwrap();
    }
    assert_eq!(workers(), 5);
}

#[test]
fn a_slow_call_gets_one_thread_more_when_another_comes_behind_it_and_gives_it_back() {
    let stand = stand();
    let mill = stand.client();
    let slow = mill.start().grind();
    stand.entered.recv_timeout(SOON).unwrap();
    for _ in 0..100 {
        mill.echo("x".to_owned()).unwrap();
    }
    assert_eq!(workers(), 2);
    stand.gate.send(()).unwrap();
    slow.wait().unwrap();
    eventually(&1, workers);
    mill.echo("x".to_owned()).unwrap();
}

/// Each slow call of a procedure once held up whatever came behind it until it was found slow again.
#[test]
fn a_procedure_that_kept_others_waiting_does_not_get_the_reading_thread_again() {
    let stand = stand();
    let mill = stand.client();
    let grind = |behind: bool| {
        let slow = mill.start().grind();
        stand.entered.recv_timeout(SOON).unwrap();
        if behind {
            mill.echo("x".to_owned()).unwrap();
        }
        stand.gate.send(()).unwrap();
        slow.wait().unwrap();
        mill.look().unwrap();
    };
    grind(true);
    let mut seen = Vec::new();
    for _ in 0..3 {
        stand.seen();
        grind(true);
        seen.push(stand.seen());
    }
    // The reading thread is the same all the time now, and is not the one that grinds.
    let readers: Vec<_> = seen.iter().map(|pair| pair.last().copied()).collect();
    assert!(readers.windows(2).all(|pair| pair.first() == pair.last()), "{seen:?}");
    assert!(seen.iter().all(|pair| pair.len() == 2 && pair.first() != pair.last()), "{seen:?}");
    // When nothing comes behind it any more, it is trusted again.
    for round in 0.. {
        stand.seen();
        grind(false);
        let pair = stand.seen();
        if pair.first() == pair.last() {
            break;
        }
        assert!(round < 200, "it is never trusted again");
    }
}

/// Both directions once waited for each other: whoever writes must go on reading.
#[test]
fn two_sides_that_both_write_more_than_the_sockets_hold_do_not_wait_for_each_other() {
    const SIZE: usize = 3 << 20;
    let limits = Limits { queued_bytes: 1 << 20, ..Limits::default() };
    let stand = stand_with(limits.clone());
    let client = Client::connect(stand.server.address().to_string()).with_limits(limits);
    let mill = MillClient::new(client).with_deadline(6 * SOON);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let load = Bytes::from(vec![7; SIZE]);
                let started: Vec<_> = (0..12).map(|_| mill.start().mirror(load.clone())).collect();
                started.into_iter().for_each(|call| assert_eq!(call.wait().unwrap().len(), SIZE));
            });
        }
    });
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn a_shutdown_leaves_no_thread_or_names_the_procedure_that_does_not_end() {
    let stand = stand();
    let mill = stand.client();
    drop(mill.start().grind());
    drop(mill.sum(Stream::from_iter(0..100)));
    let stubborn = mill.start().grind_on();
    stand.entered.recv_timeout(SOON).unwrap();
    stand.entered.recv_timeout(SOON).unwrap();
    let still = stand.server.shutdown(Duration::ZERO).unwrap_err();
    assert_eq!(still.procedures, ["grind_on"]);
    assert_eq!(stubborn.wait().unwrap_err().code(), Code::Unavailable);
    stand.gate.send(()).unwrap();
    drop(mill);
    eventually(&Vec::<String>::new(), threads);
}

#[test]
fn a_shutdown_leaves_no_thread() {
    let stand = stand();
    let mills: Vec<_> = (0..5).map(|_| stand.client()).collect();
    let waiting: Vec<_> = mills.iter().map(|mill| mill.start().grind()).collect();
    (0..5).for_each(|_| stand.entered.recv_timeout(SOON).unwrap());
    drop((waiting, mills));
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
    assert_eq!(threads(), Vec::<String>::new());
}
