//! Making rooms, and the way into them.

use std::num::NonZeroU32;

use chat_api::{ChatError, Joined, LogEntry, PASSWORD_KEY, RoomName, RoomPassword};
use rpc_core::{Context, Status};

use super::Lobby;
use crate::domain::{Door, Key, Maker, Person, RoomPlan, UserId};
use crate::random;

impl Lobby {
    pub(super) fn make(
        &self,
        room_name: &str,
        limit: Option<u32>,
        password: Option<&str>,
        maker: Maker,
    ) -> Result<(), ChatError> {
        self.not_ended()?;
        let name = RoomName::parse(room_name)?;
        let limit = limit.map(|limit| NonZeroU32::new(limit).ok_or(ChatError::InvalidLimit)).transpose()?;
        let password = password.map(RoomPassword::parse).transpose()?;
        // Looked at again by who makes it; but nothing is hashed in vain.
        if password.is_some() && self.rooms.users(&name, self.now()).is_ok() {
            return Err(ChatError::RoomExists { room: name });
        }
        let password = password.map(|password| self.hashing.make(&password)).transpose()?;
        let incarnation = random::incarnation()?;
        let plan = RoomPlan { name: name.clone(), limit, password, incarnation, maker };
        let rooms = self.rooms.create(plan, self.now())?;
        tracing::info!(room = %name, "a room is made");
        self.note(LogEntry::RoomMade { room: name, rooms });
        Ok(())
    }

    /// Lets the caller into a room, with the password beside his call if the room wants one.
    pub(super) fn enter(&self, room: &RoomName, person: &Person) -> Result<Joined, ChatError> {
        self.not_ended()?;
        let context = Context::current();
        let shown = context.metadata().first(PASSWORD_KEY);
        let key = match shown {
            None | Some([]) => None,
            Some(shown) => self.unlock(room, person.id, shown)?,
        };
        match self.rooms.enter(room, person, key, self.now()) {
            Err(ChatError::PasswordNeeded { room }) if shown.is_none() => {
                Err(Status::permission_denied(format!(
                    "the room \"{room}\" is private, and this client does not know how to show a password"
                ))
                .into())
            }
            answer => answer,
        }
    }

    /// What a password gives at this room. It is hashed while no lock is held.
    fn unlock(&self, room: &RoomName, user: UserId, shown: &[u8]) -> Result<Option<Key>, ChatError> {
        let Door::Locked { hash, key } = self.rooms.knock(room, user, self.now())? else { return Ok(None) };
        // What cannot be a password is none of this room's.
        let password = str::from_utf8(shown).ok().and_then(|shown| RoomPassword::parse(shown).ok());
        let is_right = password.map(|password| self.hashing.is_of(&password, &hash)).transpose()?;
        if is_right == Some(true) {
            Ok(Some(key))
        } else {
            Err(ChatError::WrongPassword { room: room.clone() })
        }
    }

    /// What the log has of somebody who did not come in.
    pub(super) fn note_refusal(&self, person: &Person, refused: &ChatError) {
        let user = person.name.clone();
        let entry = match refused {
            ChatError::NoSuchRoom { .. } => LogEntry::NoSuchRoom { user },
            ChatError::RoomFull { room, .. } => LogEntry::RoomFull { user, room: room.clone() },
            ChatError::WrongPassword { room } => LogEntry::WrongPassword { user, room: room.clone() },
            _ => return,
        };
        self.note(entry);
    }
}
