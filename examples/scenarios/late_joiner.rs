//! Who comes late is shown the last fifty public messages, and then what is said from there on: no hole, nothing twice.
//!
//! ```text
//! ana and bia talk: 60 messages in public, 60 in private
//! eva comes, and is shown 50 messages: number 11 to number 60
//! eva hears number 61
//! none of what eva saw was private
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use rpc_examples::{House, Outcome, claim, has_heard_all, hear, same};

fn main() -> Outcome {
    let house = House::open()?;
    let (ana, bia) = (house.person("ana")?, house.person("bia")?);
    ana.create("rust", None)?;
    ana.join("rust")?;
    bia.join("rust")?;
    for number in 1..=60 {
        ana.send("rust", &format!("number {number}"))?;
        ana.send_to("rust", "bia", &format!("secret {number}"))?;
    }
    println!("ana and bia talk: 60 messages in public, 60 in private");

    let eva = house.person("eva")?;
    let shown: Vec<String> = eva.join("rust")?.history.into_iter().map(|message| message.body).collect();
    let expected: Vec<String> = (11..=60).map(|number| format!("number {number}")).collect();
    same(&shown, &expected)?;
    let (first, last) = (shown.first().ok_or("nothing")?, shown.last().ok_or("nothing")?);
    println!("eva comes, and is shown {} messages: {first} to {last}", shown.len());

    // What comes now is behind what she was shown, by the room's own numbers.
    bia.send("rust", "number 61")?;
    same(hear(&eva)?, "bia: number 61")?;
    println!("eva hears number 61");
    claim(
        !shown.iter().any(|body| body.contains("secret")) && has_heard_all(&eva),
        "eva saw public messages only",
    )?;
    println!("none of what eva saw was private");
    Ok(())
}
