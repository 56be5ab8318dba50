//! Layers: functions around calls, on either side.
//!
//! ```text
//!   caller ─▶ layers ─▶ attempts ═══ wire ═══▶ layers ─▶ procedure
//!             first named outermost            first named outermost
//! ```
//! On a server a layer runs where the procedure runs, in the call's context; on a client it runs once a call, around all of
//! its attempts. It can refuse the call, change what surrounds it, and learn how it went; it does not see arguments or
//! results, and lets a call through once at most.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::context::Context;
use crate::metadata::Metadata;
use crate::outcome::{Endings, Outcome};
use crate::service::Procedure;
use crate::status::Status;

/// What stands around calls: a function of this shape, or a type that keeps something between them.
///
/// ```
/// use rpc_core::layer::{Answered, Call, Next};
/// use rpc_core::{Server, Status};
///
/// fn only_from_here(call: Call, next: Next<'_>) -> Result<Answered, Status> {
///     match call.context().peer() {
///         Some(peer) if !peer.ip().is_loopback() => Err(Status::permission_denied("this machine only")),
///         _ => next.run(call),
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let server = Server::builder().layer(only_from_here).bind("127.0.0.1:0")?;
/// # Ok(()) }
/// ```
/// A closure says the types of its parameters: `|call: Call, next: Next<'_>| next.run(call)`.
///
/// # Where it runs
/// On a server every call that is admitted goes through the layers, those of built-in procedures too; a call that is not (of
/// an unknown procedure, past a limit, late) does not. A layer that takes long is a slow call to its neighbours, and its
/// panic is its call's, under the server's [`PanicPolicy`](crate::PanicPolicy). On a client it runs on the caller's thread.
/// A layer that waits should end its wait when the call is [cancelled](Context::cancelled).
pub trait Layer: Send + Sync + 'static {
    /// Answers the call, as a rule by letting it [through](Next::run).
    ///
    /// # Errors
    /// Why the call is refused, or has failed. Of a call that was not let through the framework itself says that it did
    /// [not run](Status::not_run).
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status>;

    /// The same layer around all procedures but these, which it does not see: a probe of health, say, that is to be answered
    /// whoever asks and however much there is to do.
    ///
    /// ```
    /// # use rpc_core::{Layer, Server, layers::ConcurrencyLimit};
    /// let limit = ConcurrencyLimit::of(200).except(["rpc.health.check", "rpc.health.watch"]);
    /// let builder = Server::builder().layer(limit);
    /// ```
    fn except(self, procedures: impl IntoIterator<Item = &'static str>) -> Except<Self>
    where
        Self: Sized,
    {
        Except { layer: self, procedures: procedures.into_iter().collect() }
    }
}

impl<F> Layer for F
where
    F: Fn(Call, Next<'_>) -> Result<Answered, Status> + Send + Sync + 'static,
{
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        self(call, next)
    }
}

/// A [`Layer`] around all procedures [but some](Layer::except).
#[derive(Clone, Debug)]
pub struct Except<L> {
    layer: L,
    procedures: Vec<&'static str>,
}

impl<L: Layer> Layer for Except<L> {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        if self.procedures.contains(&call.procedure().name) {
            return next.run(call);
        }
        self.layer.call(call, next)
    }
}

/// A layer that several servers or clients share.
impl<L: Layer + ?Sized> Layer for Arc<L> {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        L::call(self, call, next)
    }
}

/// Whose call a layer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// One that is made from here.
    Client,
    /// One that has come.
    Server,
}

/// A call on its way through the layers.
pub struct Call {
    side: Side,
    procedure: &'static Procedure,
    argument_bytes: Option<usize>,
    context: Context,
}

impl Call {
    pub(crate) fn made(procedure: &'static Procedure, context: Context) -> Call {
        Call { side: Side::Client, procedure, argument_bytes: None, context }
    }

    pub(crate) fn come(procedure: &'static Procedure, argument_bytes: usize, context: Context) -> Call {
        Call { side: Side::Server, procedure, argument_bytes: Some(argument_bytes), context }
    }

    /// The procedure, as its trait declares it.
    pub fn procedure(&self) -> &'static Procedure {
        self.procedure
    }

    /// Whether the call has come or is made from here.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How long the encoded arguments are, without what a stream brings; `None` on a client, where they are not encoded yet.
    pub fn argument_bytes(&self) -> Option<usize> {
        self.argument_bytes
    }

    /// What surrounds the call: deadline, metadata, values, peer. On a server it is the
    /// [current](Context::current) one; on a client it is what the call will carry, and the current one is still that of
    /// whoever makes it.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The same call with this pair of metadata in place of those of the same key: on a server the procedure finds it, on a
    /// client it is sent.
    ///
    /// # Errors
    /// `InvalidArgument` when the pair breaks a limit of [`Metadata`].
    pub fn with_metadata(self, key: &str, value: impl Into<Vec<u8>>) -> Result<Call, Status> {
        let mut metadata = self.context.metadata().clone();
        metadata.replace(key, value).map_err(|error| Status::invalid_argument(error.to_string()))?;
        Ok(self.carrying(metadata))
    }

    pub(crate) fn carrying(self, metadata: Metadata) -> Call {
        Call { context: self.context.carrying(metadata), ..self }
    }

    /// The same call, over at `deadline` at the latest. On a server whatever the procedure waits for in ours ends then, calls
    /// and streams of its own among it; a procedure that does not look at its context is not ended by that.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Call {
        Call { context: self.context.with_deadline(deadline), ..self }
    }

    /// The same call with a [value](Context::value) for the layers below, and, on a server, for the procedure.
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(self, value: T) -> Call {
        Call { context: self.context.with_value(value), ..self }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("side", &self.side)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// A call that was let through, and answered or begun.
#[must_use = "the layer's answer is what the next one gave it"]
#[derive(Debug)]
pub struct Answered {
    outcome: Option<Outcome>,
    endings: Endings,
}

impl Answered {
    pub(crate) fn of(outcome: Option<Outcome>) -> Answered {
        Answered { outcome, endings: Endings::default() }
    }

    /// How the call went. `None` while it goes on: it has opened a stream, or was [started](crate::Client::start) and has
    /// its answer to come.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Calls `ending` when the call is over, with what became of it: at once if it is answered; behind the last item of the
    /// stream that it returned; when the answer of a started call is taken. It is called once, whatever happens.
    ///
    /// It may run on any thread of the framework, so it should not wait. What it panics with is the call's panic, as far
    /// as that still goes on.
    pub fn on_end(mut self, ending: impl FnOnce(Result<Outcome, &Status>) + Send + 'static) -> Answered {
        match self.outcome {
            Some(outcome) => ending(Ok(outcome)),
            None => self.endings.push(Box::new(ending)),
        }
        self
    }

    /// Keeps `guard` until the call is over, as [`on_end`](Answered::on_end) says.
    pub fn keeping(self, guard: impl Send + 'static) -> Answered {
        self.on_end(move |_| drop(guard))
    }

    pub(crate) fn into_endings(self) -> Endings {
        self.endings
    }
}

/// What stands below a layer: further layers, and at last the procedure, or the way to it.
pub struct Next<'a> {
    below: &'a [Arc<dyn Layer>],
    last: &'a mut Last<'a>,
}

/// What the layers stand around.
type Last<'a> = dyn FnMut(Call) -> Result<Answered, Status> + 'a;

impl Next<'_> {
    /// Lets the call through.
    ///
    /// # Errors
    /// Why it failed, unless that is the method's own error: [`Outcome::Failed`].
    pub fn run(self, call: Call) -> Result<Answered, Status> {
        if call.side == Side::Client || call.context.is_current() {
            return self.step(call);
        }
        call.context.clone().scope(|| self.step(call))
    }

    fn step(self, call: Call) -> Result<Answered, Status> {
        match self.below.split_first() {
            Some((layer, below)) => layer.call(call, Next { below, last: self.last }),
            None => (self.last)(call),
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next({} layers below)", self.below.len())
    }
}

/// The layers of one side, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Layers(Vec<Arc<dyn Layer>>);

impl Layers {
    /// Adds the new innermost layer.
    pub(crate) fn push(&mut self, layer: impl Layer) {
        self.0.push(Arc::new(layer));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends a call through all layers to `last`, which runs once at most.
    pub(crate) fn run(
        &self,
        call: Call,
        mut last: impl FnMut(Call) -> Result<Answered, Status>,
    ) -> Result<Answered, Status> {
        let mut ran = false;
        let mut noted = |call| {
            ran = true;
            last(call)
        };
        let answered = Next { below: &self.0, last: &mut noted }.run(call);
        answered.map_err(|status| if ran { status } else { status.not_run() })
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layers({})", self.0.len())
    }
}
