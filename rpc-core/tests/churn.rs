//! Ten thousand clients come and go, half of them rudely: afterwards the server's process is as it was.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expects by failing"
)]

#[path = "churn/guests.rs"]
mod guests;
#[path = "churn/mill.rs"]
mod mill;
#[path = "strangers/peer.rs"]
#[expect(dead_code, reason = "a rude guest hears little")]
mod peer;

/// What peers of the strangers' tests wait for.
mod lab {
    pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(20);
}

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lab::SOON;

const GUESTS: usize = 10_000;

/// Guests of the same kinds, who bring the allocator and the kernel to where they stay.
const WARM_UP: usize = 2_000;

/// Threads that guests come from: so many are there at the same time.
const CROWD: usize = 16;

/// What may stay beyond, in KiB: 300 bytes a guest. Measured are 100 to 1,300 KiB, whether 10,000 come or 40,000: some dead
/// calls are forgotten late.
const SLACK: u64 = 3 << 10;

/// Set for the process that serves.
const SERVES: &str = "CHURN_SERVES";

#[test]
fn ten_thousand_clients_of_whom_half_are_rude_leave_a_server_as_it_was() {
    if std::env::var_os(SERVES).is_some() {
        return mill::serve();
    }
    let server = Served::start("ten_thousand_clients_of_whom_half_are_rude_leave_a_server_as_it_was");
    guests::come_and_go(server.address, WARM_UP, CROWD);
    let before = server.at_rest(|_| true);
    guests::come_and_go(server.address, GUESTS, CROWD);
    let after =
        server.at_rest(|held| held.threads <= before.threads && held.descriptors <= before.descriptors);
    println!("before {before:?}, after {after:?}");
    assert!(after.memory <= before.memory + SLACK, "{before:?} before, {after:?} after; memory in KiB");
    assert!(
        after.threads <= before.threads && after.descriptors <= before.descriptors,
        "{before:?} {after:?}"
    );
}

/// A process of its own, so that what is measured is the server's alone.
struct Served {
    process: Child,
    address: SocketAddr,
    /// Kept, so that it can say how its test went.
    _said: Lines<BufReader<ChildStdout>>,
}

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    threads: usize,
    descriptors: usize,
    /// Resident, in KiB.
    memory: u64,
}

impl Served {
    fn start(test: &str) -> Served {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(SERVES, "1")
            // Else it is chance how many heaps the threads spread over, and how much of each the allocator keeps.
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_MMAP_THRESHOLD_", "32768")
            .env("MALLOC_TRIM_THRESHOLD_", "32768")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix(mill::LISTENS)?.parse().ok()).unwrap();
        Served { process, address, _said: lines }
    }

    fn held(&self) -> Held {
        let folder = PathBuf::from(format!("/proc/{}", self.process.id()));
        let count = |name: &str| folder.join(name).read_dir().unwrap().count();
        let status = std::fs::read_to_string(folder.join("status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = memory.split_whitespace().next().unwrap().parse().unwrap();
        Held { threads: count("task"), descriptors: count("fd"), memory }
    }

    /// What it holds once that does not change any more, and `settled` agrees; or at the end of patience.
    fn at_rest(&self, settled: impl Fn(&Held) -> bool) -> Held {
        /// Idle threads of the server stay for two seconds.
        const QUIET: Duration = Duration::from_millis(2500);
        let begun = Instant::now();
        let (mut held, mut since) = (self.held(), Instant::now());
        while begun.elapsed() < SOON && (since.elapsed() < QUIET || !settled(&held)) {
            std::thread::park_timeout(Duration::from_millis(100));
            let now = self.held();
            if (now.threads, now.descriptors) != (held.threads, held.descriptors) {
                since = Instant::now();
            }
            held = now;
        }
        held
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It ends when its standard input does.
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}
