//! The way in for operators who come through a connection.
//!
//! Each call shows a token of the server's token file, where it has one. Without one the procedures are served only while
//! the server listens on loopback: whoever is on the machine is trusted there, as by the binder.

use std::net::SocketAddr;
use std::sync::Arc;

use binder::Tokens;
use chat_api::{
    ADMIN_TOKEN_KEY, Admin, AdminService, ChatError, LogPage, RoomChoice, RoomName, RoomReport, Username,
};
use rpc_core::{Context, Status};

use crate::lobby::Lobby;

/// Who may operate a chat from a connection.
#[derive(Clone, Debug, Default)]
pub enum Operators {
    /// Everybody on this machine; nobody if the server listens where others reach it.
    #[default]
    OnThisMachine,
    /// Whoever has one of these tokens. What stands behind a token in its file is not looked at.
    WithToken(Tokens),
}

/// The lobby, behind the look at the token.
#[derive(Debug)]
pub(crate) struct Entrance {
    lobby: Arc<Lobby>,
    tokens: Option<Tokens>,
}

impl Operators {
    /// What is served to them by a server that listens at `address`, if anything.
    pub(crate) fn service(self, lobby: &Arc<Lobby>, address: SocketAddr) -> Option<AdminService<Entrance>> {
        let tokens = match self {
            Operators::OnThisMachine if address.ip().to_canonical().is_loopback() => None,
            Operators::OnThisMachine => return None,
            Operators::WithToken(tokens) => Some(tokens),
        };
        Some(AdminService::new(Arc::new(Entrance { lobby: lobby.clone(), tokens })))
    }
}

impl Entrance {
    /// The lobby, for who may.
    fn admitted(&self) -> Result<&Lobby, Status> {
        let Some(tokens) = &self.tokens else { return Ok(&self.lobby) };
        let context = Context::current();
        let refusal = match context.metadata().first(ADMIN_TOKEN_KEY) {
            Some(shown) if tokens.knows(shown) => return Ok(&self.lobby),
            Some(_) => "the chat server does not know the operator's token",
            None => "the chat server wants an operator's token: give --token-file",
        };
        Err(Status::unauthenticated(refusal))
    }
}

impl Admin for Entrance {
    fn create_room(
        &self,
        room_name: String,
        limit: Option<u32>,
        password: Option<String>,
    ) -> Result<(), ChatError> {
        self.admitted()?.create_room(room_name, limit, password)
    }

    fn list_rooms(&self) -> Result<Vec<RoomReport>, ChatError> {
        Admin::list_rooms(self.admitted()?)
    }

    fn list_users(&self, room: RoomChoice) -> Result<Vec<Username>, ChatError> {
        Admin::list_users(self.admitted()?, room)
    }

    fn close_room(&self, room: RoomChoice, reason: Option<String>) -> Result<RoomName, ChatError> {
        self.admitted()?.close_room(room, reason)
    }

    fn kick(&self, room: RoomChoice, username: String, reason: Option<String>) -> Result<(), ChatError> {
        self.admitted()?.kick(room, username, reason)
    }

    fn broadcast(&self, room: Option<RoomChoice>, message: String) -> Result<u32, ChatError> {
        self.admitted()?.broadcast(room, message)
    }

    fn logs(&self, after: u64) -> Result<LogPage, ChatError> {
        self.admitted()?.logs(after)
    }
}
