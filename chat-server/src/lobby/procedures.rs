//! The procedures of the contract.

use chat_api::{
    AFTER_KEY, Chat, ChatError, Event, Joined, LogEntry, MESSAGE_ID_KEY, Mark, MessageBody, MessageId, News,
    REGISTRATION_KEY, Received, RegistrationId, RoomDescription, RoomName, RoomReport, RoomSummary,
    SESSION_KEY, Sent, Session, Username,
};
use rpc_core::{Context, Status, Stream};

use super::Lobby;
use crate::domain::{Maker, Newcomer, Person, Post, Posted, Recipient};
use crate::random;

impl Chat for Lobby {
    fn register_user(&self, username: String) -> Result<Session, ChatError> {
        let name = Username::parse(&username)?;
        let registration = value(REGISTRATION_KEY, RegistrationId::decode)?;
        let now = self.now();
        let idle = self.users().retire_idle_holders(&name, now);
        self.put_out(&idle);
        let person = Person { id: random::user_id()?, name };
        let newcomer = Newcomer { person, token: random::token()?, registration };
        let context = Context::current();
        let registered = self.users().register(newcomer, context.metadata().first(SESSION_KEY), now)?;
        let username = registered.person.name;
        tracing::info!(user = %username, "a user is registered");
        Ok(Session { token: registered.token, username, idle_after: self.user_idle_after })
    }

    fn unregister_user(&self, username: String) -> Result<(), ChatError> {
        let person = self.caller(&username)?;
        let retired = self.users().retire(person.id);
        self.put_out(retired.as_slice());
        Ok(())
    }

    fn heartbeat(&self, username: String) -> Result<(), ChatError> {
        self.caller(&username).map(drop)
    }

    fn create_room(&self, room_name: String) -> Result<(), ChatError> {
        self.make_for_caller(&room_name, None, None)
    }

    fn create_room_with_limit(&self, room_name: String, limit: u32) -> Result<(), ChatError> {
        self.make_for_caller(&room_name, Some(limit), None)
    }

    fn create_private_room(
        &self,
        room_name: String,
        password: String,
        limit: Option<u32>,
    ) -> Result<(), ChatError> {
        self.make_for_caller(&room_name, limit, Some(&password))
    }

    fn join_room(&self, username: String, room_name: String) -> Result<Joined, ChatError> {
        let person = self.caller(&username)?;
        let room = RoomName::parse(&room_name)?;
        let before = self.rooms.rooms_of(person.id);
        let joined = self.enter(&room, &person).inspect_err(|refused| self.note_refusal(&person, refused))?;
        self.announce(&room);
        if let Err(retired) = self.still_registered(&person) {
            self.leave(&room, &person).ok();
            return Err(retired);
        }
        if !before.contains(&joined.room) {
            self.note(LogEntry::Entered { user: person.name.clone(), room: joined.room.clone() });
        }
        tracing::debug!(user = %person.name, %room, "a user is in a room");
        Ok(joined)
    }

    fn leave_room(&self, username: String, room_name: String) -> Result<(), ChatError> {
        let person = self.caller(&username)?;
        self.leave(&RoomName::parse(&room_name)?, &person)
    }

    fn send_message(
        &self,
        username: String,
        room_name: String,
        message: String,
        recipient: Option<String>,
    ) -> Result<Sent, ChatError> {
        let from = self.caller(&username)?.id;
        let room = RoomName::parse(&room_name)?;
        let to = recipient.map(|name| self.recipient(&name)).transpose()?;
        let body = MessageBody::parse(&message)?;
        let id = value(MESSAGE_ID_KEY, MessageId::decode)?;
        let is_broadcast = to.is_none();
        let Posted { seq, logged } = self.rooms.post(&room, Post { from, to, body, id }, self.now())?;
        if is_broadcast {
            self.messages.count_broadcast();
        } else {
            self.messages.count_unicast();
        }
        self.announce(&room);
        logged.into_iter().for_each(|entry| self.note(entry));
        Ok(Sent { seq })
    }

    fn receive_messages(&self, username: String, room_name: String) -> Result<Received, ChatError> {
        let person = self.caller(&username)?;
        let room = RoomName::parse(&room_name)?;
        let after = value(AFTER_KEY, Mark::decode)?;
        self.rooms.fetch(&room, person.id, after, self.now())
    }

    fn events(
        &self,
        username: String,
        room_name: String,
        after: Option<Mark>,
    ) -> Result<Stream<News>, ChatError> {
        let person = self.caller(&username)?;
        self.follow(&RoomName::parse(&room_name)?, &person, after)
    }

    fn room_history(&self, username: String, room_name: String) -> Result<Vec<Event>, ChatError> {
        let person = self.caller(&username)?;
        self.rooms.recent(&RoomName::parse(&room_name)?, person.id, self.now())
    }

    fn describe_rooms(&self) -> Result<Vec<RoomDescription>, ChatError> {
        self.note_presence();
        let description = |report: RoomReport| {
            let RoomReport { name, users, limit, private, .. } = report;
            RoomDescription { name, users, limit, private }
        };
        Ok(self.rooms.list(self.now()).into_iter().map(description).collect())
    }

    fn list_rooms(&self) -> Result<Vec<RoomSummary>, ChatError> {
        let summary = |description: RoomDescription| {
            let RoomDescription { name, users, limit, .. } = description;
            RoomSummary { name, users, limit }
        };
        Ok(self.describe_rooms()?.into_iter().map(summary).collect())
    }

    fn list_users(&self, room_name: String) -> Result<Vec<Username>, ChatError> {
        self.note_presence();
        self.rooms.users(&RoomName::parse(&room_name)?, self.now())
    }
}

impl Lobby {
    fn make_for_caller(
        &self,
        room_name: &str,
        limit: Option<u32>,
        password: Option<&str>,
    ) -> Result<(), ChatError> {
        let maker = Maker::User(self.session_holder()?.id);
        self.make(room_name, limit, password, maker)
    }

    fn leave(&self, room: &RoomName, person: &Person) -> Result<(), ChatError> {
        self.rooms.leave(room, person.id, self.now())?;
        self.announce(room);
        tracing::debug!(user = %person.name, %room, "a user left a room");
        Ok(())
    }

    fn recipient(&self, name: &str) -> Result<Recipient, ChatError> {
        let name = Username::parse(name)?;
        let id = self.users().find(&name.key());
        Ok(Recipient { name, id })
    }

    /// A call that needs no session still shows that its user is there, if it carries one.
    fn note_presence(&self) {
        self.session_holder().ok();
    }
}

/// A value that the caller may have sent beside the arguments.
fn value<T>(key: &str, decode: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Status> {
    let context = Context::current();
    let Some(bytes) = context.metadata().first(key) else { return Ok(None) };
    let wrong =
        || Status::invalid_argument(format!("the metadata value of \"{key}\" does not have 16 bytes"));
    decode(bytes).map(Some).ok_or_else(wrong)
}
