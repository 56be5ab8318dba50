//! Many calls in flight from one thread: `start()` sends, a `Pending` is the answer to come.
//!
//! ```text
//! the sum of 1000 squares is 332833500
//! one answer is not here yet: true
//! dropped: its call is cancelled
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rpc_core::{Client, Context, Server, Status};

#[rpc_core::service]
trait Sums {
    fn square(&self, number: u64) -> Result<u64, Status>;
    /// Answers when it is cancelled.
    fn wait(&self) -> Result<(), Status>;
}

struct Desk {
    cancelled: Sender<()>,
}

impl Sums for Desk {
    fn square(&self, number: u64) -> Result<u64, Status> {
        Ok(number * number)
    }

    fn wait(&self) -> Result<(), Status> {
        Context::current().cancelled().recv().ok();
        self.cancelled.send(()).ok();
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (cancelled, noticed) = bounded(1);
    let service = SumsService::new(Arc::new(Desk { cancelled }));
    let server = Server::builder().service(service).bind("127.0.0.1:0")?;
    let sums = SumsClient::new(Client::connect(server.address().to_string()));

    // The calls leave together, and so do the answers: no thread waits for one before it sends the next.
    let pending: Vec<_> = (0..1000).map(|number| sums.start().square(number)).collect();
    let sum = pending.into_iter().try_fold(0, |sum, answer| Ok::<_, Status>(sum + answer.wait()?))?;
    println!("the sum of 1000 squares is {sum}");

    let mut endless = sums.start().wait();
    println!("one answer is not here yet: {}", endless.try_wait().is_none());
    drop(endless);
    noticed.recv_timeout(Duration::from_secs(5))?;
    println!("dropped: its call is cancelled");
    Ok(())
}
