//! A greeting with ttrpc.

use std::sync::Arc;

mod generated {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

use generated::hello::{Greeting, Name};
use generated::hello_ttrpc::{Hello, create_hello};

struct Greeter;

impl Hello for Greeter {
    fn greet(&self, _: &ttrpc::TtrpcContext, name: Name) -> ttrpc::Result<Greeting> {
        Ok(Greeting { text: format!("hello {}", name.text), ..Default::default() })
    }
}

fn main() -> ttrpc::Result<()> {
    let service = create_hello(Arc::new(Greeter));
    let mut server = ttrpc::Server::new().bind("tcp://127.0.0.1:5000")?.register_service(service);
    server.start()?;
    loop {
        std::thread::park();
    }
}
