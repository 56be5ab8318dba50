//! A greeting with rpc-core.

use std::sync::Arc;

use rpc_core::{Server, Status};

#[rpc_core::service]
trait Hello {
    fn greet(&self, name: String) -> Result<String, Status>;
}

struct Greeter;

impl Hello for Greeter {
    fn greet(&self, name: String) -> Result<String, Status> {
        Ok(format!("hello {name}"))
    }
}

fn main() -> std::io::Result<()> {
    let _server = Server::builder().service(HelloService::new(Arc::new(Greeter))).bind("127.0.0.1:5000")?;
    loop {
        std::thread::park();
    }
}
