//! One attempt: a server is found, the call is queued, and what comes of it is noted.

use std::cell::RefCell;
use std::time::Instant;

use serde::Serialize;

use super::Client;
use super::attempts::Trail;
use super::calls::Answer;
use super::connection::{Connection, Departure};
use super::pending::Flight;
use crate::codec::{Encoding, Payload};
use crate::context::Context;
use crate::status::Status;
use crate::stream::Legs;
use crate::wire::CallHeader;

/// How a call is sent.
pub(super) struct Dispatch {
    pub(super) deadline: Instant,
    pub(super) departure: Departure,
    pub(super) legs: Option<Legs>,
}

/// A call that wants nothing but its encoded arguments.
struct Start<'a> {
    connection: &'a Connection,
    header: CallHeader<'a>,
    dispatch: Dispatch,
}

thread_local! {
    /// Arguments are encoded here before anything is locked; the memory is used again.
    static ARGUMENTS: RefCell<Payload> = RefCell::default();
}

impl Dispatch {
    /// Of a call without streams.
    pub(super) fn of_call(deadline: Instant, departure: Departure) -> Dispatch {
        Dispatch { deadline, departure, legs: None }
    }
}

impl Client {
    /// Finds a server and queues the call.
    pub(super) fn send<A: Serialize>(
        &self,
        procedure: &'static str,
        arguments: &A,
        dispatch: Dispatch,
        trail: &mut Trail,
    ) -> Result<Flight, Status> {
        self.send_with(procedure, dispatch, trail, |start| {
            with_encoded(arguments, self.options.encoding, |payload| start.go(payload))
        })
    }

    /// As [`send`](Client::send), of arguments that are encoded; `payload` is empty afterwards, or holds what it did.
    pub(super) fn send_encoded(
        &self,
        procedure: &'static str,
        payload: &mut Payload,
        dispatch: Dispatch,
        trail: &mut Trail,
    ) -> Result<Flight, Status> {
        self.send_with(procedure, dispatch, trail, |start| start.go(payload))
    }

    fn send_with(
        &self,
        procedure: &'static str,
        dispatch: Dispatch,
        trail: &mut Trail,
        encode: impl FnOnce(Start<'_>) -> Result<u64, Status>,
    ) -> Result<Flight, Status> {
        Context::check_current().map_err(Status::not_run)?;
        let metadata = self.options.metadata()?;
        let Dispatch { deadline, departure, .. } = dispatch;
        // A stream without an end does not look for its server without one.
        let reached_by =
            if dispatch.legs.is_some() { deadline.min(self.options.span().ends) } else { deadline };
        let (link, connection) = self.core.reach(procedure, self.options.choice, reached_by, trail)?;
        let begun = trail.begun;
        let remaining = deadline.saturating_duration_since(begun);
        if remaining.is_zero() {
            return Err(Status::deadline_exceeded(format!("{procedure} had no time left")).not_run());
        }
        let endless = dispatch.legs.is_some() && self.options.stream_deadline().is_none();
        let remaining_ms = (!endless).then(|| CallHeader::milliseconds(remaining));
        let encoding = self.options.encoding;
        let header = CallHeader { id: 0, procedure, remaining_ms, encoding: encoding.number(), metadata };
        match encode(Start { connection: &connection, header, dispatch }) {
            Ok(id) => {
                trail.give();
                let answered = false;
                Ok(Flight { connection, id, procedure, deadline, encoding, link, begun, departure, answered })
            }
            Err(failure) => {
                self.core.note_failure(procedure, link.link(), begun, &failure, trail);
                Err(failure)
            }
        }
    }

    /// Notes what came of a flight; a status is its failure.
    pub(super) fn settle(
        &self,
        flight: &Flight,
        answer: Answer,
        trail: &mut Trail,
    ) -> Result<Answer, Status> {
        if let Answer::Status(failure) = answer {
            self.core.note_failure(flight.procedure, flight.link.link(), flight.begun, &failure, trail);
            return Err(failure);
        }
        self.core.note_answer(&flight.link);
        Ok(answer)
    }
}

impl Start<'_> {
    fn go(self, payload: &mut Payload) -> Result<u64, Status> {
        let Dispatch { deadline, departure, legs } = self.dispatch;
        self.connection.start(self.header, payload, deadline, departure, legs)
    }
}

/// Encodes outside any lock, into memory that is used again; arguments that call back into a client get their own.
fn with_encoded<A: Serialize, T>(
    arguments: &A,
    encoding: Encoding,
    body: impl FnOnce(&mut Payload) -> Result<T, Status>,
) -> Result<T, Status> {
    let mut payload = ARGUMENTS.take();
    let encoded = encoding
        .encode(arguments, &mut payload)
        .map_err(|error| Status::invalid_argument(format!("the arguments do not encode: {error}")).not_run());
    let result = encoded.and_then(|()| body(&mut payload));
    payload.recycle();
    ARGUMENTS.set(payload);
    result
}
