//! The server's log: lines for whoever prints them, who may be slow.

use crossbeam_channel::{Sender, TrySendError};

/// Writes to a channel and never waits: the chat does not stop because nobody reads the log.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Sender<String>,
    left_out: u64,
}

impl Log {
    pub(crate) fn to(lines: Sender<String>) -> Log {
        Log { lines, left_out: 0 }
    }

    /// Adds a line, or leaves it out when the reader is behind by as many as the channel holds. That is told afterwards.
    pub(crate) fn note(&mut self, line: String) {
        match self.lines.try_send(line) {
            Ok(()) if self.left_out > 0 => {
                tracing::warn!("the log was not read in time: {} lines are missing", self.left_out);
                self.left_out = 0;
            }
            Err(TrySendError::Full(_)) => self.left_out += 1,
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        }
    }
}
