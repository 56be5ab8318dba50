//! The room at work: a registry behind a lock, and calls out to displays with no lock held.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use rpc_core::{Client, Context, Limits, Server, ServerBuilder, Status};

use crate::contract::{CALLER, Display, DisplayClient, Program, Room, RoomService, TAKEN};
use crate::registry::{Refused, Registry};
use crate::roundup::call_all;
use crate::whereabouts::Whereabouts;

/// Serves [`Room`].
pub struct Hall {
    registry: Mutex<Registry<Arc<dyn Display>>>,
    reach: Box<Reach>,
    ended: Sender<()>,
}

/// Makes the way to a display: from the host name and port that it registered, and the address that it called from.
pub type Reach = dyn Fn(&str, u16, Option<SocketAddr>) -> Arc<dyn Display> + Send + Sync;

/// How long a display may take to be found and to answer: 8 s, the 5 s after which the framework gives up an address that
/// is silent, and some for the next one.
pub const DISPLAY_TIME: Duration = Duration::from_secs(8);

impl Hall {
    /// An empty room, which sends to `ended` when it is to end.
    pub fn new(ended: Sender<()>) -> Hall {
        Hall::reaching(ended, reach_by_network)
    }

    /// A room that reaches its displays in another way: how it is tested without sockets.
    pub fn reaching(
        ended: Sender<()>,
        reach: impl Fn(&str, u16, Option<SocketAddr>) -> Arc<dyn Display> + Send + Sync + 'static,
    ) -> Hall {
        Hall { registry: Mutex::default(), reach: Box::new(reach), ended }
    }

    /// A server of this room, not bound yet. Ids and messages are short, so frames are at most 64 KiB.
    pub fn server(self) -> ServerBuilder {
        let limits = Limits { frame: 64 << 10, ..Limits::default() };
        Server::builder().service(RoomService::new(Arc::new(self))).limits(limits)
    }

    fn registry(&self) -> MutexGuard<'_, Registry<Arc<dyn Display>>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room for Hall {
    fn registra_entrada(&self, id: String) -> Result<i64, Status> {
        number_or_taken(self.registry().add_sender(&id))
    }

    fn registra_saida(&self, id: String, host: String, port: u16) -> Result<i64, Status> {
        let display = (self.reach)(&host, port, Context::current().peer());
        number_or_taken(self.registry().add_display(&id, display))
    }

    fn lista(&self) -> Result<Vec<Program>, Status> {
        Ok(self.registry().list())
    }

    fn finaliza_registro(&self) -> Result<i64, Status> {
        let id = caller()?;
        let Some(display) = self.registry().finish(&id) else { return Ok(0) };
        // Nobody knows it any more, so it is told whoever waits for this call. One that cannot be told has ended before.
        Context::background().scope(|| display.termina()).ok();
        Ok(1)
    }

    fn termina(&self) -> Result<i64, Status> {
        let displays = self.registry().close();
        Context::background().scope(|| call_all(displays, Display::termina));
        // Who receives shuts the server down, which waits for the answer of this call. A second wish is the same one.
        self.ended.try_send(()).ok();
        Ok(0)
    }

    fn envia(&self, mensagem: String, destino: String) -> Result<i64, Status> {
        let origem = caller()?;
        let displays = self.registry().displays(&destino);
        Ok(number(call_all(displays, move |display| display.exibe(mensagem.clone(), origem.clone()))))
    }
}

fn reach_by_network(host: &str, port: u16, peer: Option<SocketAddr>) -> Arc<dyn Display> {
    let client = Client::resolving(Arc::new(Whereabouts::new(host, port, peer)));
    Arc::new(DisplayClient::new(client).with_deadline(DISPLAY_TIME))
}

/// Whose call this thread runs.
fn caller() -> Result<String, Status> {
    let context = Context::current();
    let id = context.metadata().first(CALLER).and_then(|id| str::from_utf8(id).ok());
    let missing =
        || Status::invalid_argument(format!("the call must carry its sender's id, as metadata {CALLER:?}"));
    id.map(str::to_owned).ok_or_else(missing)
}

fn number_or_taken(registered: Result<usize, Refused>) -> Result<i64, Status> {
    match registered {
        Ok(count) => Ok(number(count)),
        Err(Refused::Taken) => Ok(TAKEN),
        Err(full @ Refused::Full) => Err(Status::resource_exhausted(full.to_string())),
        Err(closed @ Refused::Closed) => Err(Status::failed_precondition(closed.to_string())),
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
