//! Questions and their answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Entry, Revision};

/// The most entries in one answer of [`Binder::list`](super::Binder::list), and targets in one call.
pub const PAGE: usize = 1_000;

/// Which servers of a procedure are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The procedure.
    pub name: String,
    /// A requirement of versions as Cargo writes them (`1.2`, `>=1.2, <2`); a server without a version meets none.
    pub version: Option<String>,
    /// Metadata that a server has, each key with this value.
    pub metadata: BTreeMap<String, String>,
}

/// The servers of a procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// At least one; all of the same state, and within reach.
    pub entries: Vec<Entry>,
    /// How long the answer may be used without asking again.
    pub max_age_ms: u64,
    /// As of when: where to watch from.
    pub revision: Revision,
}

/// Where a procedure is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// An IP address, or a host name as its server registered it.
    pub address: String,
    /// The port, never 0.
    pub port: u16,
    /// How long the answer may be used without asking again.
    pub max_age_ms: u64,
    /// The registration's epoch.
    pub epoch: u64,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What the names begin with; empty for all.
    pub prefix: String,
    /// Metadata that a server has, each key with this value.
    pub metadata: BTreeMap<String, String>,
    /// Where the page before ended; `None` from the start.
    pub after: Option<Cursor>,
    /// The most entries; [`PAGE`] if it is 0 or more than that.
    pub limit: u32,
}

/// A part of what is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// In order. May be empty although more come: a page also ends after a bounded search.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` behind the last one.
    pub next: Option<Cursor>,
    /// As of when.
    pub revision: Revision,
}

/// A place in the order of all registrations: behind this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The procedure.
    pub name: String,
    /// The registration.
    pub epoch: u64,
}

/// Exactly one registration: one that came to its place later has another epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The procedure.
    pub name: String,
    /// The registration.
    pub epoch: u64,
}
