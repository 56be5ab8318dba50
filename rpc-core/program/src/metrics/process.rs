//! What the system knows of this process, under the names that every client library of Prometheus has for it.

use std::fs;

use rpc_core::metrics::Family;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// The families that could be read; on a system without `/proc` there are few.
pub(super) fn metrics() -> impl Iterator<Item = Family> {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let families = [
        fields(&stat).map(|fields| cpu(&fields)),
        fields(&stat).map(|fields| threads(&fields)),
        resident(&fs::read_to_string("/proc/self/statm").unwrap_or_default()),
        fs::read_dir("/proc/self/fd").ok().map(|entries| descriptors(entries.count())),
        getrlimit(Resource::Nofile).current.map(|limit| {
            Family::gauge("process_max_fds", "Descriptors that the process may have open.").with([], limit)
        }),
    ];
    families.into_iter().flatten()
}

/// The numbers behind the program's name, which may hold blanks and brackets; the first is that of its parent.
fn fields(stat: &str) -> Option<Vec<u64>> {
    let (_, behind) = stat.rsplit_once(')')?;
    // One letter stands before them; some fields, none that is used here, may be negative.
    Some(behind.split_ascii_whitespace().skip(1).map(|field| field.parse().unwrap_or(0)).collect())
}

/// Fields 14 and 15 of proc(5), and 20; the first here is 4.
const USER_TIME: usize = 10;
const SYSTEM_TIME: usize = 11;
const THREADS: usize = 16;

fn cpu(fields: &[u64]) -> Family {
    let ticks = |at| fields.get(at).copied().unwrap_or(0);
    let centiseconds = (ticks(USER_TIME) + ticks(SYSTEM_TIME)) * 100 / clock_ticks_per_second().max(1);
    let time = std::time::Duration::from_millis(centiseconds * 10);
    Family::counter("process_cpu_seconds_total", "Time that processors spent for the process.").with([], time)
}

fn threads(fields: &[u64]) -> Family {
    let count = fields.get(THREADS).copied().unwrap_or(0);
    Family::gauge("process_threads", "Threads of the process.").with([], count)
}

fn resident(statm: &str) -> Option<Family> {
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let family = Family::gauge("process_resident_memory_bytes", "Memory of the process that is in use.");
    Some(family.with([], pages.saturating_mul(page_size())))
}

fn descriptors(entries: usize) -> Family {
    // One is that of the folder that is read.
    Family::gauge("process_open_fds", "Descriptors that the process has open.")
        .with([], entries.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let numbers: Vec<String> = (4..=52).map(|number: u32| number.to_string()).collect();
        let found = fields(&format!("7 (a) b) (c)) S {}", numbers.join(" "))).unwrap();
        assert_eq!((found[USER_TIME], found[SYSTEM_TIME], found[THREADS]), (14, 15, 20));
        assert_eq!(fields(""), None);
    }

    #[test]
    fn this_process_has_time_memory_threads_and_descriptors() {
        let metrics = rpc_core::metrics::Metrics::from_iter(metrics());
        for name in
            ["process_threads", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"]
        {
            assert!(metrics.value(name, &[]).unwrap() >= 1.0, "{name}");
        }
        assert!(metrics.value("process_cpu_seconds_total", &[]).is_some());
    }
}
