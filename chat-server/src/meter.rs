//! The chat's numbers, as metrics: users, rooms, messages, and what its server counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use rpc_core::Meter;
use rpc_core::metrics::{Family, Metrics};

use crate::lobby::Lobby;

/// Reads a chat's metrics: its own, whose names begin with `chat_`, and those of its
/// [`Server`](rpc_core::Server::metrics). They name no user and no room, and keep nothing alive.
#[derive(Clone, Debug)]
pub struct ChatMeter {
    lobby: Weak<Lobby>,
    server: Option<Meter>,
}

/// Messages that were accepted since the start. A message that its client sent again counts again.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    broadcast: AtomicU64,
    unicast: AtomicU64,
}

/// How large a chat is at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub(crate) users: usize,
    pub(crate) public_rooms: usize,
    pub(crate) private_rooms: usize,
    /// In all rooms together; who is in two counts twice.
    pub(crate) members: u64,
}

impl ChatMeter {
    pub(crate) fn new(lobby: &Arc<Lobby>, server: Option<Meter>) -> ChatMeter {
        ChatMeter { lobby: Arc::downgrade(lobby), server }
    }

    /// How the chat is now; nothing of one that has ended.
    pub fn read(&self) -> Metrics {
        let lobby = self.lobby.upgrade();
        let own = lobby.iter().flat_map(|lobby| families(lobby.size(), lobby.messages()));
        let mut metrics = Metrics::from_iter(own);
        metrics.extend(self.server.iter().flat_map(Meter::read));
        metrics
    }
}

impl Messages {
    pub(crate) fn count_broadcast(&self) {
        self.broadcast.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_unicast(&self) {
        self.unicast.fetch_add(1, Ordering::Relaxed);
    }
}

fn families(size: Size, messages: &Messages) -> [Family; 5] {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    [
        Family::gauge("chat_build_info", "The version of the program.")
            .with([("version", env!("CARGO_PKG_VERSION"))], 1_u64),
        Family::gauge("chat_users", "Users who are registered.").with([], size.users),
        Family::gauge("chat_rooms", "Rooms, by whether they want a password.")
            .with([("kind", "public")], size.public_rooms)
            .with([("kind", "private")], size.private_rooms),
        Family::gauge("chat_members", "Users in all rooms together.").with([], size.members),
        Family::counter("chat_messages_total", "Messages that were accepted, by whom they are for.")
            .with([("kind", "broadcast")], read(&messages.broadcast))
            .with([("kind", "unicast")], read(&messages.unicast)),
    ]
}
