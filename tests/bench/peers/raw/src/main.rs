//! Bare blocking sockets: a length prefix, a thread a connection, and nothing else. What this design can reach at most.

mod echo;
mod fan;
mod frames;

use std::process::ExitCode;

use bench_harness::blocking;
use bench_harness::crowd;
use bench_harness::peer::{Order, Role, run};

fn main() -> ExitCode {
    run(|order| match order {
        Order::Serve(serve) => match serve.role {
            Role::Echo => echo::serve(echo::mirror).map(|()| None),
            Role::Stream => echo::serve(echo::pour).map(|()| None),
            Role::Broadcast => fan::serve(serve.connections, fan::write_each).map(|()| None),
            Role::Pool => fan::serve(serve.connections, fan::write_gathered).map(|()| None),
        },
        Order::Load(load) => blocking::load(&load, echo::connect).map(Some),
        Order::Hold(target) => blocking::hold(&target, echo::connect).map(Some),
        Order::Stream(load) => blocking::stream(&load, echo::taken).map(Some),
        Order::Broadcast(load) => crowd::load(&load, fan::SUBSCRIPTION, fan::publisher).map(Some),
    })
}
