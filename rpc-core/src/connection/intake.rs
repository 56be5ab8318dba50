//! The way in of a connection: one read, within the time that a begun frame may take.

use std::io;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::frame::Inbound;
use crate::limits::Limits;
use crate::sync::{self, thread};
use crate::transport::{Transport, Wake};

/// Why a read brought nothing.
#[derive(Debug, Error)]
pub(crate) enum IntakeError {
    /// The reader's own deadline passed; it may read on later.
    #[error("nothing came in time")]
    TimedOut,
    /// Another thread woke the reader; it may read on later.
    #[error("nothing came before it was woken")]
    Woken,
    /// The frame that has begun took too long, however its bytes trickled.
    #[error("a frame took longer than {0:?}")]
    Late(Duration),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl IntakeError {
    /// Whether the peer does not take who this side is, by its own, certain word.
    pub(crate) fn is_refusal(&self) -> bool {
        let IntakeError::Io(error) = self else { return false };
        error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
    }
}

/// Reads what has arrived into `inbound`, waiting for it until `until`; first awake, as long as `limits` say. Only waits
/// count against their time for a frame: one that lay half-read while nobody read is not late.
pub(crate) fn read(
    transport: &dyn Transport,
    inbound: &mut Inbound,
    until: Option<Instant>,
    limits: &Limits,
) -> Result<usize, IntakeError> {
    within(inbound, until, limits.frame_time, |room, until| {
        let found = if limits.spin.is_zero() { None } else { spin(transport, room, until, limits.spin) };
        found.unwrap_or_else(|| transport.read(room, until))
    })
}

/// Looks again and again for bytes, for so long; whoever else can run on this processor does so in between.
fn spin(
    transport: &dyn Transport,
    room: &mut Vec<u8>,
    until: Option<Instant>,
    time: Duration,
) -> Option<io::Result<usize>> {
    let end = until.into_iter().chain(sync::now().checked_add(time)).min();
    loop {
        match transport.try_read(room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return Some(read),
        }
        if end.is_none_or(|end| sync::now() >= end) {
            return None;
        }
        thread::yield_now();
    }
}

/// As [`read`], until `wake` is woken at the longest; asleep from the start.
pub(crate) fn read_or_wake(
    transport: &dyn Transport,
    inbound: &mut Inbound,
    until: Option<Instant>,
    limits: &Limits,
    wake: &Wake,
) -> Result<usize, IntakeError> {
    within(inbound, until, limits.frame_time, |room, until| transport.read_or_wake(room, until, wake))
}

fn within(
    inbound: &mut Inbound,
    until: Option<Instant>,
    frame_time: Duration,
    read: impl FnOnce(&mut Vec<u8>, Option<Instant>) -> io::Result<usize>,
) -> Result<usize, IntakeError> {
    let Some(waited) = inbound.waited() else {
        return read(inbound.room(), until).map_err(sorted);
    };
    if waited >= frame_time {
        return Err(IntakeError::Late(frame_time));
    }
    let begun = sync::now();
    let whole_by = begun.checked_add(frame_time.saturating_sub(waited));
    let deadline = until.into_iter().chain(whole_by).min();
    let read = read(inbound.room(), deadline);
    inbound.note_wait(sync::now().saturating_duration_since(begun));
    match read.map_err(sorted) {
        Err(IntakeError::TimedOut) if inbound.waited().is_some_and(|waited| waited >= frame_time) => {
            Err(IntakeError::Late(frame_time))
        }
        other => other,
    }
}

/// The kernel has an error of each of these kinds too: a peer that keepalive found dead.
fn sorted(error: io::Error) -> IntakeError {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::TimedOut, None) => IntakeError::TimedOut,
        (io::ErrorKind::Interrupted, None) => IntakeError::Woken,
        _ => IntakeError::Io(error),
    }
}
