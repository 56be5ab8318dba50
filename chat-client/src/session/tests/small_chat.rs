//! A small chat server that can be made to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use chat_api::{
    AFTER_KEY, Chat, ChatError, Event, EventKind, Incarnation, Joined, MESSAGE_ID_KEY, Mark, MessageBody,
    News, PASSWORD_KEY, REGISTRATION_KEY, Received, RoomDescription, RoomName, RoomSummary, SESSION_KEY,
    Sent, Seq, Session, SessionToken, Username,
};
use rpc_core::{Context, Status, Stream};

#[path = "small_chat/reader.rs"]
mod reader;
#[path = "small_chat/room.rs"]
mod room;

use reader::Reader;
use room::SmallRoom;

/// A chat in a hundred lines, for what a session has to survive.
#[derive(Clone, Default)]
pub(super) struct SmallChat {
    scene: Arc<Scene>,
}

#[derive(Default)]
struct Scene {
    world: Mutex<World>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct World {
    users: BTreeMap<String, [u8; 16]>,
    /// What each user registered with.
    registrations: BTreeMap<String, Vec<u8>>,
    rooms: BTreeMap<String, SmallRoom>,
    passwords: BTreeMap<String, String>,
    sent: BTreeMap<Vec<u8>, u64>,
    made: u64,
    closing: bool,
    /// Of each user.
    pub(super) heartbeats: BTreeMap<String, u64>,
    /// Messages that were asked to be taken.
    pub(super) sendings: u64,
    /// As long as this holds no message is answered.
    pub(super) deaf: bool,
    /// Streams of events that were opened.
    pub(super) streams: u64,
    /// So many answers to `register_user` are lost after the name was taken.
    pub(super) lost_registrations: u64,
    /// So many streams end behind their next event, as those of a reader that lags.
    pub(super) lagging: u64,
    /// So many answers to `send_message` are lost after the message was taken.
    pub(super) lost_answers: u64,
    /// So many answers to `join_room` are lost after the room was entered.
    pub(super) lost_joins: u64,
    /// So many streams of this room are refused, as by a server at its limit.
    pub(super) refused: (String, u64),
    /// How long a user may be silent, as sessions are told.
    pub(super) idle_after: Option<Duration>,
    /// Told as lost to whoever follows a room next.
    pub(super) missed: u64,
    /// As long as this holds no stream begins, as at a server that was stopped.
    pub(super) silent: bool,
    /// Whether it is a server of before private rooms were told of.
    pub(super) is_of_before: bool,
    /// So many heartbeats fail, as on a connection that is lost.
    pub(super) lost_heartbeats: u64,
}

impl SmallChat {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.scene.world.lock().unwrap()
    }

    /// A server that comes back without memory.
    pub(super) fn forget_everything(&self) {
        let made = self.world().made;
        *self.world() = World { made, ..World::default() };
    }

    /// What happens to a user who was silent too long.
    pub(super) fn expire(&self, username: &str) {
        let mut world = self.world();
        world.users.remove(username);
        world.put_out_everywhere(username);
        self.tell(world);
    }

    /// Somebody else has the name now.
    pub(super) fn give_away(&self, username: &str) {
        let mut world = self.world();
        world.users.insert(username.to_owned(), [0xFF; 16]);
        world.registrations.remove(username);
        world.put_out_everywhere(username);
        self.tell(world);
    }

    pub(super) fn put_out(&self, username: &str, room: &str) {
        let mut world = self.world();
        world.rooms.get_mut(room).unwrap().members.retain(|(member, _)| member != username);
        self.tell(world);
    }

    pub(super) fn close_room(&self, room: &str) {
        let mut world = self.world();
        world.rooms.get_mut(room).unwrap().record(EventKind::Closed);
        self.tell(world);
    }

    pub(super) fn limit_of(&self, room: &str) -> Option<u32> {
        self.world().rooms[room].limit
    }

    pub(super) fn beats_of(&self, username: &str) -> u64 {
        self.world().heartbeats.get(username).copied().unwrap_or_default()
    }

    pub(super) fn users(&self) -> Vec<String> {
        self.world().users.keys().cloned().collect()
    }

    /// From now on streams end at once, so that the server can end.
    pub(super) fn release(&self) {
        self.world().closing = true;
        self.scene.changed.notify_all();
    }

    /// Streams go on again.
    pub(super) fn hold(&self) {
        self.world().closing = false;
    }

    fn tell(&self, world: MutexGuard<'_, World>) {
        drop(world);
        self.scene.changed.notify_all();
    }

    fn make(&self, room_name: String, limit: Option<u32>) -> Result<(), ChatError> {
        let mut world = self.world();
        if world.rooms.contains_key(&room_name) {
            return Err(ChatError::RoomExists { room: RoomName::parse(&room_name)? });
        }
        world.made += 1;
        let incarnation = Incarnation::new(world.made);
        let room = SmallRoom { incarnation, members: vec![], events: vec![], limit };
        world.rooms.insert(room_name, room);
        Ok(())
    }
}

impl World {
    fn check(&self, username: &str) -> Result<(), ChatError> {
        let token = self.users.get(username);
        let token = token.ok_or(ChatError::NotRegistered { username: Username::parse(username)? })?;
        if Context::current().metadata().first(SESSION_KEY) != Some(token) {
            return Err(Status::unauthenticated("a wrong token").into());
        }
        Ok(())
    }

    fn check_password(&self, room_name: &str) -> Result<(), ChatError> {
        let Some(password) = self.passwords.get(room_name) else { return Ok(()) };
        let room = RoomName::parse(room_name)?;
        match Context::current().metadata().first(PASSWORD_KEY) {
            Some(shown) if shown == password.as_bytes() => Ok(()),
            Some([]) => Err(ChatError::PasswordNeeded { room }),
            _ => Err(ChatError::WrongPassword { room }),
        }
    }

    fn room(&mut self, room: &str) -> Result<&mut SmallRoom, ChatError> {
        let name = RoomName::parse(room)?;
        self.rooms.get_mut(room).ok_or(ChatError::NoSuchRoom { room: name })
    }

    fn put_out_everywhere(&mut self, username: &str) {
        for room in self.rooms.values_mut() {
            if room.is_in(username) {
                room.members.retain(|(member, _)| member != username);
                room.record(EventKind::Left { username: Username::parse(username).unwrap() });
            }
        }
    }
}

impl Chat for SmallChat {
    fn register_user(&self, username: String) -> Result<Session, ChatError> {
        let name = Username::parse(&username)?;
        let mut world = self.world();
        let context = Context::current();
        let shown = context.metadata().first(SESSION_KEY);
        let registration = context.metadata().first(REGISTRATION_KEY).unwrap().to_vec();
        let again = world.registrations.get(&username) == Some(&registration);
        let token = match world.users.get(&username) {
            Some(token) if again || shown == Some(token.as_slice()) => *token,
            Some(_) => return Err(ChatError::NameTaken { username: name }),
            None => {
                world.made += 1;
                let mut token = [0; 16];
                token[..8].copy_from_slice(&world.made.to_le_bytes());
                world.registrations.insert(username.clone(), registration);
                world.users.insert(username, token);
                token
            }
        };
        if world.lost_registrations > 0 {
            world.lost_registrations -= 1;
            return Err(Status::unavailable("the answer was lost").into());
        }
        let idle_after = world.idle_after.unwrap_or(Duration::from_secs(60));
        Ok(Session { token: SessionToken::new(token), username: name, idle_after })
    }

    fn unregister_user(&self, username: String) -> Result<(), ChatError> {
        let mut world = self.world();
        world.check(&username)?;
        world.users.remove(&username);
        world.put_out_everywhere(&username);
        self.tell(world);
        Ok(())
    }

    fn heartbeat(&self, username: String) -> Result<(), ChatError> {
        let mut world = self.world();
        *world.heartbeats.entry(username.clone()).or_default() += 1;
        if world.lost_heartbeats > 0 {
            world.lost_heartbeats -= 1;
            return Err(Status::unavailable("the connection was lost").into());
        }
        world.check(&username)
    }

    fn create_room(&self, room_name: String) -> Result<(), ChatError> {
        self.make(room_name, None)
    }

    fn create_room_with_limit(&self, room_name: String, limit: u32) -> Result<(), ChatError> {
        self.make(room_name, Some(limit))
    }

    fn create_private_room(
        &self,
        room_name: String,
        password: String,
        limit: Option<u32>,
    ) -> Result<(), ChatError> {
        self.make(room_name.clone(), limit)?;
        self.world().passwords.insert(room_name, password);
        Ok(())
    }

    fn join_room(&self, username: String, room_name: String) -> Result<Joined, ChatError> {
        let mut world = self.world();
        world.check(&username)?;
        world.check_password(&room_name)?;
        let room = world.room(&room_name)?;
        if !room.is_in(&username) {
            if room.limit.is_some_and(|limit| room.members.len() >= limit as usize) {
                return Err(ChatError::RoomFull {
                    room: RoomName::parse(&room_name)?,
                    limit: room.limit.unwrap(),
                });
            }
            let seq = room.record(EventKind::Joined { username: Username::parse(&username)? });
            room.members.push((username.clone(), seq));
        }
        let seq = room.members.iter().find(|(member, _)| *member == username).unwrap().1;
        let joined = Joined {
            room: RoomName::parse(&room_name)?,
            users: room.members.iter().map(|(member, _)| Username::parse(member).unwrap()).collect(),
            history: room.public(),
            mark: Mark { incarnation: room.incarnation, seq: Seq::new(seq) },
        };
        let lost = world.lost_joins > 0;
        world.lost_joins = world.lost_joins.saturating_sub(1);
        self.tell(world);
        if lost { Err(Status::unavailable("the answer was lost").into()) } else { Ok(joined) }
    }

    fn leave_room(&self, username: String, room_name: String) -> Result<(), ChatError> {
        let mut world = self.world();
        world.check(&username)?;
        let room = world.room(&room_name)?;
        room.check_member(&username, &room_name)?;
        room.members.retain(|(member, _)| *member != username);
        room.record(EventKind::Left { username: Username::parse(&username)? });
        self.tell(world);
        Ok(())
    }

    fn send_message(
        &self,
        username: String,
        room_name: String,
        message: String,
        recipient: Option<String>,
    ) -> Result<Sent, ChatError> {
        let mut world = self.world();
        world.sendings += 1;
        while world.deaf && !Context::current().is_cancelled() {
            world = self.scene.changed.wait_timeout(world, Duration::from_millis(20)).unwrap().0;
        }
        world.check(&username)?;
        let body = MessageBody::parse(&message)?;
        let from = Username::parse(&username)?;
        let room = world.room(&room_name)?;
        room.check_member(&username, &room_name)?;
        let kind = match recipient {
            Some(to) => EventKind::Unicast { from, to: Username::parse(&to)?, body },
            None => EventKind::Broadcast { from, body },
        };
        let id = Context::current().metadata().first(MESSAGE_ID_KEY).unwrap().to_vec();
        let before = world.sent.get(&id).copied();
        let seq = match before {
            Some(seq) => seq,
            None => world.room(&room_name)?.record(kind),
        };
        world.sent.insert(id, seq);
        let lost = world.lost_answers > 0;
        world.lost_answers = world.lost_answers.saturating_sub(1);
        self.tell(world);
        if lost {
            Err(Status::unavailable("the answer was lost").into())
        } else {
            Ok(Sent { seq: Seq::new(seq) })
        }
    }

    fn receive_messages(&self, username: String, room_name: String) -> Result<Received, ChatError> {
        let mut world = self.world();
        world.check(&username)?;
        let room = world.room(&room_name)?;
        room.check_member(&username, &room_name)?;
        let after = Context::current().metadata().first(AFTER_KEY).and_then(Mark::decode);
        Ok(room.after(&username, after))
    }

    fn events(
        &self,
        username: String,
        room_name: String,
        after: Option<Mark>,
    ) -> Result<Stream<News>, ChatError> {
        let mut world = self.world();
        world.streams += 1;
        while world.silent && !Context::current().is_cancelled() {
            world = self.scene.changed.wait_timeout(world, Duration::from_millis(20)).unwrap().0;
        }
        world.check(&username)?;
        if world.refused.0 == room_name && world.refused.1 > 0 {
            world.refused.1 -= 1;
            return Err(Status::internal("this room is ill").into());
        }
        let missed = std::mem::take(&mut world.missed);
        let room = world.room(&room_name)?;
        room.check_member(&username, &room_name)?;
        let mark = room.start(&username, after);
        drop(world);
        let (scene, mut begins) = (self.scene.clone(), Some(News::Begins { mark, missed }));
        let mut reader = Reader { scene, token: Context::current(), username, room_name, mark };
        let next = move || begins.take().map(Ok).or_else(|| reader.next());
        Ok(Stream::from_results(std::iter::from_fn(next)))
    }

    fn room_history(&self, username: String, room_name: String) -> Result<Vec<Event>, ChatError> {
        let mut world = self.world();
        world.check(&username)?;
        let room = world.room(&room_name)?;
        room.check_member(&username, &room_name)?;
        Ok(room.public())
    }

    fn describe_rooms(&self) -> Result<Vec<RoomDescription>, ChatError> {
        if self.world().is_of_before {
            return Err(Status::unimplemented("describe_rooms is not served").not_run().into());
        }
        Ok(self.world().described())
    }

    fn list_rooms(&self) -> Result<Vec<RoomSummary>, ChatError> {
        let rooms = self.world().described().into_iter();
        Ok(rooms
            .map(|RoomDescription { name, users, limit, .. }| RoomSummary { name, users, limit })
            .collect())
    }

    fn list_users(&self, room_name: String) -> Result<Vec<Username>, ChatError> {
        let mut world = self.world();
        let members = &world.room(&room_name)?.members;
        Ok(members.iter().map(|(member, _)| Username::parse(member).unwrap()).collect())
    }
}
