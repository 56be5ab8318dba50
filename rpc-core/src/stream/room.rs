//! Telling the streams of a connection that its way out has room again.

use crate::sync::{Mutex, MutexGuard};

/// Sees to it that one thread of a connection tells at a time: who is told sends, and may fill and empty the way out once
/// more, which would tell from within.
#[derive(Debug, Default)]
pub(crate) struct Telling(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: bool,
    again: bool,
}

impl Telling {
    /// Runs `round`, which gives every pump credit for nothing, so that it goes on. It does not panic.
    pub(crate) fn tell(&self, round: impl Fn()) {
        if !self.begin() {
            return;
        }
        loop {
            round();
            let mut state = self.lock();
            if !std::mem::take(&mut state.again) {
                state.told = false;
                return;
            }
        }
    }

    /// Whether this thread tells; if not, who does so tells again.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        state.again = state.told;
        !std::mem::replace(&mut state.told, true)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
