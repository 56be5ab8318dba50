//! What a server serves: procedures by name, arguments in, an outcome out.
//!
//! Written by [`#[service]`](macro@crate::service) for every trait it stands on; rarely by hand.

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use crate::codec;
use crate::status::Status;

/// One procedure as its trait declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Procedure {
    /// The name on the wire and in the binder: the method's name, or `prefix.method`. 1 to 255 bytes.
    pub name: &'static str,
    /// What may happen to a call whose answer was lost.
    pub repetition: Repetition,
    /// The method's documentation.
    pub doc: &'static str,
}

/// Whether a call that may have run can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Only a call that certainly did not run is tried again.
    Once,
    /// The trait marks the method `#[idempotent]`: running it twice is as good as once.
    Idempotent,
}

/// A set of procedures that a [`Server`](crate::Server) can serve.
pub trait Service: Send + Sync + 'static {
    /// The procedures, in the order of their numbers.
    fn procedures(&self) -> &'static [Procedure];

    /// Runs procedure `number` and hands its outcome to `reply`.
    ///
    /// # Errors
    /// A [`Status`] when the arguments do not decode, the outcome does not encode, or there is no such number.
    fn call(&self, number: usize, arguments: Arguments<'_>, reply: &mut Reply<'_>) -> Result<(), Status>;
}

/// The encoded arguments of one call.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    /// Arguments in their encoded form.
    pub fn new(bytes: &'a [u8]) -> Arguments<'a> {
        Arguments(bytes)
    }

    /// The arguments as a tuple of their types.
    ///
    /// # Errors
    /// `InvalidArgument` when the bytes are not such a tuple; the procedure did not run.
    pub fn decode<A: DeserializeOwned>(self) -> Result<A, Status> {
        codec::decode(self.0).map_err(|error| {
            Status::invalid_argument(format!("the arguments do not decode: {error}")).not_run()
        })
    }
}

/// Which of the two typed outcomes a reply holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The method's `Ok`.
    Returned,
    /// The method's own error.
    Failed,
}

/// Where a procedure's outcome goes.
#[derive(Debug)]
pub struct Reply<'a> {
    body: &'a mut Vec<u8>,
    outcome: Option<Outcome>,
}

impl<'a> Reply<'a> {
    /// A reply that appends its encoding to `body`.
    pub fn new(body: &'a mut Vec<u8>) -> Reply<'a> {
        Reply { body, outcome: None }
    }

    /// Takes what the method returned.
    ///
    /// # Errors
    /// `Internal` when the value refuses to be encoded.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the method's result ends here; callers have no use for it"
    )]
    pub fn finish<T: Serialize, E: Serialize>(&mut self, result: Result<T, E>) -> Result<(), Status> {
        let (outcome, encoded) = match &result {
            Ok(value) => (Outcome::Returned, codec::encode(value, self.body)),
            Err(error) => (Outcome::Failed, codec::encode(error, self.body)),
        };
        encoded.map_err(|error| Status::internal(format!("the reply does not encode: {error}")))?;
        self.outcome = Some(outcome);
        Ok(())
    }

    /// The outcome taken, if any.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }
}
