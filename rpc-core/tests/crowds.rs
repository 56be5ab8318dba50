//! Crowds of rude peers: afterwards threads and descriptors are where they were.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;
#[path = "strangers/lab.rs"]
#[expect(dead_code, reason = "a crowd sees little")]
mod lab;
#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "a crowd says little")]
mod peer;
#[path = "waits/eventually.rs"]
mod waits;

use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lab::{Lab as _, LabClient, SOON, Stand, stand, stand_with};
use peer::{PREFACE, Peer, call, echo};
use rpc_core::{Client, Limits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use waits::eventually;

/// What is counted here belongs to the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const CROWD: usize = 2000;

/// Threads of ours; those of the test runner come and go as they like.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("rpc-")).count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A stand whose own threads have come and gone, and what the process holds then.
#[track_caller]
fn settled(limits: Limits) -> (Stand, usize, usize) {
    let stand = stand_with(limits);
    stand.check_serves();
    // One accepts, one watches, one serves; a thread has its name a moment after its start.
    eventually(&true, || threads() >= 3);
    let (threads, descriptors) = (threads(), descriptors());
    (stand, threads, descriptors)
}

#[track_caller]
fn check_back(stand: &Stand, threads_before: usize, descriptors_before: usize) {
    stand.check_serves();
    eventually(&true, || threads() <= threads_before);
    eventually(&true, || descriptors() <= descriptors_before);
    eventually(&1, || stand.server.connections());
}

#[test]
fn two_thousand_silent_connections_leave_nothing_behind() {
    let _alone = alone();
    let limits = Limits { preface_time: Duration::from_secs(2), ..Limits::default() };
    let (stand, threads, descriptors) = settled(limits);
    let mut crowd: Vec<_> = (0..CROWD).map(|_| Peer::silent(stand.server.address())).collect();
    stand.check_serves();
    crowd.truncate(CROWD / 2);
    for peer in &mut crowd {
        assert_eq!(peer.hear_end(), b"");
    }
    drop(crowd);
    check_back(&stand, threads, descriptors);
}

/// One of the ways to go, in turn: after a call, within one, within a frame, within a preface; by close, half-close, reset.
fn leave_rudely(mut peer: Peer, way: usize) {
    let said = match way % 4 {
        0 => [&PREFACE[..], &echo(1)].concat(),
        1 => [&PREFACE[..], &call(1, "bulk", &[0xfc, 0, 0, 1, 0])].concat(),
        2 => [&PREFACE[..], &echo(1)[..9]].concat(),
        _ => PREFACE[..11].to_vec(),
    };
    peer.say(&said);
    match way % 3 {
        0 => drop(peer),
        1 => {
            peer.end_sending();
            drop(peer);
        }
        _ => peer.reset(),
    }
}

#[test]
fn two_thousand_rude_leavers_leave_nothing_behind() {
    let _alone = alone();
    let (stand, threads, descriptors) = settled(Limits::default());
    for way in 0..CROWD {
        leave_rudely(Peer::silent(stand.server.address()), way);
        if way % 100 == 0 {
            stand.check_serves();
        }
    }
    check_back(&stand, threads, descriptors);
}

/// Connections that a shutdown closed stayed in the server's list, and the server in each of them: neither was ever freed.
#[test]
fn a_shut_down_server_leaves_nothing_behind() {
    let _alone = alone();
    let (threads, descriptors) = (threads(), descriptors());
    for _ in 0..3 {
        let stand = stand();
        let idle: Vec<_> = (0..20).map(|_| Peer::greeted(stand.server.address())).collect();
        let silent: Vec<_> = (0..20).map(|_| Peer::silent(stand.server.address())).collect();
        stand.check_serves();
        stand.server.shutdown(SOON).unwrap();
        drop((idle, silent));
    }
    eventually(&true, || self::descriptors() <= descriptors);
    eventually(&true, || self::threads() <= threads);
}

#[test]
fn a_thousand_clients_leave_nothing_behind() {
    let _alone = alone();
    let (stand, threads, descriptors) = settled(Limits::default());
    for _ in 0..1000 {
        let client = LabClient::new(Client::connect(stand.server.address().to_string()));
        let pending = client.start().echo("x".to_owned());
        assert_eq!(pending.wait(), Ok("x".to_owned()));
        drop(client.start().echo("nobody waits".to_owned()));
    }
    check_back(&stand, threads, descriptors);
}

#[test]
fn accepting_goes_on_when_descriptors_have_run_out_and_come_back() {
    let _alone = alone();
    let stand = stand();
    stand.check_serves();
    let allowed = getrlimit(Resource::Nofile);
    let scarce = Rlimit { current: u64::try_from(descriptors() + 40).ok(), ..allowed };
    setrlimit(Resource::Nofile, scarce).unwrap();
    let crowd: Vec<_> = std::iter::from_fn(|| TcpStream::connect(stand.server.address()).ok()).collect();
    assert!(TcpStream::connect(stand.server.address()).is_err());
    stand.check_serves();
    drop(crowd);
    let late = LabClient::new(Client::connect(stand.server.address().to_string())).wait_for_ready();
    let answer = late.echo("x".to_owned());
    setrlimit(Resource::Nofile, allowed).unwrap();
    assert_eq!(answer, Ok("x".to_owned()));
}

/// The watcher once looked at such a call again and again without a pause, until it ended.
#[test]
fn a_call_that_outlives_its_peer_costs_no_processor() {
    let _alone = alone();
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "insist", b""));
    stand.entered.recv_timeout(SOON).unwrap();
    peer.reset();
    let at_rest = || {
        let before = watching()?;
        std::thread::park_timeout(Duration::from_millis(300));
        Some(watching()? - before < 10)
    };
    eventually(&Some(true), at_rest);
    stand.gate.send(()).unwrap();
    eventually(&0, || stand.server.connections());
}

/// Clock ticks, of 10 ms, that the watcher has run.
fn watching() -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let watcher = stats.find(|stat| stat.contains("(rpc-watch)"))?;
    let fields: Vec<&str> = watcher.rsplit(')').next()?.split_whitespace().collect();
    Some(fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
}
