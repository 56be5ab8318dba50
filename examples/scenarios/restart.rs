//! A server is restarted in the middle of a conversation: its rooms were in memory, and the clients put them back.
//!
//! ```text
//! bia hears: ana: before
//! bia hears: the connection is lost
//! ana speaks while nobody is there to hear it
//! bia hears: the connection is back
//! bia hears: messages of rust may be missing
//! bia hears: ana: meanwhile
//! the room still has its 5 places, and ana and bia are in it
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::thread;

use rpc_examples::{House, Outcome, hear, same};

fn main() -> Outcome {
    let mut house = House::open()?;
    let (ana, bia) = (house.person("ana")?, house.person("bia")?);
    ana.create("rust", Some(5))?;
    ana.join("rust")?;
    bia.rooms()?;
    bia.join("rust")?;
    ana.send("rust", "before")?;
    same(hear(&bia)?, "ana: before")?;
    println!("bia hears: ana: before");

    house.stop()?;
    same(hear(&bia)?, "the connection is lost")?;
    println!("bia hears: the connection is lost");
    thread::scope(|scope| -> Outcome {
        // A command waits for the server, up to its deadline.
        let speaking = scope.spawn(|| ana.send("rust", "meanwhile"));
        println!("ana speaks while nobody is there to hear it");
        house.start()?;
        speaking.join().map_err(|_| "ana lost her voice")??;
        Ok(())
    })?;
    // Who comes back first makes the room again; when the other comes depends on the moment.
    let mut heard = hear(&bia)?;
    while heard != "ana: meanwhile" {
        if heard != "ana came" {
            println!("bia hears: {heard}");
        }
        heard = hear(&bia)?;
    }
    println!("bia hears: {heard}");
    let mut users = ana.users("rust")?;
    users.sort();
    same(&users, &["ana", "bia"])?;
    same(ana.rooms()?.first().and_then(|room| room.limit), Some(5))?;
    println!("the room still has its 5 places, and {} are in it", users.join(" and "));
    Ok(())
}
