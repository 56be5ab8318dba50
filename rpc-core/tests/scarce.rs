//! A machine that has no thread left. In a process of its own, whose memory it bounds.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;
#[path = "strangers/lab.rs"]
#[expect(dead_code, reason = "one client is enough")]
mod lab;

use lab::{SOON, stand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Room for a few values, and not for a thread's stack.
const ROOM: u64 = 1 << 20;

fn memory_in_use() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096
}

/// A started call is flushed by the attendant, within a millisecond. Without one its caller flushes it.
#[test]
fn a_started_call_leaves_though_no_thread_can_be_started_for_it() {
    let stand = stand();
    stand.check_serves();
    let allowed = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(memory_in_use() + ROOM), ..allowed }).unwrap();
    let spawned = rpc_core::threads::spawn("test-none", || {});
    let pending = stand.lab.start().wait();
    let entered = stand.entered.recv_timeout(SOON);
    setrlimit(Resource::As, allowed).unwrap();
    assert!(spawned.is_err(), "there was room for a thread");
    entered.unwrap();
    stand.gate.send(()).unwrap();
    assert_eq!(pending.wait(), Ok("through".to_owned()));
}
