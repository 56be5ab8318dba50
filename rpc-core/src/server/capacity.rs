//! How many connections the machine can carry.
//!
//! Each connection is a thread. Past the kernel's limit on memory mappings the process is aborted inside `spawn`, without
//! an error, so the cap must lie below it; descriptors and threads have limits of their own.

use rustix::process::{Resource, getrlimit};

/// What a machine allows one process.
#[derive(Clone, Copy, Debug)]
struct Machine {
    descriptors: u64,
    threads: u64,
    mappings: u64,
}

/// Mappings of one thread: its stack and guard page, and the same for its signal stack.
const MAPPINGS_A_THREAD: u64 = 4;

/// Left for the program itself: its files and libraries.
const DESCRIPTORS_KEPT: u64 = 64;
const MAPPINGS_KEPT: u64 = 2048;
const THREADS_KEPT: u64 = 64;

/// More than this nobody has asked of threads.
const CEILING: u64 = 100_000;

/// A limit that cannot be read counts as this: small, and safe everywhere.
const UNREADABLE: u64 = 32_768;

/// Threads that one server may have: connections, and calls that run aside because they are slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) connections: usize,
    pub(super) threads: usize,
}

impl Capacity {
    /// For the machine as it is, or with a cap of the user's choice.
    pub(super) fn of_machine(chosen: Option<usize>) -> Capacity {
        let machine = Machine {
            descriptors: getrlimit(Resource::Nofile).current.unwrap_or(CEILING),
            threads: getrlimit(Resource::Nproc)
                .current
                .unwrap_or(CEILING)
                .min(number_in("/proc/sys/kernel/threads-max")),
            mappings: number_in("/proc/sys/vm/max_map_count"),
        };
        machine.capacity(chosen)
    }
}

impl Machine {
    /// Three quarters of the threads for connections, the rest for slow calls.
    fn capacity(self, chosen: Option<usize>) -> Capacity {
        let by_mappings = self.mappings.saturating_sub(MAPPINGS_KEPT) / MAPPINGS_A_THREAD;
        let threads = by_mappings.min(self.threads.saturating_sub(THREADS_KEPT)).clamp(4, CEILING);
        let by_descriptors = self.descriptors.saturating_sub(DESCRIPTORS_KEPT).max(1);
        let connections = (threads / 4 * 3).min(by_descriptors).max(1);
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let connections = chosen.unwrap_or(whole(connections)).min(whole(threads) - 1).max(1);
        Capacity { connections, threads: whole(threads) }
    }
}

fn number_in(path: &str) -> u64 {
    std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(UNREADABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(descriptors: u64, threads: u64, mappings: u64, connections: usize) {
        let capacity = Machine { descriptors, threads, mappings }.capacity(None);
        assert_eq!(capacity.connections, connections);
        assert!(capacity.threads > capacity.connections);
    }

    #[test]
    fn the_scarcest_resource_decides() {
        check(1_048_576, 95_000, 65_530, 11_901);
        check(1024, 95_000, 65_530, 960);
        check(1_048_576, 1000, 65_530, 702);
        check(0, 0, 0, 1);
        check(u64::MAX, u64::MAX, u64::MAX, 75_000);
    }

    #[test]
    fn a_chosen_cap_stays_below_the_threads() {
        let machine = Machine { descriptors: 1 << 20, threads: 95_000, mappings: 65_530 };
        assert_eq!(machine.capacity(Some(10)).connections, 10);
        assert_eq!(machine.capacity(Some(usize::MAX)).connections, 15_869);
    }
}
