//! The wish of a user or a supervisor that the program ends: SIGINT and SIGTERM as a message, and SIGHUP to whom it means that.
//!
//! Owned by `main`. The first signal is a message, once; a later one ends the process on the spot. Nothing here ends
//! the process otherwise.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::threads::{self, Thread};
use rustix::process::{getpid, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level;

/// A signal this soon after the first is the same wish: `timeout` and shells signal a process and then its whole group.
pub const SAME_WISH: Duration = Duration::from_millis(300);

/// A signal that asks the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, Ctrl-C on a terminal.
    Interrupt,
    /// SIGTERM, what supervisors send, or a terminal that was closed.
    Terminate,
}

impl Signal {
    /// What a program ends with that was stopped in the middle of its work: 130 or 143, as shells tell of a signal.
    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        })
    }
}

/// The stop signals of this process, from [`stop`] until it is dropped; afterwards they are ignored.
///
/// Keep it until the end of `main`: while the program stops, a further signal must still be able to end it at once.
#[derive(Debug)]
pub struct Stop {
    signals: Receiver<Signal>,
    handle: Handle,
    _thread: Thread,
}

/// Begins to catch SIGINT and SIGTERM.
///
/// A signal that comes more than [`SAME_WISH`] after the first ends the process at once, without destructors, with code
/// 130 (SIGINT) or 143 (SIGTERM).
///
/// # Errors
/// When the system refuses the signal handlers or the thread `signals` that waits for them.
pub fn stop() -> io::Result<Stop> {
    stop_at(&[SIGINT, SIGTERM])
}

/// As [`stop`], for a program that a person talks with: where standard input is a terminal SIGHUP is caught too, as
/// [`Signal::Terminate`], so that who closes his window takes leave.
///
/// # Errors
/// As [`stop`].
pub fn stop_with_terminal() -> io::Result<Stop> {
    // Elsewhere nobody's window is closed, and `nohup` has its way.
    if io::stdin().is_terminal() { stop_at(&[SIGINT, SIGTERM, SIGHUP]) } else { stop() }
}

fn stop_at(numbers: &[i32]) -> io::Result<Stop> {
    let mut caught = Signals::new(numbers)?;
    let handle = caught.handle();
    // One place: only the first signal is sent.
    let (sender, signals) = bounded(1);
    let thread = threads::spawn("signals", move || deliver(&mut caught, &sender))?;
    Ok(Stop { signals, handle, _thread: thread })
}

impl Stop {
    /// Where the one [`Signal`] arrives, for `recv` or `select!`. A second never does.
    pub fn signals(&self) -> &Receiver<Signal> {
        &self.signals
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        // Ends the thread's loop; its own drop joins it.
        self.handle.close();
    }
}

/// Ends a line editor of this process that waits for a key, from another thread: with SIGINT, until something comes out of
/// `ended` or it closes. It may have been between two lines, so it is done three times, all within [`SAME_WISH`].
pub fn interrupt_editor<T>(ended: &Receiver<T>) {
    for _ in 0..INTERRUPTIONS {
        // A process may always signal itself.
        let _ = kill_process(getpid(), rustix::process::Signal::INT);
        if !matches!(ended.recv_timeout(BETWEEN_INTERRUPTIONS), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

const INTERRUPTIONS: usize = 3;
const BETWEEN_INTERRUPTIONS: Duration = Duration::from_millis(80);

fn deliver(caught: &mut Signals, sender: &Sender<Signal>) {
    let mut first: Option<Instant> = None;
    for number in caught.forever() {
        let now = Instant::now();
        match meaning(first, now) {
            Meaning::Stop => {
                first = Some(now);
                let signal = if number == SIGINT { Signal::Interrupt } else { Signal::Terminate };
                // The place is free: this is the only send.
                let _ = sender.try_send(signal);
            }
            Meaning::Echo => {}
            Meaning::EndAtOnce => low_level::exit(128 + number),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Stop,
    Echo,
    EndAtOnce,
}

fn meaning(first: Option<Instant>, now: Instant) -> Meaning {
    match first {
        None => Meaning::Stop,
        Some(first) if now.duration_since(first) <= SAME_WISH => Meaning::Echo,
        Some(_) => Meaning::EndAtOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_arrives_as_a_message() {
        let stop = stop().unwrap();
        low_level::raise(SIGTERM).unwrap();
        assert_eq!(stop.signals().recv_timeout(Duration::from_secs(10)), Ok(Signal::Terminate));
    }

    #[test]
    fn an_echo_of_the_first_signal_is_ignored_and_a_later_one_ends_the_process() {
        let first = Instant::now();
        assert_eq!(meaning(None, first), Meaning::Stop);
        assert_eq!(meaning(Some(first), first + SAME_WISH), Meaning::Echo);
        assert_eq!(meaning(Some(first), first + SAME_WISH + Duration::from_millis(1)), Meaning::EndAtOnce);
    }
}
