//! One running program: its lines arrive on channels, and it is ended with the test.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use rpc_core::threads::{self, Thread};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

/// How long anything is waited for before its test fails. Generous: a busy machine is not a fault.
pub const SOON: Duration = Duration::from_secs(30);

/// A child process whose output is read by threads, so that it never blocks on a full pipe.
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    seen: Vec<String>,
    _readers: [Thread; 2],
}

impl Process {
    /// Starts a program; its environment is the test's, less what configures our programs.
    #[track_caller]
    pub fn start(name: &str, command: &mut Command) -> Process {
        Process::start_with(name, command, Stdio::piped())
    }

    /// Starts a program whose standard input is this.
    #[track_caller]
    pub fn start_with(name: &str, command: &mut Command, input: Stdio) -> Process {
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (stdout, out) = lines_of(child.stdout.take().unwrap());
        let (stderr, err) = lines_of(child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        Process {
            name: name.to_owned(),
            child,
            stdin,
            stdout,
            stderr,
            seen: Vec::new(),
            _readers: [out, err],
        }
    }

    /// Types one line.
    #[track_caller]
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).unwrap();
    }

    /// Ends the program's input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of standard output; `None` at its end.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        self.line_before(Instant::now() + SOON)
    }

    #[track_caller]
    pub(crate) fn line_before(&mut self, deadline: Instant) -> Option<String> {
        match self.stdout.recv_deadline(deadline) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(error) if error.is_timeout() => panic!("it said nothing more in time\n{}", self.told()),
            Err(_) => None,
        }
    }

    /// The next line of standard output, if one is there or comes within `time`.
    pub fn line_within(&mut self, time: Duration) -> Option<String> {
        let line = self.stdout.recv_timeout(time).ok()?;
        self.seen.push(line.clone());
        Some(line)
    }

    /// Waits for a line of standard error that contains `text`, and gives it back; it may have come before. Threads log in
    /// any order.
    #[track_caller]
    pub fn complaint(&mut self, text: &str) -> String {
        let earlier = self.seen.iter().filter_map(|line| line.strip_prefix("! "));
        if let Some(line) = earlier.into_iter().find(|line| line.contains(text)) {
            return line.to_owned();
        }
        let deadline = Instant::now() + SOON;
        loop {
            match self.stderr.recv_deadline(deadline) {
                Ok(line) => {
                    self.seen.push(format!("! {line}"));
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("it did not say {text:?}\n{}", self.told()),
            }
        }
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`, `STOP` or `CONT`.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        self.end_within(SOON)
    }

    /// Waits for its end, at most this long.
    #[track_caller]
    pub fn end_within(&mut self, time: Duration) -> ExitStatus {
        self.end_input();
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end within {time:?}\n{}", self.told());
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// A line of `/proc/PID/status` as a number: `Threads`, or `VmRSS` in kB.
    pub fn status(&self, key: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Keeps it from opening anything: no descriptor is free below the limit.
    #[track_caller]
    pub fn exhaust_descriptors(&self) {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let open: BTreeSet<u64> =
            open.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
        self.limit_descriptors((0..).find(|number| !open.contains(number)).unwrap());
    }

    /// Allows it descriptors below this number from now on.
    #[track_caller]
    pub fn limit_descriptors(&self, limit: u64) {
        let pid = Pid::from_child(&self.child);
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(limit), maximum }).unwrap();
    }

    /// How long it has kept a processor busy.
    pub fn processor_time(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = text.rsplit_once(") ").unwrap();
        let ticks: u64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / clock_ticks_per_second())
    }

    /// Everything read so far, for a failing test's message.
    pub fn told(&mut self) -> String {
        self.seen.extend(self.stderr.try_iter().map(|line| format!("! {line}")));
        format!("--- {} so far:\n{}\n---", self.name, self.seen.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lines_of(source: impl Read + Send + 'static) -> (Receiver<String>, Thread) {
    let (sender, lines) = unbounded();
    let thread = threads::spawn("lines", move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (lines, thread.unwrap())
}
