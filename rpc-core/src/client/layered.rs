//! A client's layers around its calls. A client without any pays a branch.

use std::sync::Arc;
use std::time::Instant;

use super::Client;
use super::options::Options;
use super::pending::typed;
use crate::context::Context;
use crate::layer::{Answered, Call, Layers};
use crate::outcome::{Endings, Outcome};
use crate::service::Procedure;
use crate::status::Status;

/// What a call leaves once it is made: its answer, or something that has it to come.
pub(super) trait Made {
    /// How the call went; `None` while it goes on.
    fn outcome(&self) -> Option<Outcome>;
}

/// An answer that has been decoded: within the layers, who learn of one that does not decode what the caller does.
impl<T, E> Made for Result<T, E> {
    fn outcome(&self) -> Option<Outcome> {
        Some(typed(self))
    }
}

impl Client {
    /// Makes a call within the layers: as a client without them, whose calls carry what they left in the call, and end at
    /// the deadline that they left.
    pub(super) fn within_layers<T: Made>(
        &self,
        procedure: &'static Procedure,
        deadline: Option<Instant>,
        make: impl FnOnce(&Client, Option<Instant>) -> Result<T, Status>,
    ) -> Result<(T, Endings), Status> {
        if self.options.layers.is_empty() {
            return make(self, deadline).map(|made| (made, Endings::default()));
        }
        let metadata = self.options.checked_metadata()?.clone();
        let call = Call::made(procedure, Context::outgoing(procedure.name, deadline, metadata));
        let (mut make, mut made) = (Some(make), None);
        let answered = self.options.layers.run(call, |call| {
            let make = make.take().ok_or_else(|| unasked(procedure))?;
            let got = make(&self.beneath(call.context()), call.context().deadline())?;
            let outcome = got.outcome();
            made = Some(got);
            Ok(Answered::of(outcome))
        })?;
        Ok((made.ok_or_else(|| unasked(procedure))?, answered.into_endings()))
    }

    /// The client below the layers.
    fn beneath(&self, context: &Context) -> Client {
        let Options { readiness, choice, hedging, encoding, .. } = *self.options;
        let (time, metadata) = (context.remaining(), Ok(context.metadata().clone()));
        let layers = Layers::default();
        let options = Options { time, metadata, readiness, choice, hedging, layers, encoding };
        Client { core: self.core.clone(), options: Arc::new(options) }
    }
}

fn unasked(procedure: &Procedure) -> Status {
    Status::internal(format!("a layer answered {} itself", procedure.name))
}
