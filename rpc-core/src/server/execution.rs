//! Runs one procedure within the server's layers; whatever panics in that is caught.

use std::time::Instant;

use super::connection::Connection;
use super::panics;
use super::routes::Route;
use crate::codec::Payload;
use crate::context::Context;
use crate::layer::{Answered, Call};
use crate::outcome::Endings;
use crate::service::{Arguments, Outcome, Output, Reply};
use crate::status::Status;
use crate::sync;

/// A procedure that has ended: how, and with what.
pub(super) struct Ended<'b> {
    pub(super) outcome: Result<Outcome, Status>,
    /// The encoded outcome, unless it is a status.
    pub(super) body: &'b mut Payload,
    /// The stream that it returned, never beside a status, and what the procedure ran in.
    pub(super) output: Option<(Output, Context)>,
    /// Who is told when that is over.
    pub(super) endings: Endings,
    pub(super) panicked: bool,
    /// When it ended.
    pub(super) at: Instant,
}

/// What a procedure leaves behind while its layers return.
#[derive(Default)]
struct Left {
    /// What it ran in, if a layer changed that.
    context: Option<Context>,
    output: Option<Output>,
    endings: Endings,
}

impl<'b> Ended<'b> {
    /// A call that was not run.
    pub(super) fn refused(why: Status, body: &'b mut Payload) -> Ended<'b> {
        let (outcome, endings) = (Err(why.not_run()), Endings::default());
        Ended { outcome, body, output: None, endings, panicked: false, at: sync::now() }
    }
}

impl Connection {
    /// Runs the procedure; its panic is caught.
    pub(super) fn execute<'b>(
        &self,
        route: &Route,
        context: &Context,
        arguments: Arguments<'_>,
        body: &'b mut Payload,
    ) -> Ended<'b> {
        let (name, policy) = (route.procedure.name, self.shared.panics);
        let mut left = Left::default();
        let run = || {
            context.scope(|| {
                if self.shared.layers.is_empty() {
                    return left.run(route, arguments, body);
                }
                self.within_layers(route, context, &arguments, (&mut left, body))
            })
        };
        let run = policy.guard(name, run);
        let mut panicked = run.is_err();
        let outcome = run.unwrap_or_else(|_| Err(panics::told(name)));
        if outcome.is_err()
            && let Some(unwanted) = left.output.take()
        {
            panicked |= policy.guard(name, || drop(unwanted)).is_err();
        }
        let Left { context: changed, output, endings } = left;
        let output = output.map(|output| (output, changed.unwrap_or_else(|| context.clone())));
        Ended { outcome, body, output, endings, panicked, at: sync::now() }
    }

    fn within_layers(
        &self,
        route: &Route,
        context: &Context,
        arguments: &Arguments<'_>,
        (left, body): (&mut Left, &mut Payload),
    ) -> Result<Outcome, Status> {
        let mut outcome = None;
        let call = Call::come(route.procedure, arguments.byte_length(), context.clone());
        let answered = self.shared.layers.run(call, |call| {
            left.context = Some(call.context().clone());
            let ran = left.run(route, arguments.clone(), body)?;
            outcome = Some(ran);
            // A stream goes on behind its procedure.
            Ok(Answered::of(left.output.is_none().then_some(ran)))
        })?;
        let unasked = || Status::internal(format!("a layer answered {} itself", route.procedure.name));
        let outcome = outcome.ok_or_else(unasked)?;
        left.endings = answered.into_endings();
        Ok(outcome)
    }
}

impl Left {
    fn run(
        &mut self,
        route: &Route,
        arguments: Arguments<'_>,
        body: &mut Payload,
    ) -> Result<Outcome, Status> {
        let mut reply = Reply::written(arguments.encoding(), body);
        route.service.call(route.number, arguments, &mut reply)?;
        self.output = reply.take_output();
        reply.outcome().ok_or_else(|| Status::internal(format!("{} gave no reply", route.procedure.name)))
    }
}
