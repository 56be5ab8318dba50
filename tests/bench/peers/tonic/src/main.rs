//! tonic: gRPC on tokio's threads, each call with a deadline that the server is told.

mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::peer::{DEADLINE, Failure, Order, run};
use bench_harness::tasks::{self, Client};
use bytes::Bytes;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use echo::echo_client::EchoClient;
use items::items_client::ItemsClient;

mod echo {
    tonic::include_proto!("echo");
}

mod items {
    tonic::include_proto!("items");
}

/// As long as a message may be; tonic's default is 4 MiB.
const LONGEST: usize = 16 << 20;

fn main() -> ExitCode {
    run(|order| {
        let runtime = tokio::runtime::Runtime::new()?;
        match order {
            Order::Serve(_) => runtime.block_on(server::serve()).map(|()| None),
            Order::Load(load) => {
                runtime.block_on(tasks::load::<Caller>(load, |task| runtime.spawn(task.run()))).map(Some)
            }
            Order::Hold(target) => runtime.block_on(tasks::hold::<Caller>(&target)).map(Some),
            Order::Stream(load) => runtime.block_on(tasks::stream(&load, taken)).map(Some),
            Order::Broadcast(_) => Err("not measured here".into()),
        }
    })
}

#[derive(Clone)]
struct Caller {
    client: EchoClient<Channel>,
    payload: Bytes,
}

async fn channel(address: SocketAddr) -> Result<Channel, Failure> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
}

impl Client for Caller {
    async fn connect(address: SocketAddr, payload: &[u8]) -> Result<Caller, Failure> {
        let client = EchoClient::new(channel(address).await?).max_decoding_message_size(LONGEST);
        Ok(Caller { client, payload: Bytes::copy_from_slice(payload) })
    }

    async fn call(&self) -> Result<usize, Failure> {
        let mut request = Request::new(echo::Message { payload: self.payload.clone() });
        request.set_timeout(DEADLINE);
        let answer = self.client.clone().echo(request).await?;
        Ok(answer.into_inner().payload.len())
    }
}

/// Takes items of the stream, 64 at a time.
async fn taken(address: SocketAddr) -> Result<impl AsyncFnMut() -> Result<u64, Failure>, Failure> {
    let mut client = ItemsClient::new(channel(address).await?);
    let mut items = client.items(items::Nothing {}).await?.into_inner();
    Ok(async move || {
        for _ in 0..64 {
            items.message().await?.ok_or("the stream ended")?;
        }
        Ok(64)
    })
}
