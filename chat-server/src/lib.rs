//! A chat server of many rooms: the implementation of [`chat_api::Chat`], and a server to embed.

pub mod domain;

pub mod store;

mod announcer;
mod clock;
mod hashing;
mod random;

mod lobby;

mod operators;

mod advertised;
mod meter;
mod server;

pub use advertised::Advertised;
pub use clock::{Clock, SystemClock};
pub use lobby::{EMPTY_ROOM_AFTER, Lobby, LobbyOptions, USER_IDLE_AFTER};
pub use meter::ChatMeter;
pub use operators::Operators;
pub use server::{ChatServer, ServerOptions, StartError};
