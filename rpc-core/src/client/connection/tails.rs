//! Reading for streams that nobody waits for: of producers that have left, whose last items wait for credit, and of consumers
//! that pause, whose items would fill the socket.

use std::sync::Arc;

use super::{Connection, STUCK_STEP};
use crate::client::calls::{Calls, Wanted};
use crate::client::lookout::{Lookout, UNREAD};
use crate::sync;
use crate::transport::Readiness;

/// Reads in a row for consumers that pause; their credit is used up sooner, unless the server says other things.
const UNREAD_TURNS: usize = 256;

impl Connection {
    /// Sees to it that credit for this stream is read though nobody waits for it. Without a thread for that it is read
    /// when somebody next waits for anything.
    pub(super) fn tend_to(&self, id: u64) {
        if self.lock().add_tail(id) {
            self.attendant.tend().ok();
        }
    }

    /// What the attendant does for such streams, until all have been sent, or it is wanted elsewhere.
    pub(super) fn see_tails_off(&self, is_wanted: impl Fn() -> bool, closed: impl Fn() -> bool) {
        let mut is_over = |calls: &mut Calls| (!calls.has_tails() || is_wanted() || closed()).then_some(());
        while self.drive(Wanted::Stream, sync::now() + STUCK_STEP, &mut is_over).is_err() {}
    }

    /// Sees to it that a consumer of this connection's streams may pause. Without a thread for that it may pause until the
    /// socket is full and the server has waited for its time.
    pub(in crate::client) fn let_consumers_pause(self: &Arc<Self>) {
        let watched =
            || Lookout::over(self).inspect_err(|error| tracing::warn!(%error, "no thread for a lookout"));
        if self.lookout.get().is_none()
            && let Ok(lookout) = watched()
        {
            // Of two that come at once one is enough.
            self.lookout.set(lookout).ok();
        }
    }

    /// Has the attendant read what lies on the socket for a stream, if nobody has read for a while.
    pub(in crate::client) fn have_unread_taken_in(&self) {
        let now = sync::now();
        let calls = self.lock();
        let rests = calls.is_streaming() && now.saturating_duration_since(calls.heard()) >= UNREAD;
        drop(calls);
        let unread = || self.transport.wait(Readiness::READABLE, Some(now)).is_ok_and(|ready| ready.readable);
        if rests && unread() {
            self.attendant.take_in().ok();
        }
    }

    /// Reads what has come, unless somebody else does. A consumer's credit bounds what that can be.
    pub(super) fn take_in_unread(&self) {
        for _ in 0..UNREAD_TURNS {
            let Some(reader) = self.lock().take_reader() else { return };
            let now = sync::now();
            let unread =
                self.transport.wait(Readiness::READABLE, Some(now)).is_ok_and(|ready| ready.readable);
            if unread {
                self.read_turn(reader, now, now);
            } else {
                self.lock().return_reader(reader, None);
            }
            self.pass_reading_on();
            if !unread {
                return;
            }
        }
    }
}
