//! A greeting with pajamax.

use hello::{Greeting, Hello, HelloServer, Name};

mod hello {
    pajamax::include_proto!("hello");
}

struct Greeter;

impl Hello for Greeter {
    fn greet(&self, request: Name) -> pajamax::Response<Greeting> {
        Ok(Greeting { text: format!("hello {}", request.text) })
    }
}

fn main() -> std::io::Result<()> {
    pajamax::Config::new().add_service(HelloServer::new(Greeter)).serve("127.0.0.1:5000")
}
