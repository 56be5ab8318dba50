//! Layers: functions around calls, for what every procedure needs and none should do by itself.
//!
//! ```text
//! good morning, ana
//! a stranger: Unauthenticated
//! the third call in a minute: ResourceExhausted
//! heard by the outermost: greet 4 times
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::{Arc, atomic::AtomicU32, atomic::Ordering};
use std::time::Duration;

use rpc_core::layer::{Call, Next};
use rpc_core::layers::{Authentication, Credentials, Identity, Rate, RateLimit, Token};
use rpc_core::{Client, Context, Server, Status};

#[rpc_core::service]
trait Greeter {
    fn greet(&self) -> Result<String, Status>;
}

struct Polite;

impl Greeter for Polite {
    fn greet(&self) -> Result<String, Status> {
        // What a layer has found out, the procedure reads.
        let caller = Context::current().value::<Identity>();
        Ok(format!("good morning, {}", caller.map_or("you".to_owned(), |caller| caller.to_string())))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let token = Token::parse("a-token-for-ana")?;
    let heard = Arc::new(AtomicU32::new(0));
    let count = heard.clone();
    // The first that is named is the outermost.
    let counting = move |call: Call, next: Next<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        next.run(call)
    };
    let builder = Server::builder()
        .layer(counting) // The outermost: it is named first.
        .layer(Authentication::of_tokens([("ana", token.clone())]))
        .layer(RateLimit::new(Rate::of(2, Duration::from_secs(60))?));
    let server = builder.service(GreeterService::new(Arc::new(Polite))).bind("127.0.0.1:0")?;
    let stranger = Client::connect(server.address().to_string()).with_deadline(Duration::from_secs(1));
    let ana = GreeterClient::new(stranger.with_layer(Credentials::of(&token)));
    println!("{}", ana.greet()?);
    if let Err(why) = GreeterClient::new(stranger).greet() {
        println!("a stranger: {:?}", why.code());
    }
    ana.greet()?;
    // A client comes back when it is told to, unless its time is over before.
    if let Err(why) = ana.greet() {
        println!("the third call in a minute: {:?}", why.code());
    }
    println!("heard by the outermost: greet {} times", heard.load(Ordering::Relaxed));
    Ok(())
}
