//! A greeting with Thrift.

#[expect(dead_code, clippy::unnecessary_unwrap, reason = "generated, and only the server's part is used")]
mod hello;

use hello::{HelloSyncHandler, HelloSyncProcessor};
use thrift::protocol::{TBinaryInputProtocolFactory, TBinaryOutputProtocolFactory};
use thrift::server::TServer;
use thrift::transport::{TBufferedReadTransportFactory, TBufferedWriteTransportFactory};

struct Greeter;

impl HelloSyncHandler for Greeter {
    fn handle_greet(&self, name: String) -> thrift::Result<String> {
        Ok(format!("hello {name}"))
    }
}

fn main() -> thrift::Result<()> {
    let mut server = TServer::new(
        TBufferedReadTransportFactory::new(),
        TBinaryInputProtocolFactory::new(),
        TBufferedWriteTransportFactory::new(),
        TBinaryOutputProtocolFactory::new(),
        HelloSyncProcessor::new(Greeter),
        64,
    );
    server.listen("127.0.0.1:5000")
}
