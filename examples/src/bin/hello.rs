//! A service, its server and a call: the README's program.
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use rpc_core::{Client, Server, Status};
use std::{error::Error, sync::Arc};

#[rpc_core::service]
trait Greeter {
    fn greet(&self, name: String) -> Result<String, Status>;
}
struct Polite;
impl Greeter for Polite {
    fn greet(&self, name: String) -> Result<String, Status> {
        Ok(format!("Good morning, {name}."))
    }
}
fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().service(GreeterService::new(Arc::new(Polite))).bind("127.0.0.1:0")?;
    let greeter = GreeterClient::new(Client::connect(server.address().to_string()));
    println!("{}", greeter.greet("Ana".to_owned())?);
    Ok(())
}
