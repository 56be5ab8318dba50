//! A binder with many procedures, and what asks it for one after the other, in no order that a cache could follow.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bench_harness::blocking::{self, Client};
use bench_harness::peer::{DEADLINE, Failure, Load, Order, listening, run};
use binder::{
    Binder as _, BinderClient, BinderServer, Mode, NAMES_PER_LEASE, Offer, Registration, RegistrationOptions,
};

fn main() -> ExitCode {
    run(|order| match order {
        Order::Serve(_) => serve().map(|()| None),
        Order::Load(load) => {
            let kept = register(load.target.address, load.procedures)?;
            let sample = blocking::load(&load, |address, _| Ok(Asker::new(address, &load)));
            drop(kept);
            sample.map(Some)
        }
        _ => Err("the binder is asked for names, and nothing else".into()),
    })
}

fn serve() -> Result<(), Failure> {
    let binder = BinderServer::start("127.0.0.1:0")?;
    listening(binder.address())?;
    loop {
        std::thread::park();
    }
}

/// So many procedures, by as few servers as leases allow.
fn register(address: SocketAddr, procedures: usize) -> Result<Vec<Registration>, Failure> {
    let numbers: Vec<usize> = (0..procedures).collect();
    let mut servers = Vec::new();
    for (port, part) in (1..).zip(numbers.chunks(NAMES_PER_LEASE)) {
        let offer =
            |number: &usize| Offer { mode: Mode::Shared, ..Offer::new(name(*number), "127.0.0.1", port) };
        let options = RegistrationOptions::default();
        servers.push(Registration::start_with(address.to_string(), part.iter().map(offer), options)?);
    }
    for server in &servers {
        server.wait_registered(Duration::from_secs(60))?;
    }
    Ok(servers)
}

fn name(number: usize) -> String {
    format!("procedure/{number:06}")
}

struct Asker {
    binder: BinderClient,
    procedures: usize,
    asked: usize,
    size: usize,
}

impl Asker {
    fn new(address: SocketAddr, load: &Load) -> Asker {
        let binder =
            BinderClient::new(rpc_core::Client::connect(address.to_string()).with_deadline(DEADLINE));
        Asker { binder, procedures: load.procedures, asked: 0, size: load.size }
    }
}

/// Far apart, and prime to every power of ten, so that all names are asked for in turn.
const STEP: usize = 61_803;

impl Client for Asker {
    /// Where a procedure is; for a found one as many bytes as are expected.
    fn call(&mut self) -> Result<usize, Failure> {
        self.asked = (self.asked + STEP) % self.procedures.max(1);
        let found = self.binder.lookup_procedure(name(self.asked))?;
        Ok(if found.port > 0 { self.size } else { 0 })
    }
}
