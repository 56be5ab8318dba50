//! A chat session: one user at one server, for programs.
//!
//! Owned by whoever scripts it. Commands are calls of the thread that makes them; what others do arrives at
//! [`events`](ChatSession::events), put there by the session's own threads, which follow its rooms on a connection of their
//! own. The session survives lost connections and servers that come back: it never shows a message twice, and where
//! it cannot promise that none is missing it says so ([`ChatEvent::Gap`]).
//!
//! ```text
//! commands ──► Calls ────────────► server        join, leave, send, …
//!    │           │ unknown session      ▲
//!    │           ▼                      │
//!    └──► State (rooms, marks) ◄── listener      heartbeat, register and join again
//!                    ▲                  │
//!                    └───── Ear, Ear ◄──┘         events, a stream a room
//!                              │
//!                    events ◄──┘
//! ```

mod calls;
mod convert;
mod ear;
mod listener;
mod options;
mod pauses;
mod rooms;
mod state;
mod voice;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_api::{ChatClient, ChatError, MESSAGE_ID_KEY, MessageBody, RoomPassword};
use crossbeam_channel::{Receiver, Sender};
use rpc_core::{Resolve, Status};

pub use options::SessionOptions;
pub(crate) use pauses::Pauses;

use crate::event::{ChatEvent, Message, RoomLine};
use calls::{Calls, Repeat};
use listener::Listener;
use rooms::Leaving;
use state::State;

/// A connection to a chat, and after [`register`](ChatSession::register) a user there.
///
/// Any number of threads may share one. Dropping it closes it.
#[derive(Debug)]
pub struct ChatSession {
    calls: Arc<Calls>,
    state: Arc<State>,
    feed: Sender<ChatEvent>,
    events: Receiver<ChatEvent>,
    listener: Listener,
}

/// What one sees on entering a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The room's name as its maker wrote it.
    pub room: String,
    /// Who is in, ourselves included, in order of entry.
    pub users: Vec<String>,
    /// The last 50 public messages, oldest first.
    pub history: Vec<Message>,
}

/// The answer to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The room's name as its maker wrote it.
    pub room: String,
    /// The message's number there.
    pub seq: u64,
}

impl ChatSession {
    /// Finds every procedure of the chat through the binder.
    ///
    /// # Errors
    /// `unavailable` when the binder or the chat server is not there within the time that `options` has for it.
    pub fn connect(options: &SessionOptions) -> Result<ChatSession, ChatError> {
        let resolver = options.find()?;
        ChatSession::open(resolver, options)
    }

    /// A session with whatever server `resolve` finds.
    ///
    /// # Errors
    /// `unavailable` when the machine allows no further thread.
    pub fn open(resolve: Arc<dyn Resolve>, options: &SessionOptions) -> Result<ChatSession, ChatError> {
        let (feed, events) = crossbeam_channel::bounded(EVENTS_WAITING);
        let state = Arc::new(State::default());
        let calls = Arc::new(Calls::new(resolve, options, state.clone())?);
        let listener = Listener::new(calls.clone(), state.clone(), feed.clone());
        Ok(ChatSession { calls, state, feed, events, listener })
    }

    /// Takes a name, and begins to listen. Returns the name as others see it.
    ///
    /// # Errors
    /// `name_taken` and `invalid_name`: ask for another. A session has one name only.
    pub fn register(&self, username: &str) -> Result<String, ChatError> {
        self.register_within(self.calls.deadline, username)
    }

    /// As [`register`](ChatSession::register), with a time of its own.
    pub(crate) fn register_within(&self, time: Duration, username: &str) -> Result<String, ChatError> {
        if self.state.who().is_some() {
            return Err(Status::failed_precondition("this session has a name already").not_run().into());
        }
        let session = self.calls.register(time, username)?;
        let shown = session.username.to_string();
        self.state.registered(session);
        self.listener.start()?;
        Ok(shown)
    }

    /// Our name, once there is one.
    #[must_use]
    pub fn username(&self) -> Option<String> {
        self.state.who().map(|who| who.username.to_string())
    }

    /// The rooms that we are in, the one entered last at the end.
    #[must_use]
    pub fn joined(&self) -> Vec<String> {
        self.state.rooms(|rooms| rooms.names())
    }

    /// Makes a room, for at most `limit` users at once. Returns its name without the blanks around it.
    ///
    /// # Errors
    /// `room_exists`, `invalid_name`, `unknown_command` for a limit of 0.
    pub fn create(&self, room: &str, limit: Option<u32>) -> Result<String, ChatError> {
        let name = convert::room_name(room)?;
        self.calls.run(Repeat::IfNotRun, |chat| match limit {
            None => chat.start().create_room(name.to_string()),
            Some(limit) => chat.start().create_room_with_limit(name.to_string(), limit),
        })?;
        self.state.rooms(|rooms| rooms.learn_limit(&name, limit));
        Ok(name.to_string())
    }

    /// Makes a private room, for at most `limit` users at once. Returns its name without the blanks around it.
    ///
    /// # Errors
    /// As [`create`](ChatSession::create), and `invalid_password`.
    pub fn create_private(
        &self,
        room: &str,
        password: &RoomPassword,
        limit: Option<u32>,
    ) -> Result<String, ChatError> {
        let name = convert::room_name(room)?;
        self.calls.run(Repeat::IfNotRun, |chat| {
            chat.start().create_private_room(name.to_string(), password.secret().to_owned(), limit)
        })?;
        self.state.rooms(|rooms| rooms.learn_limit(&name, limit));
        Ok(name.to_string())
    }

    /// Enters a room; for one that we are in already it tells the same again and makes it the last of
    /// [`joined`](ChatSession::joined).
    ///
    /// # Errors
    /// `no_such_room`, `room_full`, `room_closed`, `password_needed`, `not_registered`, `invalid_name`.
    pub fn join(&self, room: &str) -> Result<Entry, ChatError> {
        self.join_announced(room, None, |_| ())
    }

    /// Enters a private room. The password is kept as long as we are in: a server that forgets the room is told it again.
    ///
    /// # Errors
    /// As [`join`](ChatSession::join), `wrong_password`, and `too_many_tries` behind five wrong ones.
    pub fn join_private(&self, room: &str, password: &RoomPassword) -> Result<Entry, ChatError> {
        self.join_announced(room, Some(password), |_| ())
    }

    /// As [`join`](ChatSession::join) or [`join_private`](ChatSession::join_private); `announce` runs before the first event
    /// of the room can arrive.
    pub(crate) fn join_announced(
        &self,
        room: &str,
        password: Option<&RoomPassword>,
        announce: impl FnOnce(&Entry),
    ) -> Result<Entry, ChatError> {
        let name = convert::room_name(room)?;
        let username = self.our_name()?;
        let joined = self.calls.run(Repeat::Always, |chat| {
            calls::showing(chat, password).start().join_room(username.clone(), name.to_string())
        })?;
        let shown_up_to = self.state.rooms(|rooms| rooms.shown_up_to(&joined.room, joined.mark));
        let entry = convert::entry(&joined, shown_up_to);
        announce(&entry);
        let registration = self.state.who().map_or(0, |who| who.registration);
        let password = password.cloned();
        self.state.rooms(|rooms| rooms.enter(joined.room, joined.mark, registration, password));
        Ok(entry)
    }

    /// Leaves a room. Returns its name as its maker wrote it.
    ///
    /// # Errors
    /// `not_in_room`, `no_such_room`, `not_registered`.
    pub fn leave(&self, room: &str) -> Result<String, ChatError> {
        let username = self.our_name()?;
        let name = self.named(room)?;
        self.state.rooms(|rooms| rooms.set_leaving(&name, Leaving::UnderWay));
        let call = |chat: &ChatClient| chat.start().leave_room(username.clone(), name.clone());
        match self.calls.run(Repeat::IfNotRun, call) {
            Err(failure @ ChatError::Status(_)) => {
                self.state.rooms(|rooms| rooms.set_leaving(&name, Leaving::Failed));
                Err(failure)
            }
            answer => {
                self.state.rooms(|rooms| rooms.leave(&name));
                answer.map(|()| name)
            }
        }
    }

    /// Says something to everybody in a room. It comes back in [`events`](ChatSession::events) like any other message.
    ///
    /// # Errors
    /// `not_in_room`, `empty_message`, `too_long` (4,096 bytes), `no_such_room`, `not_registered`.
    pub fn send(&self, room: &str, text: &str) -> Result<Receipt, ChatError> {
        self.deliver(room, text, None)
    }

    /// Says something to one person in a room. It does not come back.
    ///
    /// # Errors
    /// As [`send`](ChatSession::send), and `recipient_not_in_room`.
    pub fn send_to(&self, room: &str, recipient: &str, text: &str) -> Result<Receipt, ChatError> {
        self.deliver(room, text, Some(recipient))
    }

    /// As [`send`](ChatSession::send), or [`send_to`](ChatSession::send_to) a recipient; `announce` runs before the message
    /// itself can come back. For one thread of a session.
    pub(crate) fn send_announced(
        &self,
        room: &str,
        text: &str,
        to: Option<&str>,
        announce: impl FnOnce(Receipt),
    ) -> Result<(), ChatError> {
        let _sending = self.state.sending();
        self.deliver(room, text, to).map(announce)
    }

    fn deliver(&self, room: &str, text: &str, to: Option<&str>) -> Result<Receipt, ChatError> {
        let username = self.our_name()?;
        let room = self.named(room)?;
        MessageBody::parse(text)?;
        let id = calls::message_id()?;
        let sent = self.calls.run(Repeat::Always, |chat| {
            let chat = chat.with_metadata(MESSAGE_ID_KEY, *id.as_bytes());
            chat.start().send_message(username.clone(), room.clone(), text.to_owned(), to.map(str::to_owned))
        })?;
        Ok(Receipt { room, seq: sent.seq.number() })
    }

    /// All rooms, in order of creation.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn rooms(&self) -> Result<Vec<RoomLine>, ChatError> {
        let rooms = self.calls.rooms()?;
        self.state
            .rooms(|known| rooms.iter().for_each(|(room, _)| known.learn_limit(&room.name, room.limit)));
        Ok(rooms.into_iter().map(convert::room_line).collect())
    }

    /// Who is in a room, in order of entry.
    ///
    /// # Errors
    /// `no_such_room`, `invalid_name`.
    pub fn users(&self, room: &str) -> Result<Vec<String>, ChatError> {
        let name = self.named(room)?;
        let users = self.calls.run(Repeat::Always, |chat| chat.start().list_users(name.clone()))?;
        Ok(users.into_iter().map(String::from).collect())
    }

    /// The last 50 messages of a room that we may see, private ones included, oldest first.
    ///
    /// # Errors
    /// `not_in_room`, `no_such_room`, `not_registered`.
    pub fn history(&self, room: &str) -> Result<Vec<Message>, ChatError> {
        let username = self.our_name()?;
        let name = self.named(room)?;
        let events = self
            .calls
            .run(Repeat::Always, |chat| chat.start().room_history(username.clone(), name.clone()))?;
        Ok(events.iter().filter_map(|event| convert::message(&name, event)).collect())
    }

    /// What happens to us, in the order of each room: messages, notices, gaps, the state of the connection, and errors
    /// that no command caused. Each event goes to one of the receivers.
    ///
    /// Holds 1,024 events; while it is full nothing is lost, the server keeps what comes next.
    #[must_use]
    pub fn events(&self) -> Receiver<ChatEvent> {
        self.events.clone()
    }

    /// Where the program puts the outcome of commands, so that they stand in order among the events.
    pub(crate) fn feed(&self) -> Sender<ChatEvent> {
        self.feed.clone()
    }

    /// Waits until everything that is in our rooms at the server now stands in [`events`](ChatSession::events); `false` if
    /// that took longer than `within`. Fetches with `receive_messages`, which moves the mark that the server keeps.
    #[must_use]
    pub fn settle(&self, within: Duration) -> bool {
        let Some(until) = Instant::now().checked_add(within) else { return false };
        let rooms = self.state.rooms(|rooms| rooms.memberships());
        rooms.into_iter().all(|ours| {
            let left = until.saturating_duration_since(Instant::now());
            match self.calls.newest(&ours.room, ours.mark, left) {
                Ok(newest) => self.state.wait_for(until, |rooms| rooms.has_seen(ours.room.as_str(), newest)),
                Err(refused) => convert::is_out(&refused),
            }
        })
    }

    /// Ends calls that are under way, and the waits of those that would be tried again; what comes after fails at once.
    pub fn interrupt(&self) {
        self.state.stop();
    }

    /// Whether [`interrupt`](ChatSession::interrupt) or [`close`](ChatSession::close) was called.
    pub(crate) fn is_over(&self) -> bool {
        self.state.is_stopping()
    }

    /// Whether the server is known to be out of reach just now: commands wait for it.
    pub(crate) fn is_away(&self) -> bool {
        self.state.is_away()
    }

    /// Disconnected when the chat has ended: no command succeeds any more.
    pub(crate) fn ended(&self) -> &Receiver<Infallible> {
        self.state.ended()
    }

    /// Lets time pass; less of it when the session is interrupted.
    pub(crate) fn pause(&self, time: Duration) {
        self.state.pause(time);
    }

    /// Leaves every room, frees the name and stops listening, within about 2 s; the session makes no calls afterwards.
    ///
    /// # Errors
    /// When the server could not be told; it finds out by itself when the idle time is over.
    pub fn close(&self) -> Result<(), ChatError> {
        // Stopped first: a listener that is told of our end must not register us again.
        self.state.stop();
        let farewell = self.calls.farewell();
        self.listener.join();
        farewell
    }

    /// A room's name as events show it.
    pub(crate) fn shown(&self, typed: &str) -> Result<String, ChatError> {
        self.named(typed)
    }

    fn our_name(&self) -> Result<String, ChatError> {
        let nobody = || Status::failed_precondition("register a name first").not_run();
        Ok(self.username().ok_or_else(nobody)?)
    }

    /// The room as its maker wrote it if we are in it, and as it was typed otherwise.
    fn named(&self, typed: &str) -> Result<String, ChatError> {
        let name = convert::room_name(typed)?;
        Ok(self.state.rooms(|rooms| rooms.known_as(&name)).unwrap_or_else(|| name.to_string()))
    }
}

impl Drop for ChatSession {
    fn drop(&mut self) {
        if !self.state.is_stopping() {
            // Nobody is left to be told that the server could not be.
            let _ = self.close();
        }
        self.listener.join();
    }
}

/// Events that may wait for a slow reader in this process; the rest waits at the server, which keeps 10,000 a room.
const EVENTS_WAITING: usize = 1_024;

#[cfg(test)]
mod tests;
