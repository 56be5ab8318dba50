//! A greeting with Cap'n Proto RPC.

use std::error::Error;
use std::rc::Rc;

use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use futures_util::AsyncReadExt;
use futures_util::io::{BufReader, BufWriter};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::TokioAsyncReadCompatExt;

use hello_capnp::hello;

capnp::generated_code!(mod hello_capnp);

struct Greeter;

impl hello::Server for Greeter {
    async fn greet(
        self: Rc<Self>,
        params: hello::GreetParams,
        mut results: hello::GreetResults,
    ) -> Result<(), capnp::Error> {
        results.get().set_greeting(format!("hello {}", params.get()?.get_name()?.to_str()?));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:5000").await?;
        let greeter: hello::Client = new_client(Greeter);
        loop {
            let (read, write) = listener.accept().await?.0.compat().split();
            let (read, write) = (BufReader::new(read), BufWriter::new(write));
            let network = Box::new(VatNetwork::new(read, write, Side::Server, Default::default()));
            spawn_local(RpcSystem::new(network, Some(greeter.clone().client)));
        }
    })
}
