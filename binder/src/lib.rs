//! A name service for rpc-core: servers register their procedures under leases, clients look them up.
//!
//! [`BinderServer`] is the service, embeddable; [`Registration`] keeps a server's procedures registered for as long as
//! it lives; [`Resolver`] finds procedures for an [`rpc_core::Client`] and outlives a dead binder. The state is soft:
//! whatever a binder forgets, the living tell it again within a third of a lease.
#![warn(missing_docs)]

mod contract;
mod error;

mod address;
mod identity;
mod name;
mod registry;

mod name_service;
mod server;

mod registration;
mod resolver;

pub use address::{ADDRESS_BYTES, AddressError};
pub use contract::{
    Binder, BinderClient, BinderService, BinderStart, Entry, Granted, Location, PAGE, Renewal,
};
pub use error::BinderError;
pub use identity::{INCARNATION_KEY, INSTANCE_KEY, IdentityError};
pub use name::{NAME_BYTES, NameError};
pub use registration::{NotYetRegistered, Registration, RegistrationError};
pub use registry::{
    DEFAULT_LEASE, LONGEST_LEASE, NAMES, NAMES_PER_LEASE, PAUSE_SHARE, SHORTEST_LEASE, Terms,
};
pub use resolver::{REFUSED_FOR, Resolver, STALE_FOR};
pub use server::BinderServer;

/// Where a binder listens unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";
