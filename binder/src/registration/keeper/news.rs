//! What a keeper says: what is to be done now, and what is worth telling.

use std::time::Instant;

use rpc_core::Status;

use crate::error::BinderError;
use crate::name::ProcedureName;
use crate::registration::LostTo;

/// What to do now.
#[derive(Debug, PartialEq)]
pub(in crate::registration) enum Step {
    /// Register these.
    Register(Vec<ProcedureName>),
    /// Renew the lease.
    Renew,
    /// Say that these are about to end.
    Drain(Vec<ProcedureName>),
    /// Unregister these, which are lost, so that they are not told again.
    Acknowledge(Vec<ProcedureName>),
    /// Nothing before this time.
    Wait(Instant),
    /// Nothing ever: all is lost, or there was nothing to begin with.
    Rest,
}

/// What is worth telling, once.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::registration) enum News {
    /// The binder does not answer; it is asked on.
    Silent(Status),
    /// It answers again.
    Back,
    /// It has forgotten us; everything is registered again.
    Forgotten,
    /// It refuses a procedure.
    Refused(ProcedureName, BinderError),
    /// It knows a start with this higher number; ours comes behind it.
    Succeeds(u64),
    /// These are left alone from now on.
    Lost(LostTo, Vec<ProcedureName>),
    /// Everything wanted is registered, so many procedures.
    Complete(usize),
}
