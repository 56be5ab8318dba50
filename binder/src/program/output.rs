//! How answers are written: text for people, or one JSON object a line for programs.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::Failure;

/// What the user wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

/// Writes one line to standard output, at once.
pub(super) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes what is no answer, for people, to standard error.
pub(super) fn remark(text: &str) -> io::Result<()> {
    writeln!(io::stderr().lock(), "binder: {text}")
}

/// Writes why something failed, as [`rpc_program::exit`] does, where the program goes on.
pub(super) fn fail(error: &Failure) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{}", rpc_program::line("binder", error))
}

/// Writes one JSON object on a line of its own.
pub(super) fn json(object: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(object)?)
}

/// Writes many of them.
pub(super) fn json_lines(objects: &[impl Serialize]) -> io::Result<()> {
    let mut text = Vec::new();
    for object in objects {
        serde_json::to_writer(&mut text, object)?;
        text.push(b'\n');
    }
    io::stdout().lock().write_all(&text)
}

/// A time in its one or two largest units: `42s`, `5m 12s`, `3h 4m`, `2d 7h`.
pub(super) fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// A short time as a measurement: `0.214 ms`.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// Microseconds, for programs.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `1 procedure`, `2 procedures`.
pub(super) fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    format!("{number} {what}{}", if number == N::from(1) { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_largest_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (3_600, "1h 0m"), (180_000, "2d 2h")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
        assert_eq!(milliseconds(Duration::from_micros(214)), "0.214 ms");
        assert_eq!((count(1, "server"), count(2, "server")), ("1 server".into(), "2 servers".into()));
    }
}
