//! What operators do: the one implementation, whether they sit at the console or come through the binder.

use chat_api::{
    Admin, ChatError, LogEntry, LogPage, MessageBody, RoomChoice, RoomName, RoomReport, Username,
};

use super::Lobby;
use crate::domain::Maker;

impl Admin for Lobby {
    fn create_room(
        &self,
        room_name: String,
        limit: Option<u32>,
        password: Option<String>,
    ) -> Result<(), ChatError> {
        self.make(&room_name, limit, password.as_deref(), Maker::Operator)
    }

    fn list_rooms(&self) -> Result<Vec<RoomReport>, ChatError> {
        Ok(self.rooms.list(self.now()))
    }

    fn list_users(&self, room: RoomChoice) -> Result<Vec<Username>, ChatError> {
        let now = self.now();
        self.rooms.users(&self.rooms.named(&room, now)?, now)
    }

    fn close_room(&self, room: RoomChoice, reason: Option<String>) -> Result<RoomName, ChatError> {
        let reason = reason.as_deref().map(MessageBody::parse).transpose()?;
        let room = self.rooms.close(&room, reason, self.now())?;
        self.announce(&room);
        tracing::info!(%room, "a room is closed");
        self.note(LogEntry::RoomClosed { room: room.clone() });
        Ok(room)
    }

    fn kick(&self, room: RoomChoice, username: String, reason: Option<String>) -> Result<(), ChatError> {
        let room = self.rooms.named(&room, self.now())?;
        let user = Username::parse(&username)?;
        let reason = reason.as_deref().map(MessageBody::parse).transpose()?;
        let id = self.users().find(&user.key());
        let not_in = || ChatError::RecipientNotInRoom { recipient: user.clone() };
        let kicked = self.rooms.kick(&room, id.ok_or_else(not_in)?, reason, self.now());
        kicked.map_err(|refused| match refused {
            ChatError::NotInRoom { .. } => not_in(),
            other => other,
        })?;
        self.announce(&room);
        tracing::info!(%user, %room, "a user is put out of a room");
        self.note(LogEntry::Kicked { user, room });
        Ok(())
    }

    fn broadcast(&self, room: Option<RoomChoice>, message: String) -> Result<u32, ChatError> {
        let text = MessageBody::parse(&message)?;
        let Some(choice) = room else { return Ok(self.tell_all(&text)) };
        let room = self.rooms.named(&choice, self.now())?;
        self.tell(&room, &text)?;
        self.note(LogEntry::Announced { room: Some(room), text });
        Ok(1)
    }

    fn logs(&self, after: u64) -> Result<LogPage, ChatError> {
        Ok(self.journal().page(after))
    }
}

impl Lobby {
    fn tell(&self, room: &RoomName, text: &MessageBody) -> Result<(), ChatError> {
        self.rooms.tell(room, text.clone(), self.now())?;
        self.announce(room);
        Ok(())
    }

    /// Tells every room; one that is closed meanwhile is passed over.
    fn tell_all(&self, text: &MessageBody) -> u32 {
        let rooms = self.rooms.list(self.now());
        let told = rooms.iter().filter(|room| self.tell(&room.name, text).is_ok()).count();
        self.note(LogEntry::Announced { room: None, text: text.clone() });
        u32::try_from(told).unwrap_or(u32::MAX)
    }
}
