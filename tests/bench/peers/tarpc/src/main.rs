//! tarpc: bincode over TCP, on tokio's threads. Calls have tarpc's own deadline of ten seconds.

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::peer::{Failure, Order, Role, listening, run};
use bench_harness::tasks::{self, Client};
use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::context::{self, Context};
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

/// With a type for bytes: as a `Vec<u8>` serde would visit each of them, and large payloads would cost several times as much.
#[tarpc::service]
trait Echo {
    async fn echo(payload: ByteBuf) -> ByteBuf;
}

#[derive(Clone)]
struct Mirror;

impl Echo for Mirror {
    async fn echo(self, _: Context, payload: ByteBuf) -> ByteBuf {
        payload
    }
}

fn main() -> ExitCode {
    run(|order| {
        let runtime = tokio::runtime::Runtime::new()?;
        match order {
            Order::Serve(serve) if serve.role == Role::Echo => runtime.block_on(self::serve()).map(|()| None),
            Order::Load(load) => {
                runtime.block_on(tasks::load::<Caller>(load, |task| runtime.spawn(task.run()))).map(Some)
            }
            Order::Hold(target) => runtime.block_on(tasks::hold::<Caller>(&target)).map(Some),
            _ => Err("tarpc has no streams".into()),
        }
    })
}

async fn serve() -> Result<(), Failure> {
    let mut incoming = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    incoming.config_mut().max_frame_length(LONGEST);
    listening(incoming.local_addr())?;
    while let Some(transport) = incoming.next().await {
        let transport = transport?;
        transport.get_ref().set_nodelay(true)?;
        let calls = BaseChannel::with_defaults(transport).execute(Mirror.serve());
        tokio::spawn(calls.for_each(async |call| drop(tokio::spawn(call))));
    }
    Ok(())
}

/// As long as a frame may be; tarpc's default is 8 MiB.
const LONGEST: usize = 16 << 20;

#[derive(Clone)]
struct Caller {
    client: EchoClient,
    payload: ByteBuf,
}

impl Client for Caller {
    async fn connect(address: SocketAddr, payload: &[u8]) -> Result<Caller, Failure> {
        let mut connect = tcp::connect(address, Bincode::default);
        connect.config_mut().max_frame_length(LONGEST);
        let transport = connect.await?;
        transport.get_ref().set_nodelay(true)?;
        let client = EchoClient::new(tarpc::client::Config::default(), transport).spawn();
        Ok(Caller { client, payload: ByteBuf::from(payload) })
    }

    async fn call(&self) -> Result<usize, Failure> {
        Ok(self.client.echo(context::current(), self.payload.clone()).await?.len())
    }
}
