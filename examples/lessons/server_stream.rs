//! A server's stream: the method returns a `Stream`, which the caller iterates.
//!
//! ```text
//! 2 3 5 7 11 13 17 19 23 29
//! the first prime over 1000 is 1009
//! the server stops when the stream is dropped
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rpc_core::{Client, Server, Status, Stream};

#[rpc_core::service]
trait Numbers {
    /// Prime numbers over `bound`, without an end.
    fn primes(&self, bound: u64) -> Result<Stream<u64>, Status>;
}

struct Sieve {
    ended: Sender<()>,
}

/// Tells when the stream that keeps it has ended, however that came.
struct Ended(Sender<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.send(()).ok();
    }
}

impl Numbers for Sieve {
    fn primes(&self, bound: u64) -> Result<Stream<u64>, Status> {
        let is_prime =
            |number: &u64| (2..).take_while(|d| d * d <= *number).all(|d| !number.is_multiple_of(d));
        // No more items are made than the caller gave credit for: a stream that nobody reads costs nothing.
        let primes = (bound.max(1) + 1..).filter(is_prime);
        Ok(Stream::from_iter(primes).keeping(Ended(self.ended.clone())))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (ended, noticed) = bounded(2);
    let service = NumbersService::new(Arc::new(Sieve { ended }));
    let server = Server::builder().service(service).bind("127.0.0.1:0")?;
    let numbers = NumbersClient::new(Client::connect(server.address().to_string()));

    let first: Vec<u64> = numbers.primes(0)?.take(10).collect::<Result<_, _>>()?;
    println!("{}", first.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    if let Some(prime) = numbers.primes(1000)?.next() {
        println!("the first prime over 1000 is {}", prime?);
    }
    noticed.recv_timeout(Duration::from_secs(5))?;
    println!("the server stops when the stream is dropped");
    Ok(())
}
