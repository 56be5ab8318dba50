//! An operator closes a room: those who are in hear why, and that it is over, in order; its name is free.
//!
//! ```text
//! ana hears: bia: one last thing
//! ana hears: Sistema: the class is over
//! ana hears: rust was closed
//! saying more: the room "rust" was closed
//! ana is in 0 rooms, and there are 0
//! a new room of that name has 0 old messages
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::thread;
use std::time::Instant;

use chat_api::RoomChoice;
use rpc_examples::{House, Outcome, SOON, claim, hear, same};

fn main() -> Outcome {
    let house = House::open()?;
    let (ana, bia) = (house.person("ana")?, house.person("bia")?);
    ana.create("rust", None)?;
    ana.join("rust")?;
    bia.join("rust")?;
    same(hear(&ana)?, "bia came")?;

    bia.send("rust", "one last thing")?;
    // What the console does, and `chat-server admin close rust --reason 'the class is over'`.
    let room = RoomChoice::Name("rust".to_owned());
    house.server()?.admin().close_room(room, Some("the class is over".to_owned()))?;
    for expected in ["bia: one last thing", "Sistema: the class is over", "rust was closed"] {
        let heard = hear(&ana)?;
        same(&heard, expected)?;
        println!("ana hears: {heard}");
    }
    same(hear(&bia)?, "bia: one last thing")?;
    same(
        (hear(&bia)?, hear(&bia)?),
        ("Sistema: the class is over".to_owned(), "rust was closed".to_owned()),
    )?;

    if let Err(refusal) = ana.send("rust", "wait!") {
        same(refusal.code(), "room_closed")?;
        println!("saying more: {refusal}");
    }
    // The session leaves the room when it has told the end, a moment later.
    let until = Instant::now() + SOON;
    while !ana.joined().is_empty() {
        claim(Instant::now() < until, "ana is out of the room")?;
        thread::yield_now();
    }
    println!("ana is in {} rooms, and there are {}", ana.joined().len(), ana.rooms()?.len());
    bia.create("rust", None)?;
    println!("a new room of that name has {} old messages", bia.join("rust")?.history.len());
    Ok(())
}
