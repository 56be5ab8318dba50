//! Echo, and a stream of items.

use bench_harness::peer::{Failure, listening};
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, repeat_with};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::LONGEST;
use super::echo::Message;
use super::echo::echo_server::{Echo, EchoServer};
use super::items::items_server::{Items, ItemsServer};
use super::items::{Item, Nothing};

struct Mirror;

#[tonic::async_trait]
impl Echo for Mirror {
    async fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

#[tonic::async_trait]
impl Items for Mirror {
    type ItemsStream = BoxStream<'static, Result<Item, Status>>;

    async fn items(&self, _: Request<Nothing>) -> Result<Response<Self::ItemsStream>, Status> {
        let payload = Bytes::from(vec![7; 100]);
        Ok(Response::new(repeat_with(move || Ok(Item { payload: payload.clone() })).boxed()))
    }
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    listening(listener.local_addr()?)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .add_service(EchoServer::new(Mirror).max_decoding_message_size(LONGEST))
        .add_service(ItemsServer::new(Mirror))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}
