//! What a watcher is told.

use serde::{Deserialize, Serialize};

use super::Entry;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One procedure.
    Name(String),
    /// These procedures, at most [`PAGE`](crate::PAGE).
    Names(Vec<String>),
    /// All whose names begin with this; empty for all there are.
    Prefix(String),
}

/// A state of what is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Revision {
    /// Which start of which binder counts.
    pub binder: u64,
    /// Grows by one with each change of anything.
    pub number: u64,
}

/// Some changes, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What changed.
    pub changes: Vec<Change>,
    /// With these changes the watcher knows the whole scope as of this revision; `None` while more of them follow.
    pub revision: Option<Revision>,
}

/// One change of what is registered. A watcher knows each registration by its name and instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// All there is follows: forget what was told before.
    Reset {
        /// How long the binder has run: a young one may not know every living server yet.
        binder_age_ms: u64,
        /// The age at which it does: its lease, or [`HEARD_WITHIN`](crate::HEARD_WITHIN) if that is longer.
        lease_ms: u64,
    },
    /// It was not there before.
    Added(Entry),
    /// Its address, state, weight, version, metadata or epoch is another one now.
    Changed(Entry),
    /// It is gone.
    Removed(Gone),
}

/// A registration that is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The procedure.
    pub name: String,
    /// The server process that had it.
    pub instance: String,
    /// The registration.
    pub epoch: u64,
    /// How it ended.
    pub why: Departure,
}

/// How a registration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Departure {
    /// Its server took it out.
    Unregistered,
    /// Its server was not heard of for two leases.
    Expired,
    /// Another server has the procedure now.
    Superseded,
    /// Its server has been started again, and does not serve it any more.
    Restarted,
    /// Somebody who looks after the binder removed it.
    Removed,
}

impl Scope {
    /// Whether a name belongs to it.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Scope::Name(wanted) => name == wanted,
            Scope::Names(wanted) => wanted.iter().any(|wanted| wanted == name),
            Scope::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}
