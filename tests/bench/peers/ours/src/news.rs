//! Items to subscribers by a `Broadcast`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_harness::crowd::Subscription;
use bench_harness::peer::{DEADLINE, Failure, Load, listening};
use rpc_core::{Broadcast, Bytes, Client, Code, Lag, Server, Status, Stream};

#[rpc_core::service]
trait News {
    fn listen(&self) -> Result<Stream<Bytes>, Status>;
    /// Sends so many items to everybody who listens.
    fn publish(&self, items: u64) -> Result<(), Status>;
    fn subscribers(&self) -> Result<usize, Status>;
}

struct Agency(Broadcast<Bytes>);

/// Bytes of an item; its frame has 120.
const SIZE: usize = 112;

impl News for Agency {
    fn listen(&self) -> Result<Stream<Bytes>, Status> {
        Ok(self.0.subscribe().1)
    }

    fn publish(&self, items: u64) -> Result<(), Status> {
        let item = Bytes::from(vec![7; SIZE]);
        for _ in 0..items {
            self.0.send(&item).map_err(|error| Status::new(Code::Internal, error.to_string()))?;
        }
        Ok(())
    }

    fn subscribers(&self) -> Result<usize, Status> {
        Ok(self.0.subscribers())
    }
}

/// With room for whole backlogs, so that nobody lags.
pub(crate) fn serve() -> Result<(), Failure> {
    let agency = Arc::new(Agency(Broadcast::with_lag(Lag { items: 1 << 20, bytes: 1 << 30 })));
    let server = Server::builder().service(NewsService::new(agency)).bind("127.0.0.1:0")?;
    listening(server.address())?;
    loop {
        std::thread::park();
    }
}

/// As PROTOCOL.md has it: the preface of a client that takes as many items as come, and a call of `listen` without arguments
/// or deadline. The server's preface is as long.
pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    hello:
        b"\xf1RPC\x18\x00\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\xff\xff\xff\x7f\x0c\0\0\0\0\x01\x06listen\0\0\0",
    welcome: 24,
    items: items_in,
};

/// The count of a message of items.
fn items_in(frame: &[u8]) -> u64 {
    match frame {
        [2, _, 251, low, high, ..] => u64::from(u16::from_le_bytes([*low, *high])),
        [2, _, count, ..] => u64::from(*count),
        _ => 0,
    }
}

type Publish = Box<dyn FnMut(u64) -> Result<(), Failure>>;

/// Waits until all subscribers listen.
pub(crate) fn publisher(load: &Load) -> impl FnOnce(SocketAddr) -> Result<Publish, Failure> {
    let expected = load.target.connections;
    move |server| {
        let client = NewsClient::new(Client::connect(server.to_string()).with_deadline(DEADLINE));
        let until = Instant::now() + DEADLINE;
        loop {
            let listening = client.subscribers()?;
            if listening == expected {
                break;
            }
            if Instant::now() > until {
                return Err(format!("{listening} of {expected} subscribers listen").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Box::new(move |items| Ok(client.publish(items)?)))
    }
}
