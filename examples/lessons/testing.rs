//! Testing without a network: the trait is the seam, so the code under test takes the thing itself, or a client in memory.
//!
//! ```text
//! in process: 2 of 3 are awake
//! over the wire, in memory: 2 of 3 are awake
//! with a double: the night watch is asleep
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;

use rpc_core::{Client, Server, Status};

#[rpc_core::service]
trait Guards {
    fn is_awake(&self, name: String) -> Result<bool, Status>;
}

struct Barracks;

impl Guards for Barracks {
    fn is_awake(&self, name: String) -> Result<bool, Status> {
        Ok(name != "rui")
    }
}

/// The code under test: it knows the trait, and not where the far side is.
fn report(guards: &impl Guards) -> Result<String, Status> {
    let names = ["ana", "bia", "rui"];
    let mut awake = 0;
    for name in names {
        awake += usize::from(guards.is_awake(name.to_owned())?);
    }
    Ok(format!("{awake} of {} are awake", names.len()))
}

/// A double, for what the real one would not do when asked.
struct Unreachable;

impl Guards for Unreachable {
    fn is_awake(&self, _name: String) -> Result<bool, Status> {
        Err(Status::unavailable("the night watch is asleep"))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("in process: {}", report(&Barracks)?);
    // Everything as over a network: frames, threads, deadlines, limits. No port, no file.
    let server = Server::builder().service(GuardsService::new(Arc::new(Barracks))).serve_in_memory()?;
    println!("over the wire, in memory: {}", report(&GuardsClient::new(Client::over(&server)))?);
    if let Err(status) = report(&Unreachable) {
        println!("with a double: {}", status.message());
    }
    Ok(())
}
