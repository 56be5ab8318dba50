//! Rooms, their members and history, and who is registered: the chat as data.
//!
//! Pure: no clock, socket, thread, channel, lock or log. Time is a parameter ([`Moment`]), randomness too. What is
//! refused comes back as the contract's own [`ChatError`](chat_api::ChatError), and nothing has changed then.

mod moment;
mod names;
mod person;

mod history;
mod record;

mod lock;
mod members;
mod repeats;
mod tries;

mod room;

mod users;

mod journal;

pub use history::Oblivion;
pub use journal::Journal;
pub use lock::{Door, Key, PasswordHash};
pub use moment::{Moment, Uptime};
pub use person::{Person, UserId};
pub use record::{Audience, Record};
pub use room::{Announcement, Follow, Followed, Maker, Post, Posted, Recipient, Room, RoomPlan};
pub use users::{Newcomer, Registered, Users};

pub(crate) use names::Names;
