//! A span a call, whose trace goes on from caller to callee.

mod parent;
mod state;

use std::fmt::Display;
use std::time::Instant;

use tracing::Span;
use tracing::field::{Empty, display};

pub use self::parent::{TraceContext, TraceError};
use crate::context::Context;
use crate::layer::{Answered, Call, Layer, Next, Side};
use crate::outcome::Outcome;
use crate::status::{Code, Status};

/// A [`tracing`] span around each call, on either side, and the ids that tie those of one request together.
///
/// The span is `rpc` (target `rpc_core::layers::tracing`, level INFO) with the fields `side` (`client` or `server`),
/// `procedure`, `peer` (on a server), `trace`, `span` and `parent` (hexadecimal ids), and, once the call is over, `code`
/// (`ok`, `failed` for the method's own error, or a status' [code](crate::Code)) and `microseconds`. Of a stream and of a
/// started call that is when it has ended, not when it began.
///
/// The ids travel as `traceparent` and `tracestate` in the metadata, written as the
/// [W3C Trace Context](https://www.w3.org/TR/trace-context-1/) recommendation says. A server goes on with its caller's trace;
/// a client with that of the call around it, which a procedure finds as [`TraceContext`] in its context. What does not
/// follow the recommendation is ignored, and a new trace begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing {
    _later: (),
}

/// The keys of the recommendation.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

impl Tracing {
    /// The layer.
    pub fn new() -> Tracing {
        Tracing::default()
    }
}

impl Layer for Tracing {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        let caller = match call.side() {
            Side::Server => TraceContext::of_metadata(call.context().metadata()),
            Side::Client => Context::current().value::<TraceContext>().as_deref().cloned(),
        };
        let own = caller.as_ref().map_or_else(TraceContext::begin, TraceContext::child);
        let span = span_of(&call, &own, caller.as_ref());
        let call = match call.side() {
            Side::Server => call.with_value(own),
            Side::Client => send(call, &own),
        };
        let open = Open { span: Some(span.clone()), begun: Instant::now() };
        match span.in_scope(|| next.run(call)) {
            Ok(answered) => Ok(answered.on_end(move |outcome| open.close(outcome))),
            Err(status) => {
                open.close(Err(&status));
                Err(status)
            }
        }
    }
}

/// The span of a call that goes on. If it is dropped before it is closed, the call has panicked.
struct Open {
    span: Option<Span>,
    begun: Instant,
}

impl Open {
    fn close(mut self, outcome: Result<Outcome, &Status>) {
        match outcome {
            Ok(Outcome::Returned) => self.note(&"ok"),
            Ok(Outcome::Failed) => self.note(&"failed"),
            Err(status) => self.note(&status.code()),
        }
    }

    fn note(&mut self, code: &dyn Display) {
        let Some(span) = self.span.take() else { return };
        let elapsed = u64::try_from(self.begun.elapsed().as_micros());
        span.record("code", display(code)).record("microseconds", elapsed.unwrap_or(u64::MAX));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.note(&Code::Internal);
    }
}

fn span_of(call: &Call, own: &TraceContext, caller: Option<&TraceContext>) -> Span {
    let span = tracing::info_span!(
        "rpc",
        side = match call.side() {
            Side::Client => "client",
            Side::Server => "server",
        },
        procedure = call.procedure().name,
        peer = Empty,
        trace = %own.trace_id(),
        span = %own.span_id(),
        parent = Empty,
        code = Empty,
        microseconds = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    if let Some(peer) = call.context().peer() {
        span.record("peer", display(peer));
    }
    if let Some(caller) = caller {
        span.record("parent", display(caller.span_id()));
    }
    span
}

/// Writes the trace into the metadata. Where that has no room for it the call goes on without: it matters more.
fn send(call: Call, own: &TraceContext) -> Call {
    let mut metadata = call.context().metadata().clone();
    if metadata.replace(TRACEPARENT, own.traceparent()).is_err() {
        return call;
    }
    if let Some(state) = own.state()
        && metadata.replace(TRACESTATE, state).is_err()
    {
        tracing::debug!("the metadata has no room for a tracestate of {} bytes", state.len());
    }
    call.carrying(metadata)
}
