//! The way in of a connection: one read, within the time that a begun frame may take.

use std::io;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::frame::Inbound;
use crate::sync;
use crate::transport::Transport;

/// Why a read brought nothing.
#[derive(Debug, Error)]
pub(crate) enum IntakeError {
    /// The reader's own deadline passed; it may read on later.
    #[error("nothing came in time")]
    TimedOut,
    /// The frame that has begun took too long, however its bytes trickled.
    #[error("a frame took longer than {0:?}")]
    Late(Duration),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads what has arrived into `inbound`, waiting for it until `until`. Only waits count against `frame_time`: a frame
/// that lay half-read while nobody read is not late.
pub(crate) fn read(
    transport: &dyn Transport,
    inbound: &mut Inbound,
    until: Option<Instant>,
    frame_time: Duration,
) -> Result<usize, IntakeError> {
    let Some(waited) = inbound.waited() else {
        return transport.read(inbound.room(), until).map_err(timed_out);
    };
    if waited >= frame_time {
        return Err(IntakeError::Late(frame_time));
    }
    let begun = sync::now();
    let whole_by = begun.checked_add(frame_time.saturating_sub(waited));
    let deadline = until.into_iter().chain(whole_by).min();
    let read = transport.read(inbound.room(), deadline);
    inbound.note_wait(sync::now().saturating_duration_since(begun));
    match read.map_err(timed_out) {
        Err(IntakeError::TimedOut) if inbound.waited().is_some_and(|waited| waited >= frame_time) => {
            Err(IntakeError::Late(frame_time))
        }
        other => other,
    }
}

/// The kernel has an error of this kind too: a peer that keepalive found dead.
fn timed_out(error: io::Error) -> IntakeError {
    let ours = error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none();
    if ours { IntakeError::TimedOut } else { IntakeError::Io(error) }
}
