//! How a binder is, for people who look after it.

use serde::{Deserialize, Serialize};

use super::Revision;

/// A binder's size and health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// The program's version.
    pub version: String,
    /// For how long it has run.
    pub uptime_ms: u64,
    /// What is registered now, as a number.
    pub revision: Revision,
    /// Procedures that somebody serves.
    pub names: u64,
    /// Registrations, of all states.
    pub registrations: u64,
    /// Leases: server processes that hold a registration.
    pub leases: u64,
    /// Those that were not heard of for a whole lease.
    pub suspect_leases: u64,
    /// Watchers.
    pub watchers: u64,
    /// How often it was asked since it started.
    pub counters: Counters,
    /// So many servers fell silent at once that none is given up for now.
    pub alarm: Option<Alarm>,
    /// How the state file is; `None` without one.
    pub saving: Option<Saving>,
}

impl Stats {
    /// What anybody may know of it: nothing of where the machine's files are.
    pub(crate) fn without_paths(mut self) -> Stats {
        if let Some(saving) = &mut self.saving {
            saving.file = None;
        }
        self
    }
}

/// Calls since the binder started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// `lookup` and `lookup_procedure`.
    pub lookups: u64,
    /// `register` and `register_procedure`.
    pub registrations: u64,
    /// `renew`.
    pub renewals: u64,
    /// Registrations that have gone because their servers were not heard of.
    pub expired: u64,
}

/// The guard against mass expiry is on: suspects stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// For how long it has been on.
    pub since_ms: u64,
    /// After what time it goes off by itself.
    pub ends_in_ms: u64,
    /// What happened, what it means, and the way out.
    pub sentence: String,
}

/// How the state file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saving {
    /// The file; `None` for who is on another machine and has shown neither a token nor a certificate.
    pub file: Option<String>,
    /// How long ago it was written with success; `None` if not since the start.
    pub saved_ms_ago: Option<u64>,
    /// Why it cannot be written now.
    pub trouble: Option<String>,
    /// In what time it is tried again, where it could not be written.
    pub retry_in_ms: Option<u64>,
}
