//! What a server offers, and what it is granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many servers may have a procedure at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One: the last to register has it.
    #[default]
    Exclusive,
    /// Many, which do the same and hold no state of their own.
    Shared,
}

/// One procedure that a server offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The procedure: 1 to 255 bytes of `A-Z`, `a-z`, `0-9`, `_`, `-`, `.` and `/`.
    pub name: String,
    /// An IP address or a host name; unspecified (`0.0.0.0`, `::`) means the one at which the binder sees the caller.
    pub address: String,
    /// The port, never 0.
    pub port: u16,
    /// Whether other servers may have the procedure too.
    pub mode: Mode,
    /// The server's share of the calls beside the others' weights, never 0.
    pub weight: u16,
    /// A version by the rules of semver.org, at most [`VERSION_BYTES`](crate::VERSION_BYTES).
    pub version: Option<String>,
    /// What else askers may want to know or choose by: at most [`METADATA_ENTRIES`](crate::METADATA_ENTRIES) and
    /// [`METADATA_BYTES`](crate::METADATA_BYTES) in all.
    pub metadata: BTreeMap<String, String>,
}

/// A procedure is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// This registration's number, higher than that of every earlier one; resources may refuse a holder with a lower one.
    /// Numbers compare on one binder with a state file only: without one they follow the machine's clock over a restart.
    pub epoch: u64,
    /// How long the lease lasts without a renewal.
    pub lease_ms: u64,
}

/// How often a procedure was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The procedure.
    pub name: String,
    /// Calls that were over within that time.
    pub calls: u64,
    /// The time up to now, never 0.
    pub within_ms: u64,
}

/// What became of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Renewal {
    /// It lasts again as long as at first.
    Renewed {
        /// How long that is.
        lease_ms: u64,
        /// Procedures that the caller does not hold any more. Told until they are unregistered.
        lost: Vec<Loss>,
    },
    /// The binder has no such lease, perhaps because it was restarted: register everything again.
    UnknownLease,
}

/// A procedure that its server holds no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The procedure.
    pub name: String,
    /// How it was lost.
    pub why: LossReason,
}

/// How a server lost a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossReason {
    /// Another server has taken it.
    Superseded {
        /// The other's registration.
        epoch: u64,
    },
    /// Somebody who looks after the binder removed it.
    Removed,
}

impl Offer {
    /// An exclusive procedure, with a weight of 1 and nothing else.
    pub fn new(name: impl Into<String>, address: impl Into<String>, port: u16) -> Offer {
        Offer {
            name: name.into(),
            address: address.into(),
            port,
            mode: Mode::Exclusive,
            weight: 1,
            version: None,
            metadata: BTreeMap::new(),
        }
    }
}
