//! A private message is for its two people: nobody else hears it, finds it in the history, or gets it by taking a name.
//!
//! ```text
//! ana hears: bia, privately: the surprise is at eight
//! eva hears: bia: hello all
//! bia finds her own message again, eva does not
//! to somebody who is not in the room: "caio" is not in the room
//! another ana, after the first: 0 private messages
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use rpc_examples::{House, Outcome, claim, has_heard_all, hear, same};

fn main() -> Outcome {
    let house = House::open()?;
    let [ana, bia, eva] = ["ana", "bia", "eva"].map(|name| house.person(name));
    let (ana, bia, eva) = (ana?, bia?, eva?);
    bia.create("rust", None)?;
    for person in [&bia, &eva, &ana] {
        person.join("rust")?;
    }
    same(hear(&eva)?, "ana came")?;

    bia.send_to("rust", "ana", "the surprise is at eight")?;
    bia.send("rust", "hello all")?;
    let heard = hear(&ana)?;
    same(&heard, "bia, privately: the surprise is at eight")?;
    println!("ana hears: {heard}");
    let heard = hear(&eva)?;
    same(&heard, "bia: hello all")?;
    claim(has_heard_all(&eva), "there is nothing else for eva")?;
    println!("eva hears: {heard}");

    same((bia.history("rust")?.len(), eva.history("rust")?.len()), (2, 1))?;
    println!("bia finds her own message again, eva does not");
    if let Err(refusal) = bia.send_to("rust", "caio", "are you there?") {
        same(refusal.code(), "recipient_not_in_room")?;
        println!("to somebody who is not in the room: {refusal}");
    }

    // A message belongs to a registration, not to a name.
    ana.close()?;
    let another = house.person("ana")?;
    another.join("rust")?;
    let private = another.history("rust")?.into_iter().filter(|message| message.to.is_some()).count();
    same(private, 0)?;
    println!("another ana, after the first: {private} private messages");
    Ok(())
}
