//! One person in two rooms at once: each room keeps its order, neither waits for the other, and leaving one ends one.
//!
//! ```text
//! eva is in rust and tea
//! of rust she heard 100 messages, in order
//! of tea she heard 100 messages, in order
//! eva leaves rust: she hears tea, and nothing of rust
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::thread;

use chat_client::ChatEvent;
use rpc_examples::{House, Outcome, SOON, claim, has_heard_all, hear, same};

fn main() -> Outcome {
    let house = House::open()?;
    let (ana, bia, eva) = (house.person("ana")?, house.person("bia")?, house.person("eva")?);
    for (host, room) in [(&ana, "rust"), (&bia, "tea")] {
        host.create(room, None)?;
        host.join(room)?;
        eva.join(room)?;
    }
    println!("eva is in {}", eva.joined().join(" and "));

    thread::scope(|scope| -> Outcome {
        let talk = |host, room| move || (1..=100).try_for_each(|number| say(host, room, number));
        let (rust, tea) = (scope.spawn(talk(&ana, "rust")), scope.spawn(talk(&bia, "tea")));
        rust.join().map_err(|_| "ana stopped")??;
        tea.join().map_err(|_| "bia stopped")?
    })?;
    let mut heard: Vec<(String, String)> = Vec::new();
    while heard.len() < 200 {
        if let ChatEvent::Message(message) = eva.events().recv_timeout(SOON)? {
            heard.push((message.room, message.body));
        }
    }
    for room in ["rust", "tea"] {
        let of_room = heard.iter().filter(|(place, _)| place == room).map(|(_, body)| body.clone());
        let of_room: Vec<String> = of_room.collect();
        same(&of_room, &(1..=100).map(|number| number.to_string()).collect::<Vec<_>>())?;
        println!("of {room} she heard {} messages, in order", of_room.len());
    }

    eva.leave("rust")?;
    ana.send("rust", "is she gone?")?;
    bia.send("tea", "she is here")?;
    same(hear(&eva)?, "bia: she is here")?;
    claim(has_heard_all(&eva), "nothing of rust comes to eva")?;
    println!("eva leaves rust: she hears tea, and nothing of rust");
    Ok(())
}

fn say(host: &chat_client::ChatSession, room: &str, number: u32) -> Outcome {
    host.send(room, &number.to_string())?;
    Ok(())
}
