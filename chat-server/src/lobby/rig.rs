//! A lobby with a clock that stands still, and guests who call it through the trait as a server would.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_api::limits::HISTORY_BYTES;
use chat_api::{
    AFTER_KEY, Chat, ChatError, Event, EventKind, Joined, MESSAGE_ID_KEY, Mark, MessageId, News,
    PASSWORD_KEY, Received, SESSION_KEY, Sent, SessionToken, UnixMillis,
};
use rpc_core::{Code, Context, Status, Stream};

use super::{Lobby, LobbyOptions};
use crate::clock::Clock;
use crate::domain::{Moment, Uptime};

/// A wait that a failing test would make longer than this is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct StillClock(Mutex<Moment>);

impl Clock for StillClock {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}

impl StillClock {
    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        now.uptime = Uptime(now.uptime.0 + by);
        now.unix = UnixMillis(now.unix.0 + i64::try_from(by.as_millis()).unwrap());
    }

    /// Sets the wall's clock only, as an administrator may.
    pub(super) fn set_wall(&self, unix: UnixMillis) {
        self.0.lock().unwrap().unix = unix;
    }
}

pub(super) struct Rig {
    pub(super) lobby: Lobby,
    pub(super) clock: Arc<StillClock>,
}

impl Rig {
    pub(super) fn new() -> Rig {
        Rig::with_memory(HISTORY_BYTES)
    }

    /// A chat whose histories may take so many bytes together.
    pub(super) fn with_memory(history_bytes: usize) -> Rig {
        let start = Moment { unix: UnixMillis(1_792_000_000_000), uptime: Uptime(Duration::ZERO) };
        let clock = Arc::new(StillClock(Mutex::new(start)));
        let lobby =
            Lobby::new(LobbyOptions { clock: clock.clone(), history_bytes, ..LobbyOptions::default() });
        Rig { lobby, clock }
    }

    pub(super) fn admin(&self) -> &dyn chat_api::Admin {
        &self.lobby
    }

    pub(super) fn guest(&self, name: &str) -> Guest<'_> {
        let session = self.lobby.register_user(name.to_owned()).unwrap();
        Guest { lobby: &self.lobby, name: name.to_owned(), token: session.token }
    }

    /// Guests of these names, all in one room made for them.
    pub(super) fn guests_in<const COUNT: usize>(
        &self,
        room: &str,
        names: [&str; COUNT],
    ) -> [Guest<'_>; COUNT] {
        let guests = names.map(|name| self.guest(name));
        if let Some(first) = guests.first() {
            first.create(room).unwrap();
        }
        for guest in &guests {
            guest.join(room).unwrap();
        }
        guests
    }
}

#[derive(Clone)]
pub(super) struct Guest<'a> {
    pub(super) lobby: &'a Lobby,
    pub(super) name: String,
    pub(super) token: SessionToken,
}

impl Guest<'_> {
    pub(super) fn context(&self) -> Context {
        Context::background().with_metadata(SESSION_KEY, self.token.as_bytes()).unwrap()
    }

    pub(super) fn create(&self, room: &str) -> Result<(), ChatError> {
        self.context().scope(|| Chat::create_room(self.lobby, room.to_owned()))
    }

    pub(super) fn create_with_limit(&self, room: &str, limit: u32) -> Result<(), ChatError> {
        self.context().scope(|| self.lobby.create_room_with_limit(room.to_owned(), limit))
    }

    pub(super) fn join(&self, room: &str) -> Result<Joined, ChatError> {
        self.context().scope(|| self.lobby.join_room(self.name.clone(), room.to_owned()))
    }

    pub(super) fn create_private(&self, room: &str, password: &str) -> Result<(), ChatError> {
        self.context().scope(|| self.lobby.create_private_room(room.to_owned(), password.to_owned(), None))
    }

    /// Enters as a client does that knows private rooms: with no password, it shows an empty one.
    pub(super) fn join_with(&self, room: &str, password: &str) -> Result<Joined, ChatError> {
        let context = self.context().with_metadata(PASSWORD_KEY, password).unwrap();
        context.scope(|| self.lobby.join_room(self.name.clone(), room.to_owned()))
    }

    pub(super) fn leave(&self, room: &str) -> Result<(), ChatError> {
        self.context().scope(|| self.lobby.leave_room(self.name.clone(), room.to_owned()))
    }

    pub(super) fn unregister(&self) -> Result<(), ChatError> {
        self.context().scope(|| self.lobby.unregister_user(self.name.clone()))
    }

    pub(super) fn heartbeat(&self) -> Result<(), ChatError> {
        self.context().scope(|| self.lobby.heartbeat(self.name.clone()))
    }

    pub(super) fn say(&self, room: &str, text: &str) -> Result<Sent, ChatError> {
        self.context()
            .scope(|| self.lobby.send_message(self.name.clone(), room.to_owned(), text.to_owned(), None))
    }

    pub(super) fn tell(&self, room: &str, to: &str, text: &str) -> Result<Sent, ChatError> {
        let (name, room, text) = (self.name.clone(), room.to_owned(), text.to_owned());
        self.context().scope(|| self.lobby.send_message(name, room, text, Some(to.to_owned())))
    }

    pub(super) fn say_once(&self, room: &str, text: &str, id: MessageId) -> Result<Sent, ChatError> {
        let context = self.context().with_metadata(MESSAGE_ID_KEY, id.as_bytes()).unwrap();
        context.scope(|| self.lobby.send_message(self.name.clone(), room.to_owned(), text.to_owned(), None))
    }

    pub(super) fn receive(&self, room: &str) -> Result<Received, ChatError> {
        self.context().scope(|| self.lobby.receive_messages(self.name.clone(), room.to_owned()))
    }

    pub(super) fn receive_after(&self, room: &str, mark: Mark) -> Result<Received, ChatError> {
        let context = self.context().with_metadata(AFTER_KEY, mark.encode()).unwrap();
        context.scope(|| self.lobby.receive_messages(self.name.clone(), room.to_owned()))
    }

    pub(super) fn history(&self, room: &str) -> Result<Vec<Event>, ChatError> {
        self.context().scope(|| self.lobby.room_history(self.name.clone(), room.to_owned()))
    }

    pub(super) fn follow(&self, room: &str, after: Option<Mark>) -> Result<Following, ChatError> {
        let events = || self.lobby.events(self.name.clone(), room.to_owned(), after);
        let mut stream = self.context().scope(events)?;
        match stream.next() {
            Some(Ok(News::Begins { mark, missed })) => Ok(Following { stream, mark, missed }),
            other => panic!("a stream that begins with {other:?}"),
        }
    }
}

/// A stream of events behind its beginning.
pub(super) struct Following {
    stream: Stream<News>,
    pub(super) mark: Mark,
    pub(super) missed: u64,
}

impl Following {
    /// The next so many events, and the mark moves behind them.
    #[track_caller]
    pub(super) fn take(&mut self, count: usize) -> Vec<Event> {
        (0..count).map(|_| self.event().unwrap().unwrap()).collect()
    }

    /// What a person would read of the next so many events.
    #[track_caller]
    pub(super) fn read(&mut self, count: usize) -> Vec<String> {
        words(&self.take(count))
    }

    /// The last word of the stream: what came before it, and why it ended.
    #[track_caller]
    pub(super) fn end(&mut self) -> (Vec<Event>, Result<(), Code>) {
        let mut events = Vec::new();
        loop {
            match self.event() {
                Some(Ok(event)) => events.push(event),
                Some(Err(why)) => return (events, Err(why.code())),
                None => return (events, Ok(())),
            }
        }
    }

    /// Whether nothing has come that was not read.
    pub(super) fn is_quiet(&mut self) -> bool {
        !self.stream.wait_timeout(Duration::ZERO)
    }

    fn event(&mut self) -> Option<Result<Event, Status>> {
        let patience = Context::background().with_deadline(Instant::now() + PATIENCE);
        match patience.scope(|| self.stream.next())? {
            Ok(News::Event(event)) => {
                self.mark.seq = event.seq;
                Some(Ok(event))
            }
            Ok(other) => panic!("{other:?} within a stream"),
            Err(why) => Some(Err(why)),
        }
    }
}

/// What a person would read.
pub(super) fn words(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| word(&event.kind)).collect()
}

fn word(kind: &EventKind) -> String {
    match kind {
        EventKind::Broadcast { from, body } => format!("{from}: {body}"),
        EventKind::Unicast { from, to, body } => format!("{from} to {to}: {body}"),
        EventKind::Joined { username } => format!("+{username}"),
        EventKind::Left { username } => format!("-{username}"),
        other => format!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn status<T: std::fmt::Debug>(result: Result<T, ChatError>) -> Code {
    match result.unwrap_err() {
        ChatError::Status(status) => status.code(),
        other => panic!("{other:?}"),
    }
}
