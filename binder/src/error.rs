//! Why a call to the binder failed.

use rpc_core::Status;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access::AccessError;
use crate::address::AddressError;
use crate::contract::Mode;
use crate::features::FeatureError;
use crate::identity::IdentityError;
use crate::name::NameError;

/// A binder's refusal, or the failure of the call itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum BinderError {
    /// The name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The address breaks a rule.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The weight, version or metadata breaks a rule.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// The identity beside the call is missing or broken.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The caller's token is missing, unknown, or does not allow this.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Nobody serves the procedure.
    #[error("no procedure named {name} is registered{}", remark(*.binder_age_ms, *.lease_ms))]
    NotRegistered {
        /// The procedure.
        name: String,
        /// How long the binder has run: a young one may not know every living server yet.
        binder_age_ms: u64,
        /// The age at which it does: its lease, or [`HEARD_WITHIN`](crate::HEARD_WITHIN) if that is longer.
        lease_ms: u64,
    },
    /// Nobody who serves the procedure is what was wanted.
    #[error("none of the {servers} servers of {name} has the version and metadata that are wanted")]
    NoMatch {
        /// The procedure.
        name: String,
        /// How many serve it.
        servers: u64,
    },
    /// Living servers hold the procedure in the other mode.
    #[error("{}", other_mode(.name, *.held))]
    OtherMode {
        /// The procedure.
        name: String,
        /// How they hold it.
        held: Mode,
    },
    /// The procedure is served where the asker has no way to.
    #[error("{name} is registered at {address}, which you cannot use: {why}")]
    OutOfReach {
        /// The procedure.
        name: String,
        /// The address as its server registered it.
        address: String,
        /// The reason, and what to do.
        why: String,
    },
    /// A later start of the same instance is registered: the caller is its ghost.
    #[error(
        "this instance has been started again since (incarnation {later}, this call is from {incarnation})"
    )]
    Restarted {
        /// The caller's incarnation.
        incarnation: u64,
        /// The one that is registered.
        later: u64,
    },
    /// One lease covers too many names.
    #[error("one lease covers at most {limit} names, and this one has that many")]
    LeaseFull {
        /// The limit.
        limit: u64,
    },
    /// A procedure has too many servers.
    #[error("one procedure has at most {limit} servers, and this one has that many")]
    NameFull {
        /// The limit.
        limit: u64,
    },
    /// One call names too much.
    #[error("one call names at most {limit} {what}, this one names {count}")]
    TooMany {
        /// The limit.
        limit: u64,
        /// What is named.
        what: String,
        /// How many.
        count: u64,
    },
    /// The binder has no room.
    #[error("the binder holds at most {limit} registrations, and has that many")]
    BinderFull {
        /// The limit.
        limit: u64,
    },
    /// The call did not reach the binder, or ended early.
    #[error(transparent)]
    Status(#[from] Status),
    /// Another server has taken the procedure since the caller did, who claims it again.
    #[error("{name} was taken over by another server since (epoch {epoch})")]
    Superseded {
        /// The procedure.
        name: String,
        /// The other's registration.
        epoch: u64,
    },
    /// An operator removed this start's registration of the procedure a while ago.
    #[error(
        "{name} was removed from the binder, which refuses it to this start of its server for {} s: start the server again",
        left_ms.div_ceil(1000)
    )]
    Removed {
        /// The procedure.
        name: String,
        /// For how long it is refused.
        left_ms: u64,
    },
}

impl BinderError {
    /// Whether the binder answered that nobody serves the procedure, but has not run for long enough to be sure.
    pub(crate) fn is_unsure(&self) -> bool {
        matches!(self, BinderError::NotRegistered { binder_age_ms, lease_ms, .. } if binder_age_ms < lease_ms)
    }
}

fn other_mode(name: &str, held: Mode) -> String {
    match held {
        Mode::Exclusive => format!(
            "{name} is held by one server alone, which lives: it must leave, or register it as shared too, before \
             others may share it"
        ),
        Mode::Shared => format!(
            "{name} is shared by servers that live: they must leave before one may have it alone, or register it as \
             shared"
        ),
    }
}

fn remark(binder_age_ms: u64, lease_ms: u64) -> String {
    if binder_age_ms >= lease_ms {
        return String::new();
    }
    format!(
        " (the binder started {} s ago; servers that run come back within {} s)",
        binder_age_ms / 1000,
        lease_ms.div_ceil(1000)
    )
}
