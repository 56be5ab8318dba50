//! Echo and a stream of items, as a user of rpc-core writes them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bench_harness::blocking::Client;
use bench_harness::peer::{DEADLINE, Failure, listening};
use rpc_core::{Bytes, Limits, Pending, Server, Status, Stream};

#[rpc_core::service]
trait Echo {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status>;
    /// 100-byte items without end.
    fn items(&self) -> Result<Stream<Bytes>, Status>;
}

struct Mirror;

impl Echo for Mirror {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn items(&self) -> Result<Stream<Bytes>, Status> {
        Ok(Stream::from_iter(std::iter::repeat_with(|| Bytes::from(vec![7; 100]))))
    }
}

/// Serves both until this process is ended; waits stay awake for so many µs before they sleep.
pub(crate) fn serve(spin: u64) -> Result<(), Failure> {
    let server = Server::builder().service(EchoService::new(Arc::new(Mirror))).limits(limits(spin));
    let server = server.bind("127.0.0.1:0")?;
    listening(server.address())?;
    loop {
        std::thread::park();
    }
}

/// A client, and what it sends.
pub(crate) struct Caller {
    client: EchoClient,
    payload: Bytes,
    pending: VecDeque<Pending<Bytes, Status>>,
}

fn limits(spin: u64) -> Limits {
    Limits { spin: Duration::from_micros(spin), ..Limits::default() }
}

fn client(address: SocketAddr, spin: u64) -> EchoClient {
    let client = rpc_core::Client::connect(address.to_string()).with_deadline(DEADLINE);
    EchoClient::new(if spin == 0 { client } else { client.with_limits(limits(spin)) })
}

pub(crate) fn connect(address: SocketAddr, payload: &[u8], spin: u64) -> Result<Caller, Failure> {
    let payload = Bytes::from(payload.to_vec());
    Ok(Caller { client: client(address, spin), payload, pending: VecDeque::new() })
}

impl Client for Caller {
    fn call(&mut self) -> Result<usize, Failure> {
        Ok(self.client.echo(self.payload.clone())?.len())
    }

    fn share(&self) -> Result<Caller, Failure> {
        let (client, payload) = (self.client.clone(), self.payload.clone());
        Ok(Caller { client, payload, pending: VecDeque::new() })
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.pending.push_back(self.client.start().echo(self.payload.clone()));
        Ok(())
    }

    fn finish(&mut self) -> Result<usize, Failure> {
        let oldest = self.pending.pop_front().ok_or("no call was started")?;
        Ok(oldest.wait()?.len())
    }
}

/// Takes items of the stream, 64 at a time.
pub(crate) fn taken(address: SocketAddr) -> Result<impl FnMut() -> Result<u64, Failure>, Failure> {
    let mut items = client(address, 0).items()?;
    Ok(move || {
        for _ in 0..64 {
            items.next().ok_or("the stream ended")??;
        }
        Ok(64)
    })
}
