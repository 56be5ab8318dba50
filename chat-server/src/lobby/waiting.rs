//! The procedure that waits until something happens.

use std::time::Instant;

use chat_api::limits::{ANSWER_BYTES, LONGEST_WAIT, ROOMS_OF_A_USER, WAIT_MARGIN};
use chat_api::{ChatError, Event, Mark, NameKey, News, Received, RoomEvents, RoomMark, RoomName};
use crossbeam_channel::select;
use rpc_core::{Context, Status};

use super::Lobby;
use crate::domain::{Person, UserId};
use crate::waits::Wait;

/// The marks that a caller named, each with the room's name as he wrote it.
struct Marks(Vec<(NameKey, RoomName, Mark)>);

/// Keeps a waiting user registered, however long he makes no other call.
struct Presence<'a> {
    lobby: &'a Lobby,
    user: UserId,
}

/// What ended one pause of a waiting call.
enum Pause {
    /// There may be something new.
    Rung,
    /// It waited long enough.
    Over,
}

impl Lobby {
    pub(super) fn wait_for_events(
        &self,
        username: &str,
        after: Vec<RoomMark>,
    ) -> Result<Vec<RoomEvents>, ChatError> {
        let person = self.caller(username)?;
        let marks = Marks::parse(after)?;
        let until = end_of_wait();
        let _presence = Presence::begin(self, person.id);
        let rooms_before = self.rooms.rooms_of(person.id);
        let wait = self.waits.begin(person.id);
        loop {
            self.still_registered(&person)?;
            let rooms = self.rooms.rooms_of(person.id);
            let news = self.news(&person, &rooms, &marks)?;
            if !news.is_empty() || rooms != rooms_before || wait.is_displaced() {
                return Ok(news);
            }
            if let Pause::Over = self.pause(&wait, until)? {
                return Ok(Vec::new());
            }
        }
    }

    fn pause(&self, wait: &Wait<'_>, until: Instant) -> Result<Pause, Status> {
        let cancelled = Context::current().cancelled();
        select! {
            recv(wait.rings()) -> _ => Ok(Pause::Rung),
            recv(cancelled) -> _ => Err(Status::cancelled("nobody waits for these events any more")),
            recv(self.closing) -> _ => Err(Status::unavailable("the chat server is going away")),
            recv(crossbeam_channel::at(until)) -> _ => Ok(Pause::Over),
        }
    }

    fn news(&self, person: &Person, rooms: &[RoomName], marks: &Marks) -> Result<Vec<RoomEvents>, ChatError> {
        let keyed: Vec<(NameKey, &RoomName)> = rooms.iter().map(|room| (room.key(), room)).collect();
        let mut news = marks.of_rooms_not_in(&keyed);
        let mut budget = ANSWER_BYTES;
        for (key, room) in keyed {
            let received = match self.rooms.peek(room, person.id, marks.find(&key), budget, self.now()) {
                Ok(received) => received,
                Err(ChatError::NotInRoom { .. } | ChatError::NoSuchRoom { .. }) => continue,
                Err(other) => return Err(other),
            };
            if received.events.is_empty() && received.missed == 0 {
                continue;
            }
            let size = size_of(&received);
            news.push(RoomEvents { room: room.clone(), news: News::Events(received) });
            match budget.checked_sub(size) {
                Some(left) if left > 0 => budget = left,
                _ => break,
            }
        }
        Ok(news)
    }
}

/// The caller's deadline, less the time that an empty answer needs to reach him.
fn end_of_wait() -> Instant {
    let longest = Instant::now() + LONGEST_WAIT;
    let answered_by =
        Context::current().deadline().map(|deadline| deadline.checked_sub(WAIT_MARGIN).unwrap_or(deadline));
    answered_by.map_or(longest, |answered_by| answered_by.min(longest))
}

fn size_of(received: &Received) -> usize {
    received.events.iter().map(Event::bytes).sum()
}

impl Marks {
    fn parse(after: Vec<RoomMark>) -> Result<Marks, ChatError> {
        if after.len() > ROOMS_OF_A_USER {
            let limit = format!("a wait can name at most {ROOMS_OF_A_USER} rooms");
            return Err(Status::invalid_argument(limit).into());
        }
        let parsed = after.into_iter().map(|after| {
            let room = RoomName::parse(&after.room)?;
            Ok((room.key(), room, after.mark))
        });
        parsed.collect::<Result<_, ChatError>>().map(Marks)
    }

    fn find(&self, room: &NameKey) -> Option<Mark> {
        self.0.iter().find(|(named, ..)| named.identity() == room.identity()).map(|(.., mark)| *mark)
    }

    fn of_rooms_not_in(&self, rooms: &[(NameKey, &RoomName)]) -> Vec<RoomEvents> {
        let is_in = |named: &NameKey| rooms.iter().any(|(room, _)| named.identity() == room.identity());
        let elsewhere = self.0.iter().filter(|(named, ..)| !is_in(named));
        elsewhere.map(|(_, room, _)| RoomEvents { room: room.clone(), news: News::NotIn }).collect()
    }
}

impl<'a> Presence<'a> {
    fn begin(lobby: &'a Lobby, user: UserId) -> Presence<'a> {
        lobby.users().begin_wait(user);
        Presence { lobby, user }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        let now = self.lobby.now();
        self.lobby.users().end_wait(self.user, now);
    }
}

#[cfg(test)]
mod tests;
