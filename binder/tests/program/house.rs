//! What every test of the program needs: processes that end with their test, and folders.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use binder::BinderClient;
use rpc_core::Client;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What the program reads from its environment.
const VARIABLES: [&str; 12] = [
    "BINDER_ASK_TOKEN_FILE",
    "RUST_LOG",
    "BINDER_INSECURE",
    "BINDER_LISTEN",
    "BINDER_ADDRESS",
    "BINDER_LEASE",
    "BINDER_JSON",
    "BINDER_TOKEN_FILE",
    "BINDER_LOOKUPS",
    "BINDER_STATE",
    "BINDER_HTTP",
    "BINDER_METRICS",
];

/// A binder process; killed if the test did not end it.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) address: String,
    pub(crate) log: BufReader<ChildStderr>,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_binder"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

impl Running {
    pub(crate) fn start() -> Running {
        Running::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Running {
        Running::start_with_log(options, 1)
    }

    /// With so many lines in the log up to the one with the address.
    pub(crate) fn start_with_log(options: &[&str], lines: usize) -> Running {
        let mut command = command(&["--listen", "127.0.0.1:0"]);
        command.args(options);
        Running::spawn(command, lines)
    }

    pub(crate) fn spawn(command: Command, lines: usize) -> Running {
        let (running, log) = Running::spawn_telling(command);
        assert_eq!(log.lines().count(), lines, "{log}");
        running
    }

    /// With the log up to the line with the address.
    pub(crate) fn spawn_telling(mut command: Command) -> (Running, String) {
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("listening on ") {
            assert!(log.read_line(&mut lines).unwrap() > 0, "it has ended: {lines}");
        }
        let address = lines.trim_end().rsplit_once("listening on ").unwrap().1.to_owned();
        (Running { process, address, log }, lines)
    }

    pub(crate) fn client(&self) -> BinderClient {
        BinderClient::new(Client::connect(&self.address))
    }

    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        command(arguments).env("BINDER_ADDRESS", &self.address).output().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command that goes on until it is told to end; killed if the test did not end it.
pub(crate) struct Going {
    pub(crate) process: Child,
    lines: BufReader<ChildStdout>,
}

impl Going {
    pub(crate) fn start(binder: &str, arguments: &[&str]) -> Going {
        let mut command = command(arguments);
        command.env("BINDER_ADDRESS", binder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Going { process, lines }
    }

    /// With what it says on standard error.
    pub(crate) fn start_heard(binder: &str, arguments: &[&str]) -> (Going, BufReader<ChildStderr>) {
        let mut command = command(arguments);
        command.env("BINDER_ADDRESS", binder).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let heard = BufReader::new(process.stderr.take().unwrap());
        (Going { process, lines }, heard)
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    /// The next object of this event; others are passed over.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended before the event {name}");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    /// Whether a signal is a message to it by now, and does not kill it.
    pub(crate) fn is_catching_signals(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        // Bit 1 is SIGINT.
        u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        self.interrupt();
        self.process.wait().unwrap().code()
    }

    pub(crate) fn interrupt(&self) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder of this test alone; gone with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("binder-program-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The objects that a command printed, one a line.
#[track_caller]
pub(crate) fn json_lines<T: DeserializeOwned>(output: &Output) -> Vec<T> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
pub(crate) fn check(output: &Output, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(stderr), "{errors:?} does not say {stderr:?}");
    assert!(!stderr.is_empty() || errors.is_empty(), "{errors:?}");
    assert_eq!(output.status.code(), Some(code));
}
