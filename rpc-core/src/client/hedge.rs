//! A second attempt beside a late first one: the first answer wins, and the other is cancelled on the wire.
//!
//! The attempts wait on threads of the client's own, which the caller wakes by cancelling the context they run in; he waits
//! for both. Nothing here is touched by a call that is answered in time.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Client;
use super::attempts::Trail;
use super::calls::Answer;
use super::connection::Departure;
use super::pending::Flight;
use super::sending::Dispatch;
use crate::codec::Payload;
use crate::context::{Alarm, Cancellation, Context};
use crate::status::{Code, Status};
use crate::sync::{self, Mutex, MutexGuard, thread};
use crate::transport::Waiter;

/// Attempts of one call that are under way together.
#[derive(Debug)]
struct Race {
    caller: Waiter,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    running: usize,
    /// What ends the call.
    won: Option<Result<Answer, Status>>,
    /// Why one that is out is out: the last of those that were sent, if there is one.
    lost: Option<Status>,
    trail: Trail,
}

/// One attempt in a race, which it leaves when it is dropped.
struct Runner {
    race: Arc<Race>,
    client: Client,
    context: Context,
    trail: Trail,
}

/// Cancels what is still under way when the caller leaves.
struct Finish(Arc<Cancellation>);

impl Client {
    /// Waits for a flight that was just sent, and sends the call once more if it is not answered after `after`.
    pub(super) fn await_or_hedge<A: Serialize>(
        &self,
        mut flight: Flight,
        after: Duration,
        arguments: &A,
        trail: &mut Trail,
    ) -> Result<Answer, Status> {
        if let Some(answer) = flight.wait_until(after) {
            return self.settle(&flight, answer, trail);
        }
        let mut payload = Payload::default();
        let lanes =
            self.options.encoding.encode(arguments, &mut payload).ok().and_then(|()| self.core.lanes(trail));
        let Some([first, second]) = lanes else {
            let answer = flight.wait();
            return self.settle(&flight, answer, trail);
        };
        // Not that it has failed, but another is better.
        trail.fail_at(flight.link.link());
        let (procedure, deadline) = (flight.procedure, flight.deadline);
        let finish = Finish(Arc::default());
        let race = Race::new(trail);
        let [late, hedge] = [(); 2].map(|()| race.runner(self.clone(), finish.context(deadline)));
        first.run(move || {
            late.run(|client, trail| {
                let answer = flight.wait();
                client.settle(&flight, answer, trail)
            });
        });
        second.run(move || {
            hedge.run(|client, trail| {
                trail.begun = Instant::now();
                let dispatch = Dispatch::of_call(deadline, Departure::WithItsCaller);
                let mut flight = client.send_encoded(procedure, &mut payload, dispatch, trail)?;
                let answer = flight.wait();
                client.settle(&flight, answer, trail)
            });
        });
        let outcome = race.outcome(deadline, || format!("{procedure} was not answered in time"));
        trail.clone_from(&race.lock().trail);
        trail.give();
        outcome
    }
}

impl Race {
    fn new(trail: &Trail) -> Arc<Race> {
        let state = State { running: 0, won: None, lost: None, trail: trail.clone() };
        Arc::new(Race { caller: Waiter::current(), state: Mutex::new(state) })
    }

    fn runner(self: &Arc<Self>, client: Client, context: Context) -> Runner {
        let mut state = self.lock();
        state.running += 1;
        Runner { race: self.clone(), client, context, trail: state.trail.clone() }
    }

    /// What a server said first; if that is nothing, a failure: one that is lost, refused or was not sent leaves the other
    /// running.
    fn outcome(&self, deadline: Instant, late: impl Fn() -> String) -> Result<Answer, Status> {
        let alarm = Alarm::set();
        loop {
            let mut state = self.lock();
            if let Some(outcome) = state.won.take() {
                return outcome;
            }
            if state.running == 0 {
                let lost = state.lost.take();
                return Err(lost.unwrap_or_else(|| Status::internal("an attempt of the call broke")));
            }
            drop(state);
            let left = deadline.saturating_duration_since(sync::now());
            if left.is_zero() || alarm.has_rung() {
                return Err(Context::wait_ended(late()));
            }
            thread::park_timeout(left);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner {
    fn run(mut self, attempt: impl FnOnce(&Client, &mut Trail) -> Result<Answer, Status>) {
        let context = self.context.clone();
        let outcome = context.scope(|| attempt(&self.client, &mut self.trail));
        let mut state = self.race.lock();
        match outcome {
            // The other may do better.
            Err(out) if !self.trail.was_sent() || is_of_its_server(out.code()) => {
                if out.may_have_run() {
                    self.trail.doubt();
                }
                if self.trail.was_sent() || state.lost.is_none() {
                    state.lost = Some(out);
                }
                state.trail.join(&self.trail);
            }
            outcome => {
                // Whatever this one says of itself, the other is at its server.
                if state.running > 1 {
                    state.trail.doubt();
                }
                state.won.get_or_insert(outcome);
            }
        }
    }
}

/// Whether a failure is one of the server that was asked, and not of the call.
fn is_of_its_server(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::ResourceExhausted)
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.race.lock().running -= 1;
        self.race.caller.wake();
    }
}

impl Finish {
    /// What the attempts run in: it ends with the call, or when the caller has what he wants.
    fn context(&self, deadline: Instant) -> Context {
        Context::ending(deadline, self.0.clone())
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
