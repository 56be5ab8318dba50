//! What a binder offers, and what travels in its answers.
//!
//! `register_procedure` and `lookup_procedure` are all that a client in another language needs; they are short for
//! `register` and `lookup`. Who registers travels as metadata beside the call: an instance and its incarnation, a wished
//! lease, a token. Times are whole milliseconds, so that they read the same in every encoding.

use rpc_core::Stream;

use crate::error::BinderError;

mod entry;
mod offer;
mod query;
mod stats;
mod watch;

pub use entry::{Entry, State};
pub use offer::{Granted, Load, Loss, LossReason, Mode, Offer, Renewal};
pub use query::{Cursor, Found, Location, PAGE, Page, Query, Question, Target};
pub use stats::{Alarm, Counters, Saving, Stats};
pub use watch::{Change, Departure, Gone, Notice, Revision, Scope};

/// A name service: procedures register under leases, clients look them up.
#[rpc_core::service]
pub trait Binder {
    /// Registers a procedure at an address and port, or renews it there; exclusive: the last one wins.
    ///
    /// [`register`](Binder::register) with [`Offer::new`].
    ///
    /// # Errors
    /// As those of `register`.
    fn register_procedure(
        &self,
        procedure_name: String,
        address: String,
        port: u16,
    ) -> Result<Granted, BinderError>;

    /// Where a procedure is served, as the caller can reach it: one of the servers that [`lookup`](Binder::lookup)
    /// answers, by chance and weight.
    ///
    /// # Errors
    /// As those of `lookup`.
    #[idempotent]
    fn lookup_procedure(&self, procedure_name: String) -> Result<Location, BinderError>;

    /// Registers a procedure, or renews it.
    ///
    /// One lease covers all procedures of an instance ([`INSTANCE_KEY`](crate::INSTANCE_KEY)); registering renews it. Who
    /// takes an exclusive procedure from another ends that registration, and the other learns it at his next renewal. Who had
    /// it before, and finds it forgotten, says so ([`CLAIM_KEY`](crate::CLAIM_KEY)), and does not take it from a later one. Who
    /// lost it on this start and was not told is refused it, so that a call may be repeated; he has it again when he has said
    /// that he knows ([`unregister`](Binder::unregister)).
    ///
    /// # Errors
    /// When the name, the address or what is offered breaks a rule, a limit is reached, the caller's token does not allow
    /// it, a later start of the instance is known, another server has taken since what the caller had, an operator removed it
    /// lately, or living servers hold the procedure in the other [`Mode`].
    fn register(&self, offer: Offer) -> Result<Granted, BinderError>;

    /// Renews the caller's lease, and with it all his procedures.
    ///
    /// What a former start of the instance had registered, and this one has not by now, goes.
    ///
    /// # Errors
    /// When the call names no instance, or a later start of it is known.
    #[idempotent]
    fn renew(&self) -> Result<Renewal, BinderError>;

    /// Removes those of these procedures that the caller holds, and forgets that he lost the others.
    ///
    /// # Errors
    /// When a name breaks a rule, there are more names than one lease covers, or the call names no instance.
    #[idempotent]
    fn unregister(&self, procedure_names: Vec<String>) -> Result<(), BinderError>;

    /// Says that the caller will end soon: those of these procedures that he holds are told to nobody who has a choice.
    ///
    /// It lasts as long as these registrations, or until his operator calls [`resume`](Binder::resume).
    ///
    /// # Errors
    /// As those of [`unregister`](Binder::unregister).
    #[idempotent]
    fn drain(&self, procedure_names: Vec<String>) -> Result<(), BinderError>;

    /// The servers of a procedure: those that live; if none, those that drain; if none, those that are suspect.
    ///
    /// # Errors
    /// [`BinderError::NotRegistered`]; [`BinderError::NoMatch`] when nobody is what the question wants;
    /// [`BinderError::OutOfReach`] when the caller has no way to any of them.
    #[idempotent]
    fn lookup(&self, question: Question) -> Result<Found, BinderError>;

    /// A page of what is registered, by name, and by age under one name.
    ///
    /// # Errors
    /// When the caller's token does not allow it.
    #[idempotent]
    fn list(&self, query: Query) -> Result<Page, BinderError>;

    /// What changes in this scope from now on, with all that is there first.
    ///
    /// A caller who has seen everything up to a [`Revision`] names it, and gets what came after it if the binder
    /// remembers, else everything again ([`Change::Reset`]); one notice comes at once, though it may be empty. Who takes
    /// less than is sent, for too long, finds his stream ended with `ResourceExhausted`, and watches again from the last
    /// revision that he knows.
    ///
    /// # Errors
    /// When the scope breaks a rule, too many watch already, or the caller's token does not allow it.
    fn watch(&self, scope: Scope, seen: Option<Revision>) -> Result<Stream<Notice>, BinderError>;

    /// Says how often the caller's procedures were called lately, for people to see; after each renewal, since it stands for
    /// [`HEARD_WITHIN`](crate::HEARD_WITHIN). What he does not hold is passed over.
    ///
    /// # Errors
    /// As those of [`unregister`](Binder::unregister).
    #[idempotent]
    fn report(&self, loads: Vec<Load>) -> Result<(), BinderError>;

    /// Drains registrations from outside; the answer has those that were there.
    ///
    /// # Errors
    /// When there are more than [`PAGE`] targets, or the caller's token does not allow one of them.
    #[idempotent]
    fn drain_targets(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError>;

    /// Takes back that registrations drain; the answer has those that were there.
    ///
    /// # Errors
    /// As those of [`drain_targets`](Binder::drain_targets).
    #[idempotent]
    fn resume(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError>;

    /// Removes registrations, whoever holds them; the answer has those that were there. The start of the instance that held
    /// one is told at its renewals, and refused it for [`REMOVED_FOR`](crate::REMOVED_FOR); one that sends no id is not.
    ///
    /// # Errors
    /// As those of [`drain_targets`](Binder::drain_targets).
    #[idempotent]
    fn remove(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError>;

    /// Removes those of these registrations that are suspect at that very moment, as [`remove`](Binder::remove) does; the
    /// answer has them. A server that is back in time keeps its own.
    ///
    /// # Errors
    /// As those of [`drain_targets`](Binder::drain_targets).
    #[idempotent]
    fn remove_suspects(&self, targets: Vec<Target>) -> Result<Vec<Target>, BinderError>;

    /// How the binder is.
    ///
    /// # Errors
    /// When the caller's token does not allow it.
    #[idempotent]
    fn stats(&self) -> Result<Stats, BinderError>;
}
