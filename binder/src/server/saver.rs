//! The thread that keeps the state file.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::name_service::{NameService, Trouble, Turn};
use crate::state::{StateError, StateFile};

/// Writes what has changed, a moment later. A disk that is full, or gone, stops nothing: it is told once and
/// tried on, ever more rarely.
#[derive(Debug)]
pub(super) struct Saver {
    file: StateFile,
    names: Arc<NameService>,
    /// The revision that is in the file.
    saved: u64,
    /// The pause after the next failure.
    retry: Duration,
}

impl Saver {
    /// Writes the file once: a binder that could never write it does not start.
    pub(super) fn begin(file: StateFile, names: Arc<NameService>) -> Result<Saver, StateError> {
        let (saved, state) = names.snapshot();
        file.save(&state).map_err(|source| file.unusable(source))?;
        names.savings().note(Ok(Instant::now()));
        Ok(Saver { file, names, saved, retry: FIRST_RETRY })
    }

    pub(super) fn run(mut self, closed: &Receiver<Infallible>) {
        let mut pause = SHORTEST_PAUSE;
        while closed.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            pause = self.save();
        }
        self.save();
    }

    /// Writes what is new, if anything is; how long to do nothing then.
    fn save(&mut self) -> Duration {
        let start = Instant::now();
        let Some((number, snapshot)) = self.names.newer_snapshot(self.saved) else { return SHORTEST_PAUSE };
        match self.file.save(&snapshot) {
            Ok(()) => {
                (self.saved, self.retry) = (number, FIRST_RETRY);
                if self.names.savings().note(Ok(Instant::now())) == Turn::Mended {
                    tracing::info!("the state file {} is written again", self.file.path().display());
                }
                start.elapsed().saturating_mul(PAUSE_PER_WORK).max(SHORTEST_PAUSE)
            }
            Err(error) => {
                let pause = self.retry;
                self.retry = LONGEST_RETRY.min(pause * 2);
                self.fail(&error.to_string(), pause);
                pause
            }
        }
    }

    fn fail(&self, why: &str, pause: Duration) {
        let trouble = Trouble { why: why.to_owned(), retry_at: Instant::now() + pause };
        if self.names.savings().note(Err(trouble)) == Turn::Failed {
            let file = self.file.path().display();
            tracing::error!("the state file {file} cannot be written, names are served on: {why}");
        }
    }
}

/// How old the file may be: what happened since is told again by the living.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// Writing takes one part in this many of the time at most, however large the state is.
const PAUSE_PER_WORK: u32 = 20;
/// The pause after a first failure; each further one doubles it, since a disk that is full is not freed by being written to.
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// The longest pause: an operator who has made room need not wait longer.
const LONGEST_RETRY: Duration = Duration::from_secs(30);
