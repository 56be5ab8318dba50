//! What one stream of events brings.

use std::sync::Arc;
use std::time::Duration;

use chat_api::{Mark, News};
use rpc_core::{Context, Status};

use super::Scene;

/// Waits for what one stream brings next.
pub(super) struct Reader {
    pub(super) scene: Arc<Scene>,
    /// Whose call it is.
    pub(super) token: Context,
    pub(super) username: String,
    pub(super) room_name: String,
    pub(super) mark: Mark,
}

impl Reader {
    pub(super) fn next(&mut self) -> Option<Result<News, Status>> {
        let mut world = self.scene.world.lock().unwrap();
        loop {
            if self.token.scope(|| world.check(&self.username)).is_err() {
                return Some(Err(Status::unauthenticated("the session is over")));
            }
            let room = world.rooms.get(&self.room_name)?;
            if room.incarnation != self.mark.incarnation || !room.is_in(&self.username) {
                return None;
            }
            let received = room.after(&self.username, Some(self.mark));
            if let Some(event) = received.events.into_iter().next() {
                self.mark.seq = event.seq;
                return Some(Ok(News::Event(event)));
            }
            if world.lagging > 0 {
                world.lagging -= 1;
                return Some(Err(Status::resource_exhausted("more than is kept ready")));
            }
            if world.closing {
                return Some(Err(Status::unavailable("shutting down")));
            }
            if self.token.is_cancelled() {
                return None;
            }
            world = self.scene.changed.wait_timeout(world, Duration::from_millis(20)).unwrap().0;
        }
    }
}
