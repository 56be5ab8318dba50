//! A name service for rpc-core: servers register their procedures under leases, clients look them up.
//!
//! [`BinderServer`] is the service, embeddable; [`Registration`] keeps a server's procedures registered for as long as
//! it lives; [`Resolver`] finds procedures for an [`rpc_core::Client`] and outlives a dead binder. The state is soft:
//! whatever a binder forgets, the living tell it again within a third of a lease.
#![warn(missing_docs)]

mod contract;
mod error;

mod access;
mod address;
mod binders;
mod features;
mod identity;
mod name;
mod registry;
mod selection;
mod state;

mod name_service;
mod server;

mod meter;
mod page;

mod registration;
mod resolver;

pub use access::{
    Access, AccessError, Lookups, Rights, TOKEN_FILE_BYTES, TOKEN_KEY, TOKEN_LONGEST, TOKEN_SHORTEST, Token,
    TokenError, TokenFileError, Tokens,
};
pub use address::{ADDRESS_BYTES, AddressError};
pub use binders::{BINDERS, Binders, BindersError};
pub use contract::{
    Alarm, Binder, BinderClient, BinderService, BinderStart, Change, Counters, Cursor, Departure, Entry,
    Found, Gone, Granted, Load, Location, Loss, LossReason, Mode, Notice, Offer, PAGE, Page, Query, Question,
    Renewal, Revision, Saving, Scope, State, Stats, Target,
};
pub use error::BinderError;
pub use features::{FeatureError, METADATA_BYTES, METADATA_ENTRIES, METADATA_KEY_BYTES, VERSION_BYTES};
pub use identity::{CLAIM_KEY, INCARNATION_KEY, INSTANCE_KEY, IdentityError, InstanceId, LEASE_KEY};
pub use meter::BinderMeter;
pub use name::{NAME_BYTES, NameError};
pub use page::PageServer;
pub use registration::{
    CallCounts, LostTo, NotYetRegistered, Registration, RegistrationError, RegistrationOptions, Remainder,
    Retirement, Standing, StillRegistered,
};
pub use registry::{
    DEFAULT_LEASE, GUARD_LEASES, GUARD_TIME, HEARD_WITHIN, LONGEST_LEASE, NAMES_PER_LEASE, PAUSE_SHARE,
    REGISTRATIONS, REMOVED_FOR, SERVERS_PER_NAME, SHORTEST_LEASE, SHORTEST_WISH, Terms,
};
pub use resolver::{REFUSED_FOR, REJECTED_FOR, Resolver, ResolverOptions, STALE_FOR};
pub use server::{BinderOptions, BinderServer, StartError};
pub use state::{Damaged, StateError};

/// Where a binder listens unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

/// Runs the program in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
