//! rpc-core, with all its features compiled in and deadlines on.

mod echo;
mod news;

use std::process::ExitCode;

use bench_harness::blocking;
use bench_harness::crowd;
use bench_harness::peer::{Order, Role, run};

fn main() -> ExitCode {
    run(|order| match order {
        Order::Serve(serve) => match serve.role {
            Role::Echo | Role::Stream => echo::serve(serve.spin).map(|()| None),
            Role::Broadcast | Role::Pool => news::serve().map(|()| None),
        },
        Order::Load(load) => {
            let connect = |address, payload: &[u8]| echo::connect(address, payload, load.spin);
            blocking::load(&load, connect).map(Some)
        }
        Order::Hold(target) => {
            blocking::hold(&target, |address, payload| echo::connect(address, payload, 0)).map(Some)
        }
        Order::Stream(load) => blocking::stream(&load, echo::taken).map(Some),
        Order::Broadcast(load) => crowd::load(&load, news::SUBSCRIPTION, news::publisher(&load)).map(Some),
    })
}
