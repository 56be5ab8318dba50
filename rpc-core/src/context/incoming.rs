//! The context of a call that has come to a server: made in the memory of the one before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::values::Values;
use super::{Cancellation, Carried, Context, Surroundings};
use crate::metadata::Metadata;
use crate::transport::PeerIdentity;

/// What a server knows of a call before its procedure runs.
pub(crate) struct Incoming {
    pub(crate) procedure: &'static str,
    pub(crate) deadline: Option<Instant>,
    pub(crate) metadata: Metadata,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) connection: Option<u64>,
    pub(crate) identity: Option<Arc<PeerIdentity>>,
}

/// The memory of a context that nobody holds any more, for the next one.
#[derive(Default)]
pub(crate) struct Spare(Option<Context>);

impl Context {
    /// Of a call that has come, in the memory of one that is over if there is some.
    pub(crate) fn incoming(incoming: Incoming, spare: &mut Spare) -> Context {
        let Incoming { procedure, deadline, metadata, peer, local, connection, identity } = incoming;
        let surroundings = |cancellation| Surroundings {
            procedure,
            deadline,
            metadata: Carried::Own(metadata),
            peer,
            local,
            connection,
            identity,
            cancellation: Some(cancellation),
            values: Values::default(),
        };
        if let Some(mut context) = spare.0.take()
            && let Some(held) = Arc::get_mut(&mut context.0)
        {
            let cancellation = held.cancellation.take();
            *held = surroundings(cancellation.unwrap_or_default());
            return context;
        }
        Context(Arc::new(surroundings(Arc::default())))
    }
}

impl Spare {
    /// Keeps the memory of a call's context, and nothing of the call, if nobody else has it and nobody was told or asked to
    /// be told of its end.
    pub(crate) fn keep(&mut self, mut context: Context) {
        let Some(held) = Arc::get_mut(&mut context.0) else { return };
        (held.metadata, held.identity) = (Carried::Own(Metadata::new()), None);
        held.values = Values::default();
        if held.cancellation.as_mut().and_then(Arc::get_mut).is_some_and(Cancellation::is_untouched) {
            self.0 = Some(context);
        }
    }
}
