//! Processor time and memory of a process, from the kernel.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// A process by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

/// What a process occupies at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident memory in KiB; the kernel's own, as of sockets, is not in it.
    pub rss_kib: u64,
    pub threads: u64,
}

impl Process {
    pub fn this() -> Process {
        Process(std::process::id())
    }

    /// Processor time so far, user's and system's, of all threads, ended ones too.
    pub fn cpu(self) -> io::Result<Duration> {
        let number = i32::try_from(self.0).map_err(io::Error::other)?;
        let spent = clock_gettime(clock_getcpuclockid(Pid::from_raw(number))?)?;
        Ok(Duration::from(spent))
    }

    pub fn memory(self) -> io::Result<Memory> {
        Ok(parse(&fs::read_to_string(format!("/proc/{}/status", self.0))?))
    }

    /// Memory once it has not changed for three looks in a row, or after `patience`.
    pub fn settled_memory(self, patience: Duration) -> io::Result<Memory> {
        let until = Instant::now() + patience;
        let (mut last, mut same) = (self.memory()?, 0);
        while same < 3 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.memory()?;
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        Ok(last)
    }
}

fn parse(status: &str) -> Memory {
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Memory { rss_kib: number("VmRSS:").unwrap_or(0), threads: number("Threads:").unwrap_or(0) }
}

/// As many open files as this user may have: a connection is one.
pub fn raise_open_files() -> io::Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(most)
}

/// Processor time of this process and a server's, from here on.
pub struct Meter {
    server: Process,
    begun: Instant,
    client_cpu: Duration,
    server_cpu: Duration,
}

/// What a [`Meter`] has counted.
pub struct Spent {
    pub time: Duration,
    pub client_cpu: Duration,
    pub server_cpu: Duration,
}

impl Meter {
    pub fn start(server: Process) -> io::Result<Meter> {
        let (client_cpu, server_cpu) = (Process::this().cpu()?, server.cpu()?);
        Ok(Meter { server, begun: Instant::now(), client_cpu, server_cpu })
    }

    pub fn stop(self) -> io::Result<Spent> {
        let time = self.begun.elapsed();
        let client_cpu = Process::this().cpu()?.saturating_sub(self.client_cpu);
        let server_cpu = self.server.cpu()?.saturating_sub(self.server_cpu);
        Ok(Spent { time, client_cpu, server_cpu })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_threads_are_read_from_the_kernels_lines() {
        let told = "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(parse(told), Memory { rss_kib: 1234, threads: 7 });
        assert_eq!(parse("Name:\tx\n"), Memory::default());
    }

    #[test]
    fn work_of_this_process_is_counted_on_both_sides_of_a_meter() {
        let meter = Meter::start(Process::this()).unwrap();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let spent = meter.stop().unwrap();
        assert!(spent.time >= Duration::from_millis(20));
        assert!(spent.client_cpu > Duration::ZERO && spent.server_cpu > Duration::ZERO);
    }
}
