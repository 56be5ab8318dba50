//! Calls with streams.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Client;
use super::calls::Answer;
use super::connection::Departure;
use super::layered::Made;
use super::link::Loaded;
use super::options::Span;
use super::pending::{Flight, decode, decode_body};
use super::sending::Dispatch;
use crate::limits::DEADLINE_CEILING;
use crate::outcome::{Endings, Outcome};
use crate::service::Procedure;
use crate::status::Status;
use crate::stream::{Inlet, Legs, Stream, Wire};

/// A call under way, and until when.
struct Opened {
    flight: Flight,
    deadline: Option<Instant>,
}

/// A call that is answered, with a stream behind it or not.
enum Received<O, E> {
    Stream(Stream<O>),
    Refusal(E),
}

impl Client {
    /// Calls a procedure that answers with a stream, and waits until that begins. The deadline, if one is given, is also
    /// the stream's; without one it has none.
    ///
    /// # Errors
    /// The procedure's own error, or a [`Status`] as one.
    pub fn call_for_stream<A, O, E>(
        &self,
        procedure: &'static Procedure,
        arguments: &A,
    ) -> Result<Stream<O>, E>
    where
        A: Serialize,
        O: DeserializeOwned,
        E: From<Status> + DeserializeOwned,
    {
        let inlet = Arc::new(Inlet::new(&self.core.terms));
        let deadline = self.options.stream_deadline();
        let (received, endings) = self.within_layers(procedure, deadline, |client, deadline| {
            client.open(procedure, arguments, deadline, Some(&inlet))?.receive(inlet)
        })?;
        received.into_stream(endings)
    }

    /// Calls a procedure with a stream as its argument, and waits for its answer. An answer may come before the stream
    /// is sent; then the rest is not.
    ///
    /// # Errors
    /// The procedure's own error, or a [`Status`] as one.
    pub fn call_with_stream<A, I, T, E>(
        &self,
        procedure: &'static Procedure,
        arguments: &A,
        input: Stream<I>,
    ) -> Result<T, E>
    where
        A: Serialize,
        I: Serialize + Send + 'static,
        T: DeserializeOwned,
        E: From<Status> + DeserializeOwned,
    {
        let deadline = self.options.stream_deadline();
        let (decoded, _) = self.within_layers(procedure, deadline, |client, deadline| {
            let mut opened = client.open(procedure, arguments, deadline, None)?;
            opened.feed(input);
            decode(opened.flight.wait(), self.options.encoding)
        })?;
        decoded
    }

    /// Calls a procedure with a stream as its argument that answers with a stream, and waits until that begins.
    ///
    /// # Errors
    /// The procedure's own error, or a [`Status`] as one.
    pub fn call_with_streams<A, I, O, E>(
        &self,
        procedure: &'static Procedure,
        arguments: &A,
        input: Stream<I>,
    ) -> Result<Stream<O>, E>
    where
        A: Serialize,
        I: Serialize + Send + 'static,
        O: DeserializeOwned,
        E: From<Status> + DeserializeOwned,
    {
        let inlet = Arc::new(Inlet::new(&self.core.terms));
        let deadline = self.options.stream_deadline();
        let (received, endings) = self.within_layers(procedure, deadline, |client, deadline| {
            let opened = client.open(procedure, arguments, deadline, Some(&inlet))?;
            opened.feed(input);
            opened.receive(inlet)
        })?;
        received.into_stream(endings)
    }

    /// Sends the call itself; a call that certainly did not leave is tried again, as any other.
    fn open<A: Serialize>(
        &self,
        procedure: &'static Procedure,
        arguments: &A,
        deadline: Option<Instant>,
        inlet: Option<&Arc<Inlet>>,
    ) -> Result<Opened, Status> {
        let span = self.options.span();
        let until = deadline.unwrap_or(span.made + DEADLINE_CEILING);
        // Finding the server has the time of any call, also where the stream has none.
        let finding = Span { ends: until.min(span.ends), ..span };
        let flight = self.attempts(procedure, finding).make(|trail| {
            let legs = Some(Legs { inlet: inlet.cloned(), ..Legs::default() });
            let dispatch = Dispatch { deadline: until, departure: Departure::WithItsCaller, legs };
            self.send(procedure.name, arguments, dispatch, trail)
        })?;
        if inlet.is_some() {
            flight.connection.let_consumers_pause();
        }
        Ok(Opened { flight, deadline })
    }
}

impl Opened {
    fn feed<I: Serialize + Send + 'static>(&self, input: Stream<I>) {
        let Flight { connection, id, encoding, .. } = &self.flight;
        connection.feed(*id, input, self.deadline, *encoding);
    }

    /// Waits for the answer, behind which a stream comes. Whoever drops that ends the call.
    fn receive<O, E>(mut self, inlet: Arc<Inlet>) -> Result<Received<O, E>, Status>
    where
        O: DeserializeOwned,
        E: DeserializeOwned,
    {
        let answer = self.flight.wait();
        let Opened { flight: Flight { connection, id, link, encoding, .. }, deadline } = &self;
        match answer {
            Answer::Status(status) => return Err(status),
            Answer::Failed(body) => return Ok(Received::Refusal(decode_body(&body, *encoding)?)),
            Answer::Returned(_) => {}
        }
        // To its server the stream is as much as a call.
        let load = Loaded::new(link.link().clone());
        let wire = Wire { port: connection.clone(), id: *id, deadline: *deadline };
        Ok(Received::Stream(Stream::wired(wire, inlet, *encoding).keeping(load)))
    }
}

impl<O, E> Made for Received<O, E> {
    /// A stream that begins is the call going on.
    fn outcome(&self) -> Option<Outcome> {
        match self {
            Received::Stream(_) => None,
            Received::Refusal(_) => Some(Outcome::Failed),
        }
    }
}

impl<O: DeserializeOwned, E> Received<O, E> {
    fn into_stream(self, endings: Endings) -> Result<Stream<O>, E> {
        match self {
            Received::Stream(stream) => Ok(stream.telling(endings)),
            Received::Refusal(error) => Err(error),
        }
    }
}
