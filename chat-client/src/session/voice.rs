//! Telling the program what happens: putting events into the feed, as long as the session lasts.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};

use super::state::State;
use crate::event::ChatEvent;

/// What puts events into the feed. It waits for a place there.
#[derive(Clone)]
pub(super) struct Voice {
    pub(super) state: Arc<State>,
    pub(super) feed: Sender<ChatEvent>,
}

impl Voice {
    /// Tells an event, `while_waiting` says go on: it is asked as long as the feed is full. False if it was not told.
    pub(super) fn tell(&self, mut event: ChatEvent, mut while_waiting: impl FnMut() -> bool) -> bool {
        loop {
            match self.feed.send_timeout(event, LOOK_EVERY) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(unsent)) if !self.state.is_stopping() => event = unsent,
                Err(_) => return false,
            }
            if !while_waiting() {
                return false;
            }
        }
    }
}

/// How often a full feed is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
