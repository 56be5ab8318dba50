//! What the room scenarios stand on: a binder and a chat server in this process, people with sessions, and a claim that
//! ends a scenario when it does not hold.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use binder::{BinderServer, Resolver};
use chat_client::event::{ConnectionState, MessageKind, NoticeKind};
use chat_client::{ChatEvent, ChatSession, SessionOptions};
use chat_server::{ChatServer, LobbyOptions, ServerOptions};

/// What a scenario, or a part of it, comes to.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Nothing that a scenario waits for takes longer.
pub const SOON: Duration = Duration::from_secs(30);

/// A binder, and the chat server that is registered with it.
#[derive(Debug)]
pub struct House {
    binder: BinderServer,
    resolver: Arc<Resolver>,
    lobby: LobbyOptions,
    server: Option<ChatServer>,
}

impl House {
    /// A chat without rooms.
    ///
    /// # Errors
    /// When the machine gives no port or thread.
    pub fn open() -> Outcome<House> {
        House::open_with(LobbyOptions::default())
    }

    /// As [`open`](House::open), with times or a clock of one's own.
    ///
    /// # Errors
    /// As [`open`](House::open).
    pub fn open_with(lobby: LobbyOptions) -> Outcome<House> {
        let binder = BinderServer::start("127.0.0.1:0")?;
        let resolver = Resolver::new(binder.address().to_string());
        let mut house = House { binder, resolver, lobby, server: None };
        house.start()?;
        Ok(house)
    }

    /// Ends the server, whose rooms are gone then.
    ///
    /// # Errors
    /// When a call does not end.
    pub fn stop(&mut self) -> Outcome {
        self.server.take().map_or(Ok(()), |server| server.shutdown(SOON))?;
        Ok(())
    }

    /// Starts a server, with nothing of the former one.
    ///
    /// # Errors
    /// As [`open`](House::open).
    pub fn start(&mut self) -> Outcome {
        let (binder, lobby) = (self.binder.address().to_string(), self.lobby.clone());
        let server = ChatServer::start(ServerOptions { binder, lobby, ..ServerOptions::default() })?;
        server.wait_registered(SOON)?;
        self.server = Some(server);
        Ok(())
    }

    /// The server, for its operator.
    ///
    /// # Errors
    /// While it is stopped.
    pub fn server(&self) -> Outcome<&ChatServer> {
        self.server.as_ref().ok_or_else(|| "the server is stopped".into())
    }

    /// Somebody with this name.
    ///
    /// # Errors
    /// When the name is taken, or the server is not there.
    pub fn person(&self, name: &str) -> Outcome<ChatSession> {
        let options = SessionOptions::new(self.binder.address().to_string()).with_deadline(SOON);
        let session = ChatSession::open(self.resolver.clone(), &options)?;
        session.register(name)?;
        Ok(session)
    }
}

/// What somebody hears next, in a few words.
///
/// # Errors
/// When nothing comes.
pub fn hear(person: &ChatSession) -> Outcome<String> {
    Ok(words(&person.events().recv_timeout(SOON)?))
}

/// Whether somebody has heard everything that there is for him.
#[must_use]
pub fn has_heard_all(person: &ChatSession) -> bool {
    person.settle(SOON) && person.events().is_empty()
}

/// An event in a few words.
#[must_use]
pub fn words(event: &ChatEvent) -> String {
    match event {
        ChatEvent::Message(message) => match message.kind {
            MessageKind::Broadcast => format!("{}: {}", message.from, message.body),
            MessageKind::Unicast => format!("{}, privately: {}", message.from, message.body),
        },
        ChatEvent::Notice(notice) => match (notice.kind, notice.username.as_deref()) {
            (NoticeKind::Joined, who) => format!("{} came", who.unwrap_or_default()),
            (NoticeKind::Left, who) => format!("{} left", who.unwrap_or_default()),
            (NoticeKind::Closed, _) => format!("{} was closed", notice.room),
        },
        ChatEvent::Left { room } => format!("you are out of {room}"),
        ChatEvent::Gap { room } => format!("messages of {room} may be missing"),
        ChatEvent::Connection { state: ConnectionState::Lost } => "the connection is lost".to_owned(),
        ChatEvent::Connection { state: ConnectionState::Restored } => "the connection is back".to_owned(),
        ChatEvent::Error { message, .. } => message.clone(),
        other => other.to_json(),
    }
}

/// Holds what a scenario says to be so.
///
/// # Errors
/// When it is not.
pub fn claim(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("it is not so that {what}").into()) }
}

/// Holds that two things are the same.
///
/// # Errors
/// Says both, when they are not.
#[expect(
    clippy::needless_pass_by_value,
    reason = "scenarios read better without references to what was just made"
)]
pub fn same<A: std::fmt::Debug + PartialEq<B>, B: std::fmt::Debug>(found: A, expected: B) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}").into()) }
}
