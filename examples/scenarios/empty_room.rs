//! An empty room goes after five minutes. Time is a parameter of the server, so this takes none.
//!
//! ```text
//! 00:00.000 ana leaves, and nobody is in the room
//! 04:59.999 the room is there: 1 room
//! 04:59.999 ana looks in and leaves again: the time begins anew
//! 09:59.998 the room is there: 1 room
//! 09:59.999 the room is gone: 0 rooms
//! 09:59.999 a new room of its name knows nothing of the old one
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, sync::Arc, time::Duration};

use chat_api::UnixMillis;
use chat_server::domain::{Moment, Uptime};
use chat_server::{Clock, LobbyOptions};
use rpc_examples::{House, Outcome, same};

/// A clock that moves when it is told to.
#[derive(Debug, Default)]
struct Wound(AtomicU64);

impl Clock for Wound {
    fn now(&self) -> Moment {
        Moment { unix: UnixMillis(0), uptime: Uptime(Duration::from_millis(self.0.load(Ordering::SeqCst))) }
    }
}

impl Wound {
    fn advance(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl fmt::Display for Wound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.load(Ordering::SeqCst);
        write!(f, "{:02}:{:02}.{:03}", millis / 60_000, millis / 1000 % 60, millis % 1000)
    }
}

fn main() -> Outcome {
    let clock = Arc::new(Wound::default());
    let user_idle_after = Duration::from_secs(3600);
    let house =
        House::open_with(LobbyOptions { clock: clock.clone(), user_idle_after, ..LobbyOptions::default() })?;
    let ana = house.person("ana")?;
    ana.create("rust", None)?;
    ana.join("rust")?;
    ana.send("rust", "nobody will remember this")?;
    ana.leave("rust")?;
    println!("{clock} ana leaves, and nobody is in the room");
    clock.advance(299_999);
    same(ana.rooms()?.len(), 1)?;
    println!("{clock} the room is there: 1 room");
    ana.join("rust")?;
    ana.leave("rust")?;
    println!("{clock} ana looks in and leaves again: the time begins anew");
    clock.advance(299_999);
    same(ana.rooms()?.len(), 1)?;
    println!("{clock} the room is there: 1 room");
    clock.advance(1);
    same(ana.rooms()?.len(), 0)?;
    println!("{clock} the room is gone: 0 rooms");
    ana.create("rust", None)?;
    same(ana.join("rust")?.history.len(), 0)?;
    println!("{clock} a new room of its name knows nothing of the old one");
    Ok(())
}
