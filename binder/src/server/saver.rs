//! The thread that keeps the state file.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::name_service::{NameService, Turn};
use crate::state::{StateError, StateFile};

/// Writes what has changed, a moment later. A disk that is full, or gone, stops nothing: it is told once and tried on.
#[derive(Debug)]
pub(super) struct Saver {
    file: StateFile,
    names: Arc<NameService>,
    /// The revision that is in the file.
    saved: u64,
}

impl Saver {
    /// Writes the file once: a binder that could never write it does not start.
    pub(super) fn begin(file: StateFile, names: Arc<NameService>) -> Result<Saver, StateError> {
        let (saved, state) = names.snapshot();
        file.save(&state).map_err(|source| file.unusable(source))?;
        names.savings().note(Ok(Instant::now()));
        Ok(Saver { file, names, saved })
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
        let outcome = match self.names.newer_snapshot(self.saved) {
            None => return SHORTEST_PAUSE,
            Some((number, state)) => self.file.save(&state).map(|()| self.saved = number),
        };
        let file = self.file.path().display();
        let outcome = outcome.map(|()| Instant::now()).map_err(|error| error.to_string());
        let why = outcome.as_ref().err().cloned().unwrap_or_default();
        match self.names.savings().note(outcome) {
            Turn::Failed => {
                tracing::error!("the state file {file} cannot be written, names are served on: {why}");
            }
            Turn::Mended => tracing::info!("the state file {file} is written again"),
            Turn::Same => {}
        }
        start.elapsed().saturating_mul(PAUSE_PER_WORK).max(SHORTEST_PAUSE)
    }
}

/// How old the file may be: what happened since is told again by the living.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// Writing takes one part in this many of the time at most, however large the state is.
const PAUSE_PER_WORK: u32 = 20;
