//! A server that stops in order: what runs gets its time, what comes later did not run and may go elsewhere.
//!
//! ```text
//! the running call: baked
//! a later call: Unavailable, did not run
//! a call that would not end in time: Unavailable, may have run
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rpc_core::{Client, Context, Server, Status};

#[rpc_core::service]
trait Oven {
    fn bake(&self, milliseconds: u64) -> Result<String, Status>;
}

struct Stove {
    lit: Sender<()>,
}

impl Oven for Stove {
    fn bake(&self, milliseconds: u64) -> Result<String, Status> {
        self.lit.send(()).ok();
        match Context::current().cancelled().recv_timeout(Duration::from_millis(milliseconds)) {
            Err(ended) if ended.is_timeout() => Ok("baked".to_owned()),
            _ => Err(Status::cancelled("taken out half baked")),
        }
    }
}

fn fate(status: &Status) -> String {
    format!("{:?}, {}", status.code(), if status.may_have_run() { "may have run" } else { "did not run" })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (milliseconds, grace) in [(100, Duration::from_secs(5)), (60_000, Duration::from_millis(100))] {
        let (lit, burning) = bounded(1);
        let service = OvenService::new(Arc::new(Stove { lit }));
        let server = Server::builder().service(service).bind("127.0.0.1:0")?;
        let oven = OvenClient::new(Client::connect(server.address().to_string()));
        let running = oven.start().bake(milliseconds);
        burning.recv_timeout(Duration::from_secs(5))?;
        // Returns when every thread of the server has ended, or names the procedures that would not.
        server.shutdown(grace)?;
        match running.wait() {
            Ok(bread) => println!("the running call: {bread}"),
            Err(status) => println!("a call that would not end in time: {}", fate(&status)),
        }
        if let (Err(status), 100) = (oven.bake(1), milliseconds) {
            println!("a later call: {}", fate(&status));
        }
    }
    Ok(())
}
