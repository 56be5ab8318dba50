//! Streams both ways in one call: each side sends when it likes.
//!
//! ```text
//! you say a: 1 letters so far
//! you say bcd: 4 letters so far
//! you say ef: 6 letters so far
//! the other side has ended too
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;

use rpc_core::{Client, Server, Status, Stream, stream};

#[rpc_core::service]
trait Counter {
    /// For each word, how many letters there were so far.
    fn letters(&self, words: Stream<String>) -> Result<Stream<usize>, Status>;
}

struct Clerk;

impl Counter for Clerk {
    fn letters(&self, words: Stream<String>) -> Result<Stream<usize>, Status> {
        // The method returns at once; the framework drives this iterator as words come and credit is there.
        Ok(Stream::from_results(words.scan(0, |sum, word| {
            Some(word.map(|word| {
                *sum += word.chars().count();
                *sum
            }))
        })))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(CounterService::new(Arc::new(Clerk))).bind("127.0.0.1:0")?;
    let counter = CounterClient::new(Client::connect(server.address().to_string()));
    let (words, taken) = stream();
    let mut sums = counter.letters(taken)?;
    for word in ["a", "bcd", "ef"] {
        words.send(word.to_owned())?;
        if let Some(sum) = sums.next() {
            println!("you say {word}: {} letters so far", sum?);
        }
    }
    drop(words);
    if sums.next().is_none() {
        println!("the other side has ended too");
    }
    Ok(())
}
