//! With a binder nobody knows an address: servers register their procedures, clients ask where they are.
//!
//! ```text
//! north: 12 degrees
//! the north retires; from the south: 24 degrees
//! nobody measures wind: NotFound
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;
use std::time::Duration;

use binder::{BinderServer, Registration, Resolver, Retirement};
use rpc_core::{Client, Server, Status};

#[rpc_core::service]
trait Weather {
    fn temperature(&self) -> Result<String, Status>;
}

#[rpc_core::service]
trait Wind {
    fn wind(&self) -> Result<String, Status>;
}

struct Station(&'static str);

impl Weather for Station {
    fn temperature(&self) -> Result<String, Status> {
        Ok(self.0.to_owned())
    }
}

/// A server on a free port, and what keeps it registered.
fn open(station: Station, binder: &str) -> Result<(Server, Registration), Box<dyn std::error::Error>> {
    let server = Server::builder().service(WeatherService::new(Arc::new(station))).bind("127.0.0.1:0")?;
    let port = server.address().port();
    let registration = Registration::start(binder, "127.0.0.1", port, server.procedures())?;
    registration.wait_registered(Duration::from_secs(5))?;
    Ok((server, registration))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let binder = BinderServer::start("127.0.0.1:0")?;
    let address = binder.address().to_string();
    let client = Client::resolving(Resolver::new(&address));
    let weather = WeatherClient::new(client.clone());

    let (north, kept) = open(Station("12 degrees"), &address)?;
    println!("north: {}", weather.temperature()?);
    // A name registered like this has one server: the last one. The first is asked no more, and leaves when its calls end.
    let _south = open(Station("24 degrees"), &address)?;
    kept.retire(north, Retirement { drain: Duration::from_millis(200), ..Retirement::default() })?;
    println!("the north retires; from the south: {}", weather.temperature()?);
    if let Err(status) = WindClient::new(client).wind() {
        println!("nobody measures wind: {:?}", status.code());
    }
    Ok(())
}
