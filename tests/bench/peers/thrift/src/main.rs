//! Thrift: buffered binary protocol over TCP, and a pool's thread for each connection. It has no deadlines.

#[expect(clippy::unnecessary_unwrap, reason = "generated")]
mod echo;

use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;

use bench_harness::blocking::{self, Client};
use bench_harness::peer::{Failure, Order, Role, Serve, listening_soon, run};
use thrift::protocol::{
    TBinaryInputProtocol, TBinaryInputProtocolFactory, TBinaryOutputProtocol, TBinaryOutputProtocolFactory,
};
use thrift::server::TServer;
use thrift::transport::{
    ReadHalf, TBufferedReadTransport, TBufferedReadTransportFactory, TBufferedWriteTransport,
    TBufferedWriteTransportFactory, TIoChannel, TTcpChannel, WriteHalf,
};

use echo::{EchoSyncClient, EchoSyncHandler, EchoSyncProcessor, TEchoSyncClient};

struct Mirror;

impl EchoSyncHandler for Mirror {
    fn handle_echo(&self, payload: Vec<u8>) -> thrift::Result<Vec<u8>> {
        Ok(payload)
    }
}

fn main() -> ExitCode {
    run(|order| match order {
        Order::Serve(serve) if serve.role == Role::Echo => self::serve(serve).map(|()| None),
        Order::Load(load) => blocking::load(&load, connect).map(Some),
        Order::Hold(target) => blocking::hold(&target, connect).map(Some),
        _ => Err("Thrift has no streams".into()),
    })
}

fn serve(serve: Serve) -> Result<(), Failure> {
    let address = listening_soon()?;
    let mut server = TServer::new(
        TBufferedReadTransportFactory::new(),
        TBinaryInputProtocolFactory::new(),
        TBufferedWriteTransportFactory::new(),
        TBinaryOutputProtocolFactory::new(),
        EchoSyncProcessor::new(Mirror),
        serve.connections + 1,
    );
    Ok(server.listen(address)?)
}

type Input = TBinaryInputProtocol<TBufferedReadTransport<ReadHalf<TTcpChannel>>>;
type Output = TBinaryOutputProtocol<TBufferedWriteTransport<WriteHalf<TTcpChannel>>>;

struct Caller {
    client: EchoSyncClient<Input, Output>,
    payload: Vec<u8>,
}

fn connect(address: SocketAddr, payload: &[u8]) -> Result<Caller, Failure> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let (read, write) = TTcpChannel::with_stream(socket).split()?;
    let input = TBinaryInputProtocol::new(TBufferedReadTransport::new(read), true);
    let output = TBinaryOutputProtocol::new(TBufferedWriteTransport::new(write), true);
    Ok(Caller { client: EchoSyncClient::new(input, output), payload: payload.to_vec() })
}

impl Client for Caller {
    fn call(&mut self) -> Result<usize, Failure> {
        Ok(self.client.echo(self.payload.clone())?.len())
    }
}
