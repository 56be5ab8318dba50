//! Whose streams of a room are open.
//!
//! Not locked while anything is sent: a stream that ends gives its seat back on whatever thread it ends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_api::limits::STREAMS_OF_A_MEMBER;
use rpc_core::SubscriberId;

use crate::domain::UserId;

/// The streams of one room, by their users, oldest first.
#[derive(Debug, Default)]
pub(super) struct Followers(Mutex<HashMap<UserId, VecDeque<SubscriberId>>>);

/// One stream's place, until it is dropped.
pub(super) struct Seat {
    followers: Arc<Followers>,
    user: UserId,
    stream: SubscriberId,
}

impl Followers {
    /// Adds a stream; those of this user that are too many now, and have lost their places.
    pub(super) fn add(&self, user: UserId, stream: SubscriberId) -> Vec<SubscriberId> {
        let mut followers = self.lock();
        let streams = followers.entry(user).or_default();
        streams.push_back(stream);
        let excess = streams.len().saturating_sub(STREAMS_OF_A_MEMBER);
        streams.drain(..excess).collect()
    }

    /// What a stream keeps, so that it is known to be open.
    pub(super) fn seat(self: Arc<Self>, user: UserId, stream: SubscriberId) -> Seat {
        Seat { followers: self, user, stream }
    }

    pub(super) fn of(&self, user: UserId) -> Vec<SubscriberId> {
        self.lock().get(&user).into_iter().flatten().copied().collect()
    }

    pub(super) fn all(&self) -> Vec<SubscriberId> {
        self.lock().values().flatten().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, VecDeque<SubscriberId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut followers = self.followers.lock();
        let Some(streams) = followers.get_mut(&self.user) else { return };
        streams.retain(|stream| *stream != self.stream);
        if streams.is_empty() {
            followers.remove(&self.user);
        }
    }
}
