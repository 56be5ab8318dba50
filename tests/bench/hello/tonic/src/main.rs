//! A greeting with tonic.

use hello::hello_server::{Hello, HelloServer};
use hello::{Greeting, Name};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

mod hello {
    tonic::include_proto!("hello");
}

struct Greeter;

#[tonic::async_trait]
impl Hello for Greeter {
    async fn greet(&self, request: Request<Name>) -> Result<Response<Greeting>, Status> {
        Ok(Response::new(Greeting { text: format!("hello {}", request.into_inner().text) }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = "127.0.0.1:5000".parse()?;
    let serve = Server::builder().add_service(HelloServer::new(Greeter)).serve(address);
    Ok(tokio::runtime::Runtime::new()?.block_on(serve)?)
}
