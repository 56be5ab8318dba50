//! What keeps a private room shut, and what an operator does to a room.

use chat_api::{ChatError, EventKind, MessageBody, Username};

use super::Room;
use crate::domain::lock::{Door, Key};
use crate::domain::moment::Moment;
use crate::domain::person::UserId;
use crate::domain::record::Audience;

impl Room {
    /// What somebody finds who wants to enter. Where a password is wanted, one of his tries is taken.
    ///
    /// # Errors
    /// `RoomClosed` or `TooManyTries`.
    pub fn knock(&mut self, user: UserId, now: Moment) -> Result<Door, ChatError> {
        self.open()?;
        let Some(hash) = self.password.filter(|_| self.members.find(user).is_none()) else {
            return Ok(Door::Open);
        };
        let room = || self.name.clone();
        let refused = |again_after| ChatError::TooManyTries { room: room(), again_after };
        self.tries.take(user, now.uptime).map_err(refused)?;
        Ok(Door::Locked { hash, key: Key(self.incarnation) })
    }

    /// Whether somebody may come in; a right password gives his tries back.
    pub(super) fn unlock(&mut self, user: UserId, key: Option<Key>) -> Result<(), ChatError> {
        if self.password.is_none() {
            return Ok(());
        }
        if key != Some(Key(self.incarnation)) {
            return Err(ChatError::PasswordNeeded { room: self.name.clone() });
        }
        self.tries.give_back(user);
        Ok(())
    }

    /// Tells everybody in the room something; newcomers do not see it.
    ///
    /// # Errors
    /// `RoomClosed`.
    pub fn tell(&mut self, text: MessageBody, now: Moment) -> Result<(), ChatError> {
        self.open()?;
        let from = Username::of_the_chat();
        self.history.push(EventKind::Broadcast { from, body: text }, Audience::Members, now.unix);
        Ok(())
    }

    /// Puts a member out, after telling him why, and tells the others that he left.
    ///
    /// # Errors
    /// `RoomClosed` or `NotInRoom`.
    pub fn kick(&mut self, user: UserId, reason: Option<MessageBody>, now: Moment) -> Result<(), ChatError> {
        self.open()?;
        let to = self.member(user)?.person.name.clone();
        if let Some(body) = reason {
            let told = EventKind::Unicast { from: Username::of_the_chat(), to, body };
            self.history.push(told, Audience::Two { from: user, to: user }, now.unix);
        }
        self.leave(user, now)
    }

    /// Closes the room, after telling everybody why, and names those who were in. They may read it to its end.
    ///
    /// # Errors
    /// `RoomClosed`.
    pub fn close(&mut self, reason: Option<MessageBody>, now: Moment) -> Result<Vec<UserId>, ChatError> {
        self.open()?;
        if let Some(reason) = reason {
            self.tell(reason, now)?;
        }
        self.history.push(EventKind::Closed, Audience::Members, now.unix);
        self.closed_at = Some(now.uptime);
        Ok(self.members.iter().map(|member| member.person.id).collect())
    }
}

#[cfg(test)]
mod tests;
