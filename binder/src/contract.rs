//! What a binder offers, and what travels in its answers.
//!
//! `register_procedure` and `lookup_procedure` are all that a client in another language needs. Times are whole
//! milliseconds, so that they read the same in every encoding.

use serde::{Deserialize, Serialize};

use crate::error::BinderError;

/// The most entries in one answer of [`Binder::list`].
pub const PAGE: usize = 1_000;

/// A name service: procedures register under leases, clients look them up.
#[rpc_core::service]
pub trait Binder {
    /// Registers a procedure at an address and port, or renews it there.
    ///
    /// Exclusive: the last one wins, and the former holder learns it at his next renewal. One lease covers all
    /// procedures of an instance ([`INSTANCE_KEY`](crate::INSTANCE_KEY)); registering renews it. An unspecified address
    /// (`0.0.0.0`, `::`) means the one at which the binder sees the caller.
    ///
    /// # Errors
    /// When the name or address breaks a rule, a limit is reached, or a later start of the instance is known.
    fn register_procedure(
        &self,
        procedure_name: String,
        address: String,
        port: u16,
    ) -> Result<Granted, BinderError>;

    /// Where a procedure is served, as the caller can reach it.
    ///
    /// # Errors
    /// [`BinderError::NotRegistered`], or [`BinderError::OutOfReach`] when the caller has no way to it.
    #[idempotent]
    fn lookup_procedure(&self, procedure_name: String) -> Result<Location, BinderError>;

    /// Renews the caller's lease, and with it all his procedures.
    ///
    /// # Errors
    /// When the call names no instance, or a later start of it is known.
    #[idempotent]
    fn renew(&self) -> Result<Renewal, BinderError>;

    /// Removes those of these procedures that the caller holds, and forgets that he lost the others.
    ///
    /// # Errors
    /// When a name breaks a rule or the call names no instance.
    fn unregister(&self, procedure_names: Vec<String>) -> Result<(), BinderError>;

    /// The first [`PAGE`] registered procedures whose names sort behind `after` (empty: from the start), by name.
    ///
    /// # Errors
    /// Only those of the call itself.
    #[idempotent]
    fn list(&self, after: String) -> Result<Vec<Entry>, BinderError>;
}

/// A procedure is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Grows each time the name changes hands; resources may refuse a holder with a lower one.
    pub epoch: u64,
    /// How long the lease lasts without a renewal.
    pub lease_ms: u64,
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

/// What became of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Renewal {
    /// It lasts again as long as at first.
    Renewed {
        /// How long that is.
        lease_ms: u64,
        /// Procedures of the caller that another instance has taken. Told until they are unregistered.
        superseded: Vec<String>,
    },
    /// The binder has no such lease, perhaps because it was restarted: register everything again.
    UnknownLease,
}

/// A registered procedure, for people who look after a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The procedure's name.
    pub name: String,
    /// Its address as the asker can reach it; as registered where he cannot.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// For how long this holder has it.
    pub age_ms: u64,
    /// How long the lease lasts from now.
    pub lease_left_ms: u64,
    /// The registration's epoch.
    pub epoch: u64,
    /// A part of the holder's instance id; its place if it has no id.
    pub instance: String,
    /// The holder's start, in milliseconds since the Unix epoch; 0 if it did not say.
    pub incarnation: u64,
}
