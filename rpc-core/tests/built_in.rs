//! What every server answers: what it offers, and whether it serves.

#[path = "contracts/trouble.rs"]
mod contracts;
#[path = "built_in/health.rs"]
mod health;
#[path = "built_in/reflection.rs"]
mod reflection;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::layer::{Call, Next};
use rpc_core::reflect::{Reflection as _, ReflectionClient};
use rpc_core::service::{Arguments, Kind, Procedure, Reply};
use rpc_core::{Client, Code, Server, ServerBuilder, Service, Status, Stream};
use serde::{Deserialize, Serialize};

use self::contracts::Trouble;

const SOON: Duration = Duration::from_secs(10);

/// A number of one account.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Amount {
    units: u64,
    of: Option<String>,
}

#[rpc_core::service]
trait Ledger {
    /// Adds it all up.
    ///
    /// And no more.
    #[idempotent]
    fn total(&self, account: String, limit: Option<u32>) -> Result<Amount, Trouble>;
    fn pour(&self, into: String, drops: Stream<Amount>) -> Result<Stream<(u8, Vec<Amount>)>, Status>;
}

#[rpc_core::service(prefix = "till")]
trait Till {
    fn open(&self) -> Result<(), Status>;
}

struct Clerk;

impl Ledger for Clerk {
    fn total(&self, _account: String, _limit: Option<u32>) -> Result<Amount, Trouble> {
        Ok(Amount::default())
    }

    fn pour(&self, _into: String, _drops: Stream<Amount>) -> Result<Stream<(u8, Vec<Amount>)>, Status> {
        Ok(Stream::from_iter([]))
    }
}

impl Till for Clerk {
    fn open(&self) -> Result<(), Status> {
        Ok(())
    }
}

/// Written by hand, with one procedure of this name.
struct ByHand(&'static [Procedure]);

impl Service for ByHand {
    fn procedures(&self) -> &'static [Procedure] {
        self.0
    }

    fn call(&self, _number: usize, _arguments: Arguments<'_>, reply: &mut Reply<'_>) -> Result<(), Status> {
        reply.finish(Ok::<(), ()>(()))
    }
}

fn builder() -> ServerBuilder {
    let clerk = Arc::new(Clerk);
    Server::builder().service(LedgerService::new(clerk.clone())).service(TillService::new(clerk))
}

fn client_of(server: &Server) -> Client {
    Client::over(server).with_deadline(SOON)
}

#[test]
fn what_is_built_in_is_in_no_list_of_the_programs_own_procedures() {
    let server = builder().serve_in_memory().unwrap();
    assert_eq!(server.procedures(), ["total", "pour", "till.open"]);
}

#[test]
fn the_names_of_built_in_procedures_are_reserved() {
    static TAKEN: [Procedure; 1] = [Procedure::new("rpc.describe", Kind::Unary)];
    let refused = Server::builder().service(ByHand(&TAKEN)).serve_in_memory().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("\"rpc.describe\""), "{refused}");
}

#[test]
fn layers_stand_around_what_is_built_in_as_around_all_else() {
    let closed = |call: Call, next: Next<'_>| match call.procedure().name.starts_with("rpc.") {
        true => Err(Status::permission_denied("not for you")),
        false => next.run(call),
    };
    let server = builder().layer(closed).serve_in_memory().unwrap();
    let refused = ReflectionClient::new(client_of(&server)).procedures(None).unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(TillClient::new(client_of(&server)).open(), Ok(()));
}
