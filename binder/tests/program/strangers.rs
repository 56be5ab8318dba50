//! Those who lean on a binder's process from outside: thousands that say nothing, and some that never read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use binder::{Binder, BinderClient, Offer, Scope};
use rpc_core::Client;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::house::{Going, Running};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

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

#[test]
fn five_thousand_idle_connections_stay_open_while_others_are_served() {
    let binder = roomy();
    let served = client(&binder);
    served.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let idle: Vec<_> = (0..5_000).map(|_| client(&binder)).collect();
    for client in &idle {
        assert_eq!(client.lookup_procedure("chat".into()).unwrap().port, 4000);
    }
    let mut slowest = Duration::ZERO;
    for round in 0..10 {
        assert!(sockets(&binder) >= 5_000, "{} are open in round {round}", sockets(&binder));
        // Over a connection of old, and over a new one.
        for caller in [&served, &client(&binder)] {
            let start = Instant::now();
            assert_eq!(caller.lookup_procedure("chat".into()).unwrap().port, 4000);
            slowest = slowest.max(start.elapsed());
        }
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(sockets(&binder) >= 5_000, "none was closed to serve others");
    // Each of them is served when it comes back.
    for client in idle.iter().step_by(250) {
        assert_eq!(client.lookup_procedure("chat".into()).unwrap().port, 4000);
    }
}

/// What a client sends that watches everything, taken down by a listener that answers nothing.
fn question() -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut watch = Going::start(&address, &["watch"]);
    let (mut socket, _) = listener.accept().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut said = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = socket.read(&mut part) {
        said.extend_from_slice(&part[..count]);
    }
    watch.process.kill().unwrap();
    said
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
