//! What a client says of its calls: how long, with what beside the arguments, and whether to wait for the server.

use std::time::{Duration, Instant};

use super::choice::Choice;
use crate::codec::Encoding;
use crate::context::Context;
use crate::layer::Layers;
use crate::limits::{DEADLINE_CEILING, DEFAULT_DEADLINE};
use crate::metadata::{Metadata, MetadataError};
use crate::status::Status;

#[derive(Clone, Debug)]
pub(super) struct Options {
    /// `None`: the default for a call, and no end for a stream.
    pub(super) time: Option<Duration>,
    /// A pair that metadata refused fails every call in words, instead of the caller at start.
    pub(super) metadata: Result<Metadata, MetadataError>,
    pub(super) readiness: Readiness,
    pub(super) choice: Choice,
    /// After how long an idempotent call is sent once more.
    pub(super) hedging: Option<Duration>,
    pub(super) layers: Layers,
    /// How arguments are sent, and answers come.
    pub(super) encoding: Encoding,
}

/// The time of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// When it was made.
    pub(super) made: Instant,
    /// When it is over.
    pub(super) ends: Instant,
}

/// What is thought of a server that cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It should be there: every endpoint is tried once, and a fresh list of them.
    Expected,
    /// It may come: it is tried until the deadline, with growing pauses.
    Awaited,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            time: None,
            metadata: Ok(Metadata::new()),
            readiness: Readiness::Expected,
            choice: Choice::default(),
            hedging: None,
            layers: Layers::default(),
            encoding: Encoding::default(),
        }
    }
}

impl Options {
    /// Of a call made now: it is over after its own time, and never after the call that surrounds it.
    pub(super) fn span(&self) -> Span {
        let made = Instant::now();
        let own = made + self.time.unwrap_or(DEFAULT_DEADLINE).min(DEADLINE_CEILING);
        Span { made, ends: Context::current_deadline().map_or(own, |surrounding| own.min(surrounding)) }
    }

    /// The time of a call that comes out of the layers now, and ends at `ends` if they have left a time.
    pub(super) fn beneath_layers(&self, span: Span, ends: Option<Instant>) -> Span {
        let made = if self.layers.is_empty() { span.made } else { Instant::now() };
        Span { made, ends: ends.unwrap_or(span.ends) }
    }

    /// When a stream opened now is over, if that was said.
    pub(super) fn stream_deadline(&self) -> Option<Instant> {
        let own = self.time.map(|time| Instant::now() + time.min(DEADLINE_CEILING));
        own.into_iter().chain(Context::current_deadline()).min()
    }

    pub(super) fn metadata(&self) -> Result<Vec<(&str, &[u8])>, Status> {
        self.checked_metadata().map(|metadata| metadata.iter().collect())
    }

    pub(super) fn checked_metadata(&self) -> Result<&Metadata, Status> {
        let refuse = |error: &MetadataError| Status::invalid_argument(error.to_string()).not_run();
        self.metadata.as_ref().map_err(refuse)
    }
}
