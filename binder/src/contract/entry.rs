//! A registration as others see it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Mode;

/// What the binder thinks of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its server is heard of.
    Live,
    /// Its server is about to end, and still answers.
    Draining,
    /// Its server was not heard of for a whole lease. It goes after one more.
    Suspect,
}

/// A registration, as of when it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The procedure's name.
    pub name: String,
    /// Its address as the asker can reach it; as registered where he cannot.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Why the asker cannot reach it; `None` where nothing speaks against it.
    pub out_of_reach: Option<String>,
    /// Whether it is to be called.
    pub state: State,
    /// Whether other servers may have the procedure too.
    pub mode: Mode,
    /// The registration's epoch, which no other registration ever has.
    pub epoch: u64,
    /// The server process: a hash of its id, or its place if it has none. One process has a procedure once.
    pub instance: String,
    /// That process' start, in milliseconds since the Unix epoch; 0 if it did not say.
    pub incarnation: u64,
    /// Its share of the calls.
    pub weight: u16,
    /// Its version.
    pub version: Option<String>,
    /// What else it says of itself.
    pub metadata: BTreeMap<String, String>,
    /// For how long it has been registered.
    pub age_ms: u64,
    /// How long the lease lasts without a renewal.
    pub lease_ms: u64,
    /// How much of it is left; 0 when it is suspect.
    pub lease_left_ms: u64,
    /// How often the server was called for it lately; `None` if it does not say. A watcher is not told of its changes.
    pub calls_per_minute: Option<u64>,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Live => "live",
            State::Draining => "draining",
            State::Suspect => "suspect",
        })
    }
}
