//! How the state file is, for who asks.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::contract::Saving;
use crate::registry::millis;

/// What came of the last attempts to write the state file; nothing without one. The lock guards plain data.
#[derive(Debug, Default)]
pub(crate) struct Savings(Option<(PathBuf, Mutex<Attempts>)>);

#[derive(Debug, Default)]
struct Attempts {
    saved: Option<Instant>,
    trouble: Option<Trouble>,
}

/// An attempt that failed.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) why: String,
    /// When it is tried again.
    pub(crate) retry_at: Instant,
}

/// What an attempt changed, worth telling once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing: it went like the one before.
    Same,
    /// It failed, and the one before had not.
    Failed,
    /// It went well, and the one before had not.
    Mended,
}

impl Savings {
    /// Of this file.
    pub(crate) fn of(file: PathBuf) -> Savings {
        Savings(Some((file, Mutex::default())))
    }

    /// Takes what came of an attempt.
    pub(crate) fn note(&self, outcome: Result<Instant, Trouble>) -> Turn {
        let Some((_, attempts)) = &self.0 else { return Turn::Same };
        let mut attempts = lock(attempts);
        let failed_before = attempts.trouble.is_some();
        match outcome {
            Ok(now) => {
                *attempts = Attempts { saved: Some(now), trouble: None };
                if failed_before { Turn::Mended } else { Turn::Same }
            }
            Err(trouble) => {
                attempts.trouble = Some(trouble);
                if failed_before { Turn::Same } else { Turn::Failed }
            }
        }
    }

    pub(super) fn read(&self) -> Option<Saving> {
        let (file, attempts) = self.0.as_ref()?;
        let attempts = lock(attempts);
        Some(Saving {
            file: Some(file.display().to_string()),
            saved_ms_ago: attempts.saved.map(|saved| millis(saved.elapsed())),
            trouble: attempts.trouble.as_ref().map(|trouble| trouble.why.clone()),
            retry_in_ms: attempts
                .trouble
                .as_ref()
                .map(|trouble| millis(trouble.retry_at.saturating_duration_since(Instant::now()))),
        })
    }
}

fn lock(attempts: &Mutex<Attempts>) -> MutexGuard<'_, Attempts> {
    attempts.lock().unwrap_or_else(PoisonError::into_inner)
}
