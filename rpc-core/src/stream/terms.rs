//! What one side lets its streams hold for it: credit for each, and bytes for all of them together.

use std::sync::Arc;

use crate::limits::Limits;
use crate::status::Status;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The terms of all streams of a server's connection, or of a client.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Items that may be under way on a stream before its consumer takes some.
    pub(crate) credit: u32,
    held: Arc<AtomicUsize>,
    /// Undecoded bytes of all streams.
    limit: usize,
}

/// Bytes that wait for their consumer; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    of: Arc<AtomicUsize>,
    bytes: usize,
}

/// What a message of items costs beside its bytes, so that tiny ones count too.
const OVERHEAD: usize = 128;

impl Terms {
    pub(crate) fn of(limits: &Limits) -> Terms {
        Terms { credit: limits.stream_credit.max(1), held: Arc::default(), limit: limits.stream_bytes }
    }

    /// Room for a message of so many bytes. A message finds room while less than the limit is held, as all of it is here
    /// already: what is held ends below the limit and one frame.
    pub(super) fn hold(&self, bytes: usize) -> Result<Held, Status> {
        let bytes = bytes.saturating_add(OVERHEAD);
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { of: self.held.clone(), bytes };
        if before < self.limit {
            return Ok(held);
        }
        Err(Status::resource_exhausted(format!(
            "the streams of this connection hold {before} bytes that nobody has taken yet, the limit is {}",
            self.limit
        )))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_finds_room_below_the_limit_and_none_at_it() {
        let limits = Limits { stream_bytes: 1000 + OVERHEAD, ..Limits::default() };
        let terms = Terms::of(&limits);
        let first = terms.hold(999).unwrap();
        let second = terms.hold(1).unwrap();
        let refused = terms.hold(1).unwrap_err();
        assert!(refused.message().contains("hold 1256 bytes") && refused.message().contains("limit is 1128"));
        drop(first);
        assert!(terms.clone().hold(1).is_ok());
        drop(second);
        assert_eq!(terms.held.load(Ordering::Relaxed), 0);
    }
}
