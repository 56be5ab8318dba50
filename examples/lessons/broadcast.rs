//! One item to many streams: it is encoded once, and a subscriber that does not read holds nobody up.
//!
//! ```text
//! ana hears: doors open, welcome
//! bia hears: doors open, welcome
//! for bia alone: your coat is ready
//! the evening is over for 2 guests
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Mutex;
use std::sync::{Arc, PoisonError};

use rpc_core::{Broadcast, Client, Server, Status, Stream, SubscriberId};

#[rpc_core::service]
trait Hall {
    /// What is announced from now on.
    fn enter(&self) -> Result<Stream<String>, Status>;
}

#[derive(Default)]
struct Speaker {
    announcements: Broadcast<String>,
    guests: Mutex<Vec<SubscriberId>>,
}

impl Hall for Speaker {
    fn enter(&self) -> Result<Stream<String>, Status> {
        let (guest, stream) = self.announcements.subscribe();
        self.guests.lock().unwrap_or_else(PoisonError::into_inner).push(guest);
        Ok(stream)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let speaker = Arc::new(Speaker::default());
    let server = Server::builder().service(HallService::new(speaker.clone())).bind("127.0.0.1:0")?;
    let hall = HallClient::new(Client::connect(server.address().to_string()));
    let (mut ana, mut bia) = (hall.enter()?, hall.enter()?);
    let guests = speaker.guests.lock().unwrap_or_else(PoisonError::into_inner).clone();

    for words in ["doors open", "welcome"] {
        speaker.announcements.send(&words.to_owned())?;
    }
    // Private ones keep their place in the order of all.
    speaker.announcements.send_to(guests.get(1..).unwrap_or_default(), &"your coat is ready".to_owned())?;
    for (name, guest) in [("ana", &mut ana), ("bia", &mut bia)] {
        let heard: Vec<String> = guest.take(2).collect::<Result<_, _>>()?;
        println!("{name} hears: {}", heard.join(", "));
    }
    println!("for bia alone: {}", bia.next().transpose()?.unwrap_or_default());
    speaker.announcements.end(&guests, Ok(()));
    let ended = [ana, bia].into_iter().filter_map(|mut guest| guest.next().is_none().then_some(()));
    println!("the evening is over for {} guests", ended.count());
    Ok(())
}
