//! A call that was started and not yet waited for.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::calls::Answer;
use super::connection::{Connection, Departure, WaitEnded};
use super::layered::Made;
use super::link::Loaded;
use crate::codec::Encoding;
use crate::context::Context;
use crate::frame::Body;
use crate::outcome::{Endings, Outcome};
use crate::panics::Panicked;
use crate::status::Status;

/// The answer to come of a started call.
///
/// Any number may be under way from one thread; their frames share system calls, which is the fastest way to make many
/// calls. Dropping it cancels the call: the server is told, and its procedure can see it.
#[must_use = "dropping a pending call cancels it"]
pub struct Pending<T, E> {
    state: State,
    /// Told when the answer is taken.
    endings: Endings,
    answer: PhantomData<fn() -> (T, E)>,
}

enum State {
    InFlight(Flight),
    Over(Option<Status>),
}

/// A call in a connection's table; leaves it when dropped.
pub(super) struct Flight {
    pub(super) connection: Arc<Connection>,
    pub(super) id: u64,
    pub(super) procedure: &'static str,
    pub(super) deadline: Instant,
    pub(super) encoding: Encoding,
    pub(super) link: Loaded,
    /// When it was sent.
    pub(super) begun: Instant,
    /// Whether it may lie in its connection's queue still.
    pub(super) departure: Departure,
    /// It has left the table.
    pub(super) answered: bool,
}

impl<T, E> Pending<T, E>
where
    T: DeserializeOwned,
    E: From<Status> + DeserializeOwned,
{
    pub(super) fn new(started: Result<(Flight, Endings), Status>) -> Pending<T, E> {
        let (state, endings) = match started {
            Ok((flight, endings)) => (State::InFlight(flight), endings),
            Err(status) => (State::Over(Some(status)), Endings::default()),
        };
        Pending { state, endings, answer: PhantomData }
    }

    /// Waits for the answer, until the call's deadline at the longest.
    ///
    /// # Errors
    /// The method's own error, or a [`Status`] as one.
    pub fn wait(mut self) -> Result<T, E> {
        match &mut self.state {
            State::InFlight(flight) => {
                let (answer, encoding) = (flight.wait(), flight.encoding);
                self.take(answer, encoding)
            }
            State::Over(status) => Err(taken(status).into()),
        }
    }

    /// The answer if it is here already; `None` while it is not, and after it was taken. Never waits.
    pub fn try_wait(&mut self) -> Option<Result<T, E>> {
        let (answer, encoding) = match &mut self.state {
            State::InFlight(flight) => (flight.poll()?, flight.encoding),
            State::Over(status) => return status.take().map(|status| Err(status.into())),
        };
        Some(self.take(answer, encoding))
    }

    /// As [`wait`](Pending::wait), for at most `time`; `None` while the answer is not here, and after it was taken.
    pub fn wait_timeout(&mut self, time: Duration) -> Option<Result<T, E>> {
        let (answer, encoding) = match &mut self.state {
            State::InFlight(flight) => (flight.wait_until(time)?, flight.encoding),
            State::Over(status) => return status.take().map(|status| Err(status.into())),
        };
        Some(self.take(answer, encoding))
    }

    fn take(&mut self, answer: Answer, encoding: Encoding) -> Result<T, E> {
        self.state = State::Over(None);
        let decoded = decode(answer, encoding);
        let outcome = decoded.as_ref().map(typed);
        std::mem::take(&mut self.endings).tell(outcome).unwrap_or_else(Panicked::go_on);
        decoded?
    }
}

impl Made for Flight {
    fn outcome(&self) -> Option<Outcome> {
        None
    }
}

impl Flight {
    pub(super) fn wait(&mut self) -> Answer {
        self.await_by(self.deadline).unwrap_or_else(|WaitEnded| self.give_up())
    }

    pub(super) fn wait_until(&mut self, time: Duration) -> Option<Answer> {
        let until = Instant::now().checked_add(time).unwrap_or(self.deadline);
        match self.await_by(until.min(self.deadline)) {
            Ok(answer) => Some(answer),
            Err(WaitEnded) if until < self.deadline && Context::check_current().is_ok() => None,
            Err(WaitEnded) => Some(self.give_up()),
        }
    }

    fn await_by(&mut self, deadline: Instant) -> Result<Answer, WaitEnded> {
        let answer = match self.departure {
            // It has not left yet.
            Departure::WithItsCaller => None,
            Departure::Soon => self.connection.at_hand(self.id),
        };
        let answer = answer.map_or_else(|| self.connection.wait(self.id, deadline), Ok)?;
        self.answered = true;
        Ok(answer)
    }

    fn poll(&mut self) -> Option<Answer> {
        let answer = self.connection.poll(self.id);
        self.answered = answer.is_some();
        let is_over = || Instant::now() >= self.deadline || Context::check_current().is_err();
        if answer.is_none() && is_over() { Some(self.give_up()) } else { answer }
    }

    fn give_up(&mut self) -> Answer {
        self.answered = true;
        self.connection.cancel(self.id);
        Answer::Status(Context::wait_ended(format!("{} was not answered in time", self.procedure)))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.answered {
            self.connection.cancel(self.id);
        }
    }
}

/// Which of the two typed outcomes the answer is, decoded; or why it is none, a reply that does not decode included.
pub(super) fn decode<T, E>(answer: Answer, encoding: Encoding) -> Result<Result<T, E>, Status>
where
    T: DeserializeOwned,
    E: DeserializeOwned,
{
    match answer {
        Answer::Returned(body) => decode_body(&body, encoding).map(Ok),
        Answer::Failed(body) => decode_body(&body, encoding).map(Err),
        Answer::Status(status) => Err(status),
    }
}

/// How a call went that has been decoded.
pub(super) fn typed<T, E>(decoded: &Result<T, E>) -> Outcome {
    if decoded.is_ok() { Outcome::Returned } else { Outcome::Failed }
}

pub(super) fn decode_body<T: DeserializeOwned>(body: &Body, encoding: Encoding) -> Result<T, Status> {
    body.lend(|| encoding.decode(body.bytes()))
        .map_err(|error| Status::internal(format!("the reply does not decode: {error}")))
}

fn taken(status: &mut Option<Status>) -> Status {
    status.take().unwrap_or_else(|| Status::failed_precondition("the answer was taken before"))
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::InFlight(flight) => write!(f, "Pending({} #{})", flight.procedure, flight.id),
            State::Over(_) => f.write_str("Pending(over)"),
        }
    }
}
