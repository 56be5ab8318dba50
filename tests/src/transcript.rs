//! One running program whose output is compared to the byte, and which is ended with the test.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use rpc_core::threads::{self, Thread};

use crate::process::SOON;

/// A child process whose output is read by threads, so that it never blocks on a full pipe.
pub struct Transcript {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Source,
    stderr: Source,
}

/// How a program ended, and all that it wrote.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

struct Source {
    pieces: Receiver<Vec<u8>>,
    read: Vec<u8>,
    _reader: Thread,
}

impl Transcript {
    /// Starts a program whose input is typed by the test.
    #[track_caller]
    pub fn start(command: &mut Command) -> Transcript {
        command.env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = Source::of(child.stdout.take().unwrap());
        let stderr = Source::of(child.stderr.take().unwrap());
        Transcript { stdin: child.stdin.take(), child, stdout, stderr }
    }

    /// Starts a program with this input, and nothing after it.
    #[track_caller]
    pub fn start_with(command: &mut Command, input: &str) -> Transcript {
        let mut program = Transcript::start(command);
        program.type_in(input);
        program.end_input();
        program
    }

    /// Starts a program that is told its port, with this input, and waits until it listens there. A port that somebody else
    /// was quicker to take is given up for another.
    #[track_caller]
    pub fn serve(input: &str, command: impl Fn(u16) -> Command) -> (Transcript, u16) {
        for _ in 0..20 {
            let port = likely_free_port();
            let mut program = Transcript::start_with(&mut command(port), input);
            if program.listens_on(port) {
                return (program, port);
            }
        }
        panic!("no port is free");
    }

    /// Waits until a connection to this port is taken; false if the program ended instead.
    #[track_caller]
    pub fn listens_on(&mut self, port: u16) -> bool {
        let deadline = Instant::now() + SOON;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(_) => return self.child.try_wait().unwrap().is_none(),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}"),
            }
            assert!(Instant::now() < deadline, "it does not listen on port {port}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Types this text, which need not be whole lines. A program that has ended does not mind.
    #[track_caller]
    pub fn type_in(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        match stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        }
    }

    /// Ends the program's input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits until all that it has written to standard output is exactly this.
    #[track_caller]
    pub fn shows(&mut self, expected: &str) {
        self.shows_where(expected, |text| text == expected);
    }

    /// Waits until all that it has written to standard output passes; `what` says in a failure what was to come.
    #[track_caller]
    pub fn shows_where(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + SOON;
        while !wanted(&self.stdout.text()) {
            if !self.stdout.read_more(deadline) {
                let errors = self.stderr.rest();
                panic!("expected {what:?}\n      got {:?}\n   errors {errors:?}", self.stdout.text());
            }
        }
    }

    /// What it has written to standard output so far, as far as it was waited for.
    pub fn shown(&self) -> String {
        self.stdout.text()
    }

    /// Waits for its end; its input stays as it is.
    #[track_caller]
    pub fn is_over_soon(&mut self) -> Option<i32> {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end; it wrote {:?}", self.stdout.text());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Ends its input and waits for its end.
    #[track_caller]
    pub fn ended(mut self) -> Ended {
        self.end_input();
        let code = self.is_over_soon();
        Ended { code, stdout: self.stdout.rest(), stderr: self.stderr.rest() }
    }

    /// Waits for its end: with success, exactly this output, and no complaint.
    #[track_caller]
    pub fn ends_with(self, stdout: &str) {
        assert_eq!(self.ended(), Ended { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() });
    }

    /// As [`ends_with`](Transcript::ends_with), of a program whose input has not ended.
    #[track_caller]
    pub fn ends_by_itself(mut self, stdout: &str) {
        self.is_over_soon();
        self.ends_with(stdout);
    }

    /// Sends a signal: `TERM`, `INT`, `KILL` or `CONT`.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Stops it, and waits until all its threads stand still; `CONT` lets them go on.
    #[track_caller]
    pub fn freeze(&self) {
        self.signal("STOP");
        let deadline = Instant::now() + SOON;
        while !self.stands_still() {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn stands_still(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let states = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")));
        // The state stands behind the name, which ends with the last parenthesis.
        let stopped = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
        states.filter_map(Result::ok).all(stopped)
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// A line of `/proc/PID/status` as a number: `Threads`, or `VmRSS` in kB.
    pub fn status(&self, key: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Source {
    fn of(mut pipe: impl Read + Send + 'static) -> Source {
        let (sender, pieces) = unbounded();
        let reader = threads::spawn("pipe", move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Source { pieces, read: Vec::new(), _reader: reader.unwrap() }
    }

    /// Waits for more; false at the end of the pipe and of the time.
    fn read_more(&mut self, deadline: Instant) -> bool {
        let piece = self.pieces.recv_deadline(deadline);
        piece.map(|piece| self.read.extend(piece)).is_ok()
    }

    /// Everything that is still to come. The program has ended, or its time is over.
    fn rest(&mut self) -> String {
        while self.read_more(Instant::now() + Duration::from_secs(1)) {}
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

/// A port below those that the system gives to outgoing connections, another one at each call and in each process.
fn likely_free_port() -> u16 {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 1000).unwrap();
    20_000 + (process * 12 + CALLS.fetch_add(1, Ordering::Relaxed)) % 12_000
}
