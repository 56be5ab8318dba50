//! Children: servers that say where they listen, and load generators that say what they found.
//!
//! Each has a time limit. A child's standard input is a pipe that only this process holds, so that our own programs end when it
//! is gone, however it ended; and each is killed when its owner here is dropped.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::usage::Process;

/// Why a child did not do what it was started for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    #[error("{program} did not start")]
    NotStarted { program: String, source: io::Error },
    #[error("{program} said nothing for {} s", .limit.as_secs())]
    Silent { program: String, limit: Duration },
    #[error("{program} ended with {status}{}", told(.said))]
    Ended { program: String, status: ExitStatus, said: String },
    #[error("{program} said {said:?}, and not where it listens")]
    Unclear { program: String, said: String },
    #[error("interrupted")]
    Interrupted,
}

fn told(said: &str) -> String {
    let said = said.trim();
    if said.is_empty() { String::new() } else { format!(": {}", said.replace('\n', "; ")) }
}

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on Ctrl-C and SIGTERM end every wait for a child with [`ProcessError::Interrupted`], so that children are ended
/// by their owners.
pub fn heed_interrupts() -> io::Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(())
}

pub fn is_interrupted() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::SeqCst))
}

/// On these processor cores only, from its start on, with `taskset` of util-linux.
pub fn pinned(cores: &str, program: &Command) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

/// A running child; killed when it is dropped.
pub struct Running {
    program: String,
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// How long a child that has closed its output may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

impl Running {
    pub fn start(command: &mut Command) -> Result<Running, ProcessError> {
        let program = name(command);
        let failed = |source| ProcessError::NotStarted { program: program.clone(), source };
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let (line, lines) = channel();
        if let Some(output) = child.stdout.take() {
            let read = move || {
                for said in BufReader::new(output).lines() {
                    let Ok(said) = said else { return };
                    if line.send(said).is_err() {
                        return;
                    }
                }
            };
            Builder::new().name("output".into()).spawn(read).map_err(failed)?;
        }
        let errors = child.stderr.take().map(|errors| {
            Builder::new().name("errors".into()).spawn(move || beginning(errors)).map_err(failed)
        });
        Ok(Running { child, lines, errors: errors.transpose()?, program: program.clone() })
    }

    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// The next line that the child says.
    pub fn line(&mut self, limit: Duration) -> Result<String, ProcessError> {
        let until = Instant::now() + limit;
        loop {
            if is_interrupted() {
                return Err(ProcessError::Interrupted);
            }
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(ProcessError::Silent { program: self.program.clone(), limit });
                }
            }
        }
    }

    /// A child that has closed its output without a word.
    fn ended(&mut self) -> ProcessError {
        let program = self.program.clone();
        match self.wait(FAREWELL) {
            Ok(status) => ProcessError::Ended { program, status, said: self.complaint() },
            Err(error) => error,
        }
    }

    /// Waits for its end; killed if it takes longer.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus, ProcessError> {
        let until = Instant::now() + limit;
        loop {
            if is_interrupted() {
                return Err(ProcessError::Interrupted);
            }
            let polled = self.child.try_wait();
            match polled
                .map_err(|source| ProcessError::NotStarted { program: self.program.clone(), source })?
            {
                Some(status) => return Ok(status),
                None if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                None => return Err(ProcessError::Silent { program: self.program.clone(), limit }),
            }
        }
    }

    /// What it wrote to standard error, once it has ended.
    fn complaint(&mut self) -> String {
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for Running {
    /// One that has ended cannot be killed, and that is as good.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn name(command: &Command) -> String {
    let mut words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut word = words.next();
    if word.is_some_and(|program| program == "taskset") {
        word = words.nth(2);
    }
    let path = std::path::Path::new(word.unwrap_or_default());
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first of it; the rest is read away, so that the child does not wait.
fn beginning(mut errors: ChildStderr) -> String {
    let mut first = Vec::new();
    let read = (&mut errors).take(4096).read_to_end(&mut first);
    if read.is_ok() {
        let _ = io::copy(&mut errors, &mut io::sink());
    }
    String::from_utf8_lossy(&first).into_owned()
}

/// A server that has said where it listens.
pub struct Server {
    running: Running,
    pub address: SocketAddr,
}

impl Server {
    /// Waits until it listens.
    pub fn start(command: &mut Command, limit: Duration) -> Result<Server, ProcessError> {
        let mut running = Running::start(command)?;
        let said = running.line(limit)?;
        let address = said.strip_prefix("LISTENING ").and_then(|address| address.trim().parse().ok());
        match address {
            Some(address) => Ok(Server { running, address }),
            None => Err(ProcessError::Unclear { program: running.program.clone(), said }),
        }
    }

    pub fn process(&self) -> Process {
        self.running.process()
    }
}

/// Runs a program to its end; the last line that it said.
pub fn finish(command: &mut Command, limit: Duration) -> Result<String, ProcessError> {
    let begun = Instant::now();
    let mut running = Running::start(command)?;
    let mut last = String::new();
    loop {
        match running.line(limit.saturating_sub(begun.elapsed())) {
            Ok(line) => last = line,
            Err(ProcessError::Ended { status, .. }) if status.success() => return Ok(last),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_says_where_it_listens() {
        let server =
            Server::start(&mut shell("echo LISTENING 127.0.0.1:4000; cat"), Duration::from_secs(10)).unwrap();
        assert_eq!(server.address.port(), 4000);
        let memory = server.process().memory().unwrap();
        assert!(memory.rss_kib > 0 && memory.threads == 1);
    }

    #[test]
    fn a_server_that_fails_is_told_of_in_its_own_words() {
        let error = Server::start(&mut shell("echo no port left >&2; exit 3"), Duration::from_secs(10)).err();
        assert_eq!(error.unwrap().to_string(), "sh ended with exit status: 3: no port left");
        let error = Server::start(&mut shell("echo hello; cat"), Duration::from_secs(10)).err();
        assert_eq!(error.unwrap().to_string(), "sh said \"hello\", and not where it listens");
    }

    #[test]
    fn a_child_that_says_nothing_ends_with_its_limit() {
        let error = Server::start(&mut shell("cat"), Duration::from_millis(100)).err().unwrap();
        assert!(matches!(error, ProcessError::Silent { .. }), "{error}");
    }

    #[test]
    fn a_child_ends_when_its_owner_is_dropped() {
        let running = Running::start(&mut shell("exec sleep 1000")).unwrap();
        let process = running.process();
        drop(running);
        assert!(process.memory().is_err());
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = finish(&mut Command::new("/no/such/program"), Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "program did not start");
    }

    #[test]
    fn the_last_line_of_a_program_is_its_result() {
        assert_eq!(finish(&mut shell("echo one; echo two"), Duration::from_secs(10)).unwrap(), "two");
        let pinned = finish(&mut pinned("0", &shell("nproc")), Duration::from_secs(10)).unwrap();
        assert_eq!(pinned, "1");
    }
}
