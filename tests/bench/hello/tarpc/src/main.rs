//! A greeting with tarpc.

use futures_util::StreamExt;
use tarpc::context::Context;
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

#[tarpc::service]
trait Hello {
    async fn greet(name: String) -> String;
}

#[derive(Clone)]
struct Greeter;

impl Hello for Greeter {
    async fn greet(self, _: Context, name: String) -> String {
        format!("hello {name}")
    }
}

fn main() -> std::io::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut incoming = tcp::listen("127.0.0.1:5000", Bincode::default).await?;
        while let Some(transport) = incoming.next().await {
            let calls = BaseChannel::with_defaults(transport?).execute(Greeter.serve());
            tokio::spawn(calls.for_each(async |call| drop(tokio::spawn(call))));
        }
        Ok(())
    })
}
