//! Cap'n Proto RPC: both sides on one thread of tokio, as its objects demand; calls have a deadline by tokio's clock.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use bench_harness::peer::{DEADLINE, Failure, Order, Role, listening, run};
use bench_harness::tasks::{self, Client};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use futures_util::AsyncReadExt;
use futures_util::io::{BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::TokioAsyncReadCompatExt;

use echo_capnp::echo;

capnp::generated_code!(mod echo_capnp);

struct Mirror;

impl echo::Server for Mirror {
    async fn echo(
        self: Rc<Self>,
        params: echo::EchoParams,
        mut results: echo::EchoResults,
    ) -> Result<(), capnp::Error> {
        results.get().set_payload(params.get()?.get_payload()?);
        Ok(())
    }
}

fn main() -> ExitCode {
    run(|order| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tasks = LocalSet::new();
        match order {
            Order::Serve(serve) if serve.role == Role::Echo => {
                tasks.block_on(&runtime, self::serve()).map(|()| None)
            }
            Order::Load(load) => {
                let load = tasks::load::<Caller>(load, |task| spawn_local(task.run()));
                tasks.block_on(&runtime, load).map(Some)
            }
            Order::Hold(target) => tasks.block_on(&runtime, tasks::hold::<Caller>(&target)).map(Some),
            _ => Err("not measured here".into()),
        }
    })
}

/// A connection's network, with buffers for both ways.
fn network(
    socket: TcpStream,
    side: Side,
) -> Result<Box<VatNetwork<impl futures_util::AsyncRead + Unpin>>, Failure> {
    socket.set_nodelay(true)?;
    let (read, write) = socket.compat().split();
    Ok(Box::new(VatNetwork::new(BufReader::new(read), BufWriter::new(write), side, Default::default())))
}

async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    listening(listener.local_addr()?)?;
    let mirror: echo::Client = new_client(Mirror);
    loop {
        let network = network(listener.accept().await?.0, Side::Server)?;
        spawn_local(RpcSystem::new(network, Some(mirror.clone().client)));
    }
}

#[derive(Clone)]
struct Caller {
    client: echo::Client,
    payload: Rc<[u8]>,
}

impl Client for Caller {
    async fn connect(address: SocketAddr, payload: &[u8]) -> Result<Caller, Failure> {
        let network = network(TcpStream::connect(address).await?, Side::Client)?;
        let mut system = RpcSystem::new(network, None);
        let client = system.bootstrap(Side::Server);
        spawn_local(system);
        Ok(Caller { client, payload: payload.into() })
    }

    async fn call(&self) -> Result<usize, Failure> {
        let mut request = self.client.echo_request();
        request.get().set_payload(&self.payload);
        let answer = tokio::time::timeout(DEADLINE, request.send().promise).await??;
        Ok(answer.get()?.get_payload()?.len())
    }
}
