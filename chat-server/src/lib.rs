//! A chat server of many rooms: the implementation of [`chat_api::Chat`], and a server to embed.

pub mod domain;

pub mod store;

mod announcer;
mod clock;
mod random;

mod lobby;

mod advertised;
mod server;

pub use advertised::Advertised;
pub use clock::{Clock, SystemClock};
pub use lobby::{EMPTY_ROOM_AFTER, Lobby, LobbyOptions, USER_IDLE_AFTER};
pub use server::{ChatServer, ServerOptions, StartError};
