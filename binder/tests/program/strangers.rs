//! Those who lean on a binder's process from outside: thousands that do nothing, and some that never read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use binder::{Binder, BinderClient, Offer, Scope};
use rpc_core::Client;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::house::Running;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fewer threads than this wake up in a binder that serves one caller, however many others are connected.
const FEW: usize = 20;

/// The bytes of a preface.
const PREFACE: usize = 24;

/// A binder that may have as many connections as the machine lets it, and this process too.
fn roomy() -> Running {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\""]);
    shell.args([env!("CARGO_BIN_EXE_binder"), "--listen", "127.0.0.1:0"]);
    Running::spawn(shell, 1)
}

fn client(binder: &Running) -> BinderClient {
    BinderClient::new(Client::connect(&binder.address).with_deadline(PATIENCE))
}

/// The sockets that the binder has open.
fn sockets(binder: &Running) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", binder.process.id())).unwrap();
    let is_socket = |file: &std::io::Result<std::fs::DirEntry>| {
        let target = file.as_ref().ok().and_then(|file| std::fs::read_link(file.path()).ok());
        target.is_some_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    files.filter(is_socket).count()
}

/// The memory that the binder has in use, in bytes.
fn memory(binder: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", binder.process.id())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// How often each of the binder's threads has been given the processor, by its number.
fn turns(binder: &Running) -> HashMap<OsString, u64> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", binder.process.id())).unwrap();
    let turns = |thread: std::io::Result<std::fs::DirEntry>| {
        let thread = thread.ok()?;
        let status = std::fs::read_to_string(thread.path().join("status")).ok()?;
        let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some((thread.file_name(), waits.trim().parse().unwrap()))
    };
    threads.filter_map(turns).collect()
}

/// How many threads have done something since then. Each sleeps once with the time that its preface was given, and wakes when
/// that is over to sleep on for longer: on a slow machine that comes in the middle, and it is no work for others.
fn awake_since(binder: &Running, before: &HashMap<OsString, u64>) -> usize {
    let has_run =
        |(thread, turns): &(OsString, u64)| before.get(thread).is_some_and(|then| then + 1 < *turns);
    turns(binder).into_iter().filter(has_run).count()
}

/// The turns of a binder that has done all that there was to do.
fn at_rest(binder: &Running) -> HashMap<OsString, u64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = turns(binder);
        std::thread::park_timeout(Duration::from_millis(100));
        if awake_since(binder, &before) < FEW {
            return before;
        }
        assert!(Instant::now() < deadline, "it does not come to rest");
    }
}

/// Connections that say this and no more, and have been greeted if they said anything.
fn idle(binder: &Running, count: usize, said: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut socket = TcpStream::connect(&binder.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(said).unwrap();
        socket
    };
    let mut sockets: Vec<_> = (0..count).map(open).collect();
    if !said.is_empty() {
        sockets.iter_mut().for_each(|socket| socket.read_exact(&mut [0; PREFACE]).unwrap());
    }
    sockets
}

/// Story: the test of this name had five thousand connections that had all made a call, and took the time of those who were
/// served. So nobody looked at those who only greet, or at what each of them costs while it does nothing.
#[test]
fn five_thousand_idle_connections_stay_open_and_do_nothing_while_others_are_served() {
    let binder = roomy();
    let served = client(&binder);
    served.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let callers: Vec<_> = (0..500).map(|_| client(&binder)).collect();
    let look_up =
        |client: &BinderClient| assert_eq!(client.lookup_procedure("chat".into()).unwrap().port, 4000);
    callers.iter().for_each(look_up);
    let greeted = idle(&binder, 4_500, &question()[..PREFACE]);
    look_up(&served);
    let before = at_rest(&binder);
    for _ in 0..1_000 {
        // Over a connection of old, and over a new one.
        look_up(&served);
        look_up(&client(&binder));
    }
    let awake = awake_since(&binder, &before);
    assert!(before.len() > 5_000 && awake < FEW, "{awake} of {} threads did something", before.len());
    assert!(sockets(&binder) >= 5_000, "none was closed to serve others");
    // Each of them is served when it comes back.
    callers.iter().step_by(25).for_each(look_up);
    for mut socket in greeted.into_iter().step_by(225) {
        socket.write_all(&question()[PREFACE..]).unwrap();
        socket.read_exact(&mut [0; 4]).unwrap();
    }
}

#[test]
fn those_who_say_nothing_at_all_are_sent_away_and_nobody_waits_for_them() {
    let binder = roomy();
    let served = client(&binder);
    served.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let silent = idle(&binder, 2_000, b"");
    for _ in 0..100 {
        for caller in [&served, &client(&binder)] {
            assert_eq!(caller.lookup_procedure("chat".into()).unwrap().port, 4000);
        }
    }
    for mut socket in silent {
        // Whatever it is told, it ends.
        socket.read_to_end(&mut Vec::new()).unwrap();
    }
    assert_eq!(served.lookup_procedure("chat".into()).unwrap().port, 4000);
}

/// What a client sends that watches everything, taken down by a listener that answers nothing.
fn question() -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // It goes on for as long as its connection.
    let client = Client::connect(listener.local_addr().unwrap().to_string()).with_deadline(Duration::MAX);
    std::thread::scope(move |scope| {
        scope.spawn(|| {
            BinderClient::new(client).watch(Scope::Prefix(String::new()), None).map(|mut all| all.next())
        });
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut said = Vec::new();
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = socket.read(&mut part) {
            said.extend_from_slice(&part[..count]);
        }
        said
    })
}

/// Story: a socket that takes nothing fills; what is not sent to it must be somewhere.
#[test]
fn a_watcher_whose_socket_is_never_read_costs_the_binder_no_memory_and_nobody_time() {
    let binder = Running::start();
    let servers = client(&binder);
    let large = |number: usize| Offer {
        metadata: [("note".to_owned(), format!("{number:04}").repeat(1_000))].into(),
        ..Offer::new(format!("chat{}", number % 4), "127.0.0.1", 4000)
    };
    servers.register(large(0)).unwrap();
    let question = question();
    let open = |_| {
        let mut socket = TcpStream::connect(&binder.address).unwrap();
        socket.write_all(&question).unwrap();
        socket
    };
    let silent: Vec<_> = (0..50).map(open).collect();
    let deadline = Instant::now() + PATIENCE;
    while servers.stats().unwrap().watchers < 50 {
        assert!(Instant::now() < deadline, "they do not watch");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let mut reading = client(&binder).watch(Scope::Prefix(String::new()), None).unwrap();
    reading.next().unwrap().unwrap();
    let before = memory(&binder);
    // 12 MB to each: 600 MB if all of it were kept for those who do not read.
    let mut slowest = Duration::ZERO;
    for number in 1..=3_000 {
        let start = Instant::now();
        servers.register(large(number)).unwrap();
        reading.next().unwrap().unwrap();
        slowest = slowest.max(start.elapsed());
    }
    let grown = memory(&binder).saturating_sub(before);
    // The history of changes is a part of it: 12 MB. Measured: 19 MiB.
    assert!(grown < 60 << 20, "{} MiB more, slowest {slowest:?}", grown >> 20);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    drop(silent);
}
