//! A room with a limit never holds more, however many come at once, and a place that is left can be taken.
//!
//! ```text
//! 20 people come at once to a room for 3: 3 are in, 17 are refused
//! a refusal says: the room "small" is full: it has 3 places
//! one leaves, and one who was refused comes in
//! who is in already is never refused
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Barrier;
use std::thread;

use rpc_examples::{House, Outcome, same};

fn main() -> Outcome {
    let house = House::open()?;
    let people =
        (0..20).map(|number| house.person(&format!("guest {number}"))).collect::<Outcome<Vec<_>>>()?;
    let host = people.first().ok_or("nobody")?;
    host.create("small", Some(3))?;

    let start = Barrier::new(people.len());
    let (mut inside, mut outside, mut refusal) = (Vec::new(), Vec::new(), None);
    thread::scope(|scope| {
        let coming: Vec<_> = people
            .iter()
            .map(|person| {
                let come = || {
                    start.wait();
                    person.join("small")
                };
                (person, scope.spawn(come))
            })
            .collect();
        for (person, joining) in coming {
            match joining.join() {
                Ok(Ok(_)) => inside.push(person),
                Ok(Err(refused)) => {
                    outside.push(person);
                    refusal = Some(refused);
                }
                Err(_) => {}
            }
        }
    });
    same((inside.len(), outside.len(), host.users("small")?.len()), (3, 17, 3))?;
    println!(
        "20 people come at once to a room for 3: {} are in, {} are refused",
        inside.len(),
        outside.len()
    );
    println!("a refusal says: {}", refusal.ok_or("nobody was refused")?);

    let (leaver, newcomer) = (inside.pop().ok_or("nobody")?, outside.pop().ok_or("nobody")?);
    leaver.leave("small")?;
    same(newcomer.join("small")?.users.len(), 3)?;
    println!("one leaves, and one who was refused comes in");
    same(newcomer.join("small")?.users.len(), 3)?;
    println!("who is in already is never refused");
    Ok(())
}
