//! The log of a program: lines on standard error, as many as `RUST_LOG` asks for.

use std::env;
use std::io::{self, IsTerminal};
use std::sync::Mutex;

pub use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Sends this process' log to standard error: what `RUST_LOG` names, and otherwise what is at least as important as
/// `default`.
///
/// Colours only on a terminal, and not where `NO_COLOR` is set. A second call, or a subscriber that somebody else has
/// set, changes nothing.
pub fn init(default: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(default.into()).from_env_lossy();
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(colours).with_env_filter(filter);
    // The one error is that a log stands already, which is then the one to keep.
    let _ = log.try_init();
}

/// As [`init`], to a place of the program's own: where a line is typed on the terminal, what writes above it.
pub fn init_to(default: LevelFilter, writer: impl io::Write + Send + 'static) {
    let filter = EnvFilter::builder().with_default_directive(default.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_writer(Mutex::new(writer)).with_ansi(false);
    // As above.
    let _ = log.with_env_filter(filter).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_initialisation_changes_nothing() {
        init(LevelFilter::INFO);
        init(LevelFilter::ERROR);
        assert_eq!(LevelFilter::current(), LevelFilter::INFO);
    }
}
