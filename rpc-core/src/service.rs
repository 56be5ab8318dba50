//! What a server serves: procedures by name, arguments in, an outcome out.
//!
//! Written by [`#[service]`](macro@crate::service) for every trait it stands on; rarely by hand.

mod procedure;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

pub use self::procedure::{Kind, Parameter, Passage, Procedure, Repetition, Shape};
use crate::codec::Encoding;
pub use crate::codec::Payload;
pub use crate::outcome::Outcome;
use crate::status::Status;
use crate::stream::{Attached, Inlet, Stream, Wire};

/// A set of procedures that a [`Server`](crate::Server) can serve.
pub trait Service: Send + Sync + 'static {
    /// What it is called in lists and where its health is asked for: its trait's prefix, or else the trait's name.
    fn name(&self) -> &'static str {
        ""
    }

    /// The procedures, in the order of their numbers.
    fn procedures(&self) -> &'static [Procedure];

    /// Runs procedure `number` and hands its outcome to `reply`.
    ///
    /// # Errors
    /// A [`Status`] when the arguments do not decode, the outcome does not encode, or there is no such number.
    fn call(&self, number: usize, arguments: Arguments<'_>, reply: &mut Reply<'_>) -> Result<(), Status>;
}

/// The arguments of one call: encoded values, and a stream where the method takes one.
#[derive(Clone)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    /// Whose they are, if they may come by name.
    procedure: Option<&'static Procedure>,
    input: Option<Input>,
}

/// The stream that comes with a call.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) wire: Wire,
    pub(crate) inlet: Arc<Inlet>,
}

impl<'a> Arguments<'a> {
    /// Arguments in bincode, without a stream.
    pub fn new(bytes: &'a [u8]) -> Arguments<'a> {
        Arguments { bytes, encoding: Encoding::Bincode, procedure: None, input: None }
    }

    /// Arguments of a call to `procedure`.
    pub(crate) fn of(
        procedure: &'static Procedure,
        bytes: &'a [u8],
        encoding: Encoding,
        input: Option<Input>,
    ) -> Arguments<'a> {
        Arguments { bytes, encoding, procedure: Some(procedure), input }
    }

    /// How they are written, and so their answer is.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How long the encoded values are.
    pub(crate) fn byte_length(&self) -> usize {
        self.bytes.len()
    }

    /// The arguments as a tuple of their types, the stream aside.
    ///
    /// # Errors
    /// `InvalidArgument` when the bytes are not such a tuple; the procedure did not run.
    pub fn decode<A: DeserializeOwned>(self) -> Result<A, Status> {
        let names = self.procedure.into_iter().flat_map(Procedure::values);
        self.encoding.decode_arguments(self.bytes, names).map_err(|error| {
            Status::invalid_argument(format!("the arguments do not decode: {error}")).not_run()
        })
    }

    /// The stream that the caller sends. It can be taken once in effect: two consumers would share its items.
    ///
    /// # Errors
    /// `InvalidArgument` when the call came without one.
    pub fn stream<I: DeserializeOwned>(&self) -> Result<Stream<I>, Status> {
        let input = self.input.clone();
        let Input { wire, inlet } =
            input.ok_or_else(|| Status::invalid_argument("the call came without its stream").not_run())?;
        Ok(Stream::wired(wire, inlet, self.encoding))
    }
}

impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({} bytes)", self.bytes.len())
    }
}

/// Where a procedure's outcome goes.
pub struct Reply<'a> {
    body: &'a mut Payload,
    encoding: Encoding,
    outcome: Option<Outcome>,
    output: Option<Output>,
}

/// A stream that waits for the connection it will go to.
pub(crate) type Output = Box<dyn FnOnce(Wire) -> Attached + Send>;

impl<'a> Reply<'a> {
    /// A reply that appends its outcome, in bincode, to `body`.
    pub fn new(body: &'a mut Payload) -> Reply<'a> {
        Reply::written(Encoding::Bincode, body)
    }

    /// A reply that appends its outcome, so written, to `body`.
    pub(crate) fn written(encoding: Encoding, body: &'a mut Payload) -> Reply<'a> {
        Reply { body, encoding, outcome: None, output: None }
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
            Ok(value) => (Outcome::Returned, self.encoding.encode(value, self.body)),
            Err(error) => (Outcome::Failed, self.encoding.encode(error, self.body)),
        };
        encoded.map_err(|error| Status::internal(format!("the reply does not encode: {error}")))?;
        self.outcome = Some(outcome);
        Ok(())
    }

    /// Takes what a method that returns a stream returned.
    ///
    /// # Errors
    /// `Internal` when the method's error refuses to be encoded.
    pub fn finish_stream<O, E>(&mut self, result: Result<Stream<O>, E>) -> Result<(), Status>
    where
        O: Serialize + Send + 'static,
        E: Serialize,
    {
        match result {
            Ok(stream) => {
                let encoding = self.encoding;
                self.output = Some(Box::new(move |wire| stream.attach(wire, encoding)));
                self.outcome = Some(Outcome::Returned);
                Ok(())
            }
            Err(error) => self.finish(Err::<(), E>(error)),
        }
    }

    pub(crate) fn take_output(&mut self) -> Option<Output> {
        self.output.take()
    }

    /// The outcome taken, if any.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
