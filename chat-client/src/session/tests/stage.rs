//! A server at a place that can change, and sessions with it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_api::ChatService;
use rpc_core::{Endpoint, Endpoints, Resolve, Revision, Server, Status};

use super::small_chat::SmallChat;

use crate::session::{ChatSession, SessionOptions};

/// A server, at a place that can change.
pub(super) struct Stage {
    pub(super) chat: SmallChat,
    place: Arc<Place>,
    server: Option<Server>,
}

/// Where the server is now; all procedures are there, or nowhere.
#[derive(Default)]
struct Place(Mutex<Option<Endpoint>>);

impl Resolve for Place {
    fn resolve(&self, procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        let place = self.0.lock().unwrap().clone();
        let revision = |place: &Endpoint| Revision(place.port().into());
        let place = place.map(|place| Endpoints::from(place.clone()).with_revision(revision(&place)));
        place.ok_or_else(|| Status::not_found(format!("nobody serves {procedure}")).not_run())
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, _why: &Status) {}
}

impl Stage {
    pub(super) fn new() -> Stage {
        let mut stage = Stage { chat: SmallChat::default(), place: Arc::default(), server: None };
        stage.open();
        stage
    }

    /// Serves, at another port than before.
    pub(super) fn open(&mut self) {
        let server = Server::builder()
            .service(ChatService::new(Arc::new(self.chat.clone())))
            .bind("127.0.0.1:0")
            .unwrap();
        *self.place.0.lock().unwrap() = Some(Endpoint::new("127.0.0.1", server.address().port()));
        self.server = Some(server);
    }

    /// Serves no longer; the place stays known, as it does in a resolver's cache.
    pub(super) fn shut(&mut self) {
        self.chat.release();
        let server = self.server.take().unwrap();
        server.shutdown(Duration::from_secs(5)).unwrap();
        self.chat.hold();
    }

    pub(super) fn session(&self) -> ChatSession {
        let options = SessionOptions::new("unused").with_deadline(Duration::from_secs(20));
        ChatSession::open(self.place.clone(), &options).unwrap()
    }

    pub(super) fn user(&self, username: &str) -> ChatSession {
        let session = self.session();
        session.register(username).unwrap();
        session
    }
}
