//! How a registration stands with each of its binders, and what it leaves behind.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::contract::LossReason;
use crate::error::BinderError;

/// How a registration stands with one binder, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// The binder's address.
    pub binder: String,
    /// How many procedures are still to be registered.
    pub missing: usize,
    /// The procedures that are left alone with this binder, in order.
    pub lost: Vec<(String, LostTo)>,
    /// How often this binder had forgotten what was registered, which is registered again then: it was restarted without a
    /// state file, or did not hear of the server for two leases.
    pub forgotten: u64,
    /// The last thing that went wrong, if something is missing or the binder does not answer: a
    /// [`BinderError::Status`] when it is not reached, else its refusal.
    pub trouble: Option<BinderError>,
}

/// For whom a procedure is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LostTo {
    /// Another server has registered it since.
    AnotherServer,
    /// An operator removed it.
    Operator,
    /// A later start of this server has it.
    LaterStart,
}

/// A registration has ended, and binders that could not be told may still have its procedures.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", texts(.remainders))]
pub struct StillRegistered {
    /// One for each such binder.
    pub remainders: Vec<Remainder>,
}

/// What a binder may still have of a registration that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remainder {
    /// The binder's address.
    pub binder: String,
    /// How many procedures.
    pub procedures: usize,
    /// Their lease: they are suspect so long after the binder last heard of the server, and gone after twice that. Zero if the
    /// binder never said.
    pub lease: Duration,
    /// Why it could not be told.
    pub why: BinderError,
}

impl fmt::Display for LostTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LostTo::AnotherServer => "another server has it now",
            LostTo::Operator => "an operator removed it",
            LostTo::LaterStart => "a later start of this server has it",
        })
    }
}

impl From<LossReason> for LostTo {
    fn from(why: LossReason) -> LostTo {
        match why {
            LossReason::Superseded { .. } => LostTo::AnotherServer,
            LossReason::Removed => LostTo::Operator,
        }
    }
}

impl fmt::Display for Remainder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remainder { binder, procedures, lease, why } = self;
        let stay = if *procedures == 1 { "procedure may stay" } else { "procedures may stay" };
        write!(f, "{procedures} {stay} with the binder at {binder} until their lease lapses")?;
        if !lease.is_zero() {
            let gone = lease.saturating_mul(2);
            write!(
                f,
                " (suspect {lease:?}, gone {gone:?} after it last heard of them, or after its next start)"
            )?;
        }
        write!(f, ", since it could not be told: {why}")
    }
}

fn texts(remainders: &[Remainder]) -> String {
    remainders.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use rpc_core::Status;

    use super::*;

    #[test]
    fn what_stays_behind_is_told_with_what_becomes_of_it() {
        let why = BinderError::Status(Status::unavailable("connection refused"));
        let remainder = |procedures, lease| {
            let binder = "127.0.0.1:5000".to_owned();
            Remainder { binder, procedures, lease, why: why.clone() }
        };
        let left = StillRegistered {
            remainders: vec![remainder(1, Duration::from_secs(15)), remainder(2, Duration::ZERO)],
        };
        assert_eq!(
            left.to_string(),
            format!(
                "1 procedure may stay with the binder at 127.0.0.1:5000 until their lease lapses (suspect 15s, gone 30s after it \
                 last heard of them, or after its next start), since it could not be told: {why}; 2 procedures may stay with \
                 the binder at 127.0.0.1:5000 until their lease lapses, since it could not be told: {why}"
            )
        );
    }
}
