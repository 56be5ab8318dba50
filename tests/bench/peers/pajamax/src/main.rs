//! pajamax: gRPC by a blocking thread a connection. It is a server only; tonic's client puts the load on it.

use std::process::ExitCode;

use bench_harness::peer::{Failure, Order, Role, Serve, listening_soon, run};
use echo::{EchoServer, Message};

mod echo {
    pajamax::include_proto!("echo");
}

struct Mirror;

impl echo::Echo for Mirror {
    fn echo(&self, request: Message) -> pajamax::Response<Message> {
        Ok(request)
    }
}

fn main() -> ExitCode {
    run(|order| match order {
        Order::Serve(serve) if serve.role == Role::Echo => self::serve(serve).map(|()| None),
        _ => Err("pajamax has a server for unary calls, and nothing else".into()),
    })
}

fn serve(serve: Serve) -> Result<(), Failure> {
    let address = listening_soon()?;
    let server = pajamax::Config::new().max_concurrent_connections(serve.connections);
    Ok(server.add_service(EchoServer::new(Mirror)).serve(address)?)
}
