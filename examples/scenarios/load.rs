//! Five hundred chatters in one room, each with a connection to speak and one to listen: everybody hears everything, once, in
//! one order. `scenario-load 50` takes fifty.
//!
//! ```text
//! 500 chatters are in the room after …
//! each says one thing: 500 messages, 250000 deliveries
//! everybody heard everything after …, in one order: … deliveries a second
//! a message took … on its way to the last of them, at the median of 20
//! 500 leave: the room has 0 members
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::time::{Duration, Instant};

use chat_client::{ChatEvent, ChatSession};
use rpc_examples::{House, Outcome, SOON, same};

fn main() -> Outcome {
    let count: usize = std::env::args().nth(1).map_or(Ok(500), |count| count.parse())?;
    if !(2..=500).contains(&count) {
        return Err(
            "from 2 to 500 chatters: a session keeps 1,024 events ready, and all are read at the end".into(),
        );
    }
    let house = House::open()?;
    let begun = Instant::now();
    let people =
        (0..count).map(|number| house.person(&format!("chatter {number}"))).collect::<Outcome<Vec<_>>>()?;
    let host = people.first().ok_or("nobody")?;
    host.create("hall", None)?;
    for person in &people {
        person.join("hall")?;
    }
    println!("{count} chatters are in the room after {:.1?}", begun.elapsed());

    let begun = Instant::now();
    println!("each says one thing: {count} messages, {} deliveries", count * count);
    for person in &people {
        person.send("hall", "hello")?;
    }
    let order = heard(host, count)?;
    for person in people.get(1..).unwrap_or_default() {
        same(&heard(person, count)?, &order)?;
    }
    let took = begun.elapsed();
    let rate = Duration::from_secs(1).as_nanos() * u128::try_from(count * count)? / took.as_nanos().max(1);
    println!("everybody heard everything after {took:.1?}, in one order: {rate} deliveries a second");

    let mut ways = (0..20).map(|_| way(&people)).collect::<Outcome<Vec<Duration>>>()?;
    ways.sort();
    let median = ways.get(ways.len() / 2).ok_or("no message")?;
    println!("a message took {median:.1?} on its way to the last of them, at the median of {}", ways.len());

    let witness = house.person("witness")?;
    people.iter().try_for_each(ChatSession::close)?;
    same(witness.users("hall")?.len(), 0)?;
    println!("{count} leave: the room has 0 members");
    Ok(())
}

/// The numbers of the next so many messages; who comes meanwhile is passed over.
fn heard(person: &ChatSession, count: usize) -> Outcome<Vec<u64>> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        if let ChatEvent::Message(message) = person.events().recv_timeout(SOON)? {
            numbers.push(message.seq);
        }
    }
    Ok(numbers)
}

/// How long one message takes until the last one has it.
fn way(people: &[ChatSession]) -> Outcome<Duration> {
    let begun = Instant::now();
    people.first().ok_or("nobody")?.send("hall", "quick")?;
    for person in people {
        heard(person, 1)?;
    }
    Ok(begun.elapsed())
}
