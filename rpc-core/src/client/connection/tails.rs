//! Reading for streams whose producers have left: what those have queued waits for credit, and nobody else need read it.

use super::{Connection, STUCK_STEP};
use crate::client::calls::{Calls, Wanted};
use crate::sync;

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
}
