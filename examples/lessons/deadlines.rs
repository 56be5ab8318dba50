//! A deadline travels with the call: both sides hold it, and what runs for a caller who has gone can end early.
//!
//! ```text
//! the caller: DeadlineExceeded
//! the kitchen: nobody waits any more
//! in time: soup
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rpc_core::{Client, Context, Server, Status};

#[rpc_core::service]
trait Kitchen {
    /// Cooks that long.
    fn cook(&self, dish: String, milliseconds: u64) -> Result<String, Status>;
}

struct Cook {
    given_up: Sender<()>,
}

impl Kitchen for Cook {
    fn cook(&self, dish: String, milliseconds: u64) -> Result<String, Status> {
        // The channel says nothing; it closes when the call is over for its caller, so this is a pause that ends early.
        let cancelled = Context::current().cancelled();
        if cancelled.recv_timeout(Duration::from_millis(milliseconds)).is_err_and(|ended| ended.is_timeout())
        {
            return Ok(dish);
        }
        self.given_up.send(()).ok();
        Err(Status::cancelled("nobody waits any more"))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (given_up, noticed) = bounded(1);
    let service = KitchenService::new(Arc::new(Cook { given_up }));
    let server = Server::builder().service(service).bind("127.0.0.1:0")?;
    // Thirty seconds unless told otherwise; this clone has its own time and shares the connection.
    let patient = Client::connect(server.address().to_string());
    let hurried = patient.with_deadline(Duration::from_millis(50));
    if let Err(status) = KitchenClient::new(hurried).cook("roast".to_owned(), 20_000) {
        println!("the caller: {:?}", status.code());
    }
    noticed.recv_timeout(Duration::from_secs(5))?;
    println!("the kitchen: nobody waits any more");
    println!("in time: {}", KitchenClient::new(patient).cook("soup".to_owned(), 10)?);
    Ok(())
}
