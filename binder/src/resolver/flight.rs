//! One question to the binders, and those who wait for its answer.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Endpoints, Status};

use super::asked::ASK_WITHIN;
use super::shared::{Shared, State};
use super::table::Patience;

/// A question under way.
pub(super) struct Flight {
    /// Disconnected when the question is over.
    landed: Receiver<Infallible>,
    outcome: OnceLock<Result<Endpoints, Status>>,
    /// When whoever asks gives up.
    until: Instant,
    /// He gives up sooner than others would, because his own call ends then.
    patience: Patience,
}

/// Asks for all who want the name; when it is dropped, by a panic too, nobody waits for it any more.
pub(super) struct Asker<'a> {
    shared: &'a Shared,
    procedure: &'a str,
    flight: Arc<Flight>,
    _landing: Sender<Infallible>,
}

impl<'a> Asker<'a> {
    pub(super) fn begin(
        shared: &'a Shared,
        state: &mut State,
        procedure: &'a str,
        now: Instant,
        deadline: Instant,
    ) -> Asker<'a> {
        let (landing, landed) = bounded(0);
        let latest = now + ASK_WITHIN;
        let (until, patience) =
            if deadline < latest { (deadline, Patience::Little) } else { (latest, Patience::Usual) };
        let flight = Arc::new(Flight { landed, outcome: OnceLock::new(), until, patience });
        state.flights.insert(procedure.into(), flight.clone());
        Asker { shared, procedure, flight, _landing: landing }
    }

    pub(super) fn ask(self) -> Result<Endpoints, Status> {
        let answer = self.shared.outside.lookup(self.procedure, self.flight.until);
        let outcome = self.shared.answered(self.procedure, answer, self.flight.patience);
        self.flight.outcome.get_or_init(|| outcome).clone()
    }
}

impl Drop for Asker<'_> {
    fn drop(&mut self) {
        self.shared.lock().flights.remove(self.procedure);
    }
}

impl Flight {
    /// The outcome for one who waits until `deadline`; `None` when he had better ask himself.
    pub(super) fn follow(&self, procedure: &str, deadline: Instant) -> Option<Result<Endpoints, Status>> {
        // Nothing is ever sent: this ends by disconnection or by time.
        let waited = self.landed.recv_deadline(deadline);
        if waited.is_err_and(|error| error.is_timeout()) {
            let message = format!("{procedure} was not looked up in time");
            return Some(Err(Status::deadline_exceeded(message).not_run()));
        }
        let outcome = self.outcome.get()?;
        (outcome.is_ok() || self.patience == Patience::Usual).then(|| outcome.clone())
    }
}
