//! Rooms in this process' memory: gone when it ends.
//!
//! Locks: `directory` protects which rooms there are, a slot's lock its room, `memberships` who is in what. Taken in
//! this order, each for one step and never across a wait. Somebody is in `memberships` of a room exactly while he is
//! in the room: both change under that room's lock. What histories take together is bounded by a [`Budget`].

mod directory;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chat_api::limits::{ROOMS, ROOMS_MADE_BY_A_USER, ROOMS_OF_A_USER};
use chat_api::{
    ChatError, Event, Joined, Mark, MessageBody, Received, RoomChoice, RoomName, RoomReport, Username,
};
use rpc_core::Status;

use self::directory::{Directory, RoomNumber};
use super::Rooms;
use super::budget::{Account, Budget};
use crate::domain::{
    Announcement, Door, Follow, Followed, Key, Maker, Moment, Oblivion, Person, Post, Posted, Room, RoomPlan,
    UserId,
};

/// The rooms of one server process.
#[derive(Debug)]
pub struct RoomsInMemory {
    /// How long a room may be empty.
    empty_for: Duration,
    budget: Budget,
    directory: RwLock<Directory>,
    memberships: Mutex<HashMap<UserId, BTreeMap<RoomNumber, RoomName>>>,
}

/// A room's place; empty once the room is removed, for those who found it before.
#[derive(Debug)]
struct Slot {
    number: RoomNumber,
    account: Account,
    room: Mutex<Option<Room>>,
}

impl RoomsInMemory {
    /// No rooms yet; one that is empty for `empty_for` is gone, and histories take `history_bytes` together.
    pub fn new(empty_for: Duration, history_bytes: usize) -> RoomsInMemory {
        RoomsInMemory {
            empty_for,
            budget: Budget::new(history_bytes),
            directory: RwLock::new(Directory::new()),
            memberships: Mutex::default(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn memberships(&self) -> MutexGuard<'_, HashMap<UserId, BTreeMap<RoomNumber, RoomName>>> {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step in a room.
    fn within<T>(
        &self,
        name: &RoomName,
        now: Moment,
        step: impl FnOnce(RoomNumber, &mut Room) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        let gone = || ChatError::NoSuchRoom { room: name.clone() };
        let slot = self.read().find(&name.key()).ok_or_else(gone)?;
        let mut place = slot.lock();
        let room = place.as_mut().filter(|room| !room.is_over(now, self.empty_for)).ok_or_else(gone)?;
        let outcome = step(slot.number, room);
        slot.account.settle(&self.budget, room.bytes());
        drop(place);
        if self.budget.is_exceeded() {
            self.forget(now);
        }
        outcome
    }

    /// Has rooms forget their histories, the least recently used first, until all are well within the budget: first all
    /// but what a newcomer is shown, then that too. Rooms that are in use come last, so that what was just sent there is
    /// not lost to those who keep up.
    fn forget(&self, now: Moment) {
        let mut slots: Vec<Arc<Slot>> = self.read().slots.values().cloned().collect();
        slots.sort_by_cached_key(|slot| slot.account.last_used());
        let (in_use, unused): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|slot| slot.account.is_in_use(&self.budget));
        for (slots, what) in [
            (&unused, Oblivion::AllButRecent),
            (&unused, Oblivion::All),
            (&in_use, Oblivion::AllButRecent),
            (&in_use, Oblivion::All),
        ] {
            for slot in slots {
                if self.budget.is_well_within() {
                    return;
                }
                if let Some(room) = slot.lock().as_mut() {
                    room.forget(what, now);
                    slot.account.forgot(&self.budget, room.bytes());
                }
            }
        }
    }

    /// Notes that somebody is in a room; refused at his limit of rooms.
    fn note(&self, user: UserId, number: RoomNumber, room: &RoomName) -> Result<(), ChatError> {
        let mut memberships = self.memberships();
        let rooms = memberships.entry(user).or_default();
        if rooms.len() >= ROOMS_OF_A_USER && !rooms.contains_key(&number) {
            return Err(Status::resource_exhausted(format!(
                "a user can be in at most {ROOMS_OF_A_USER} rooms at the same time"
            ))
            .into());
        }
        rooms.insert(number, room.clone());
        Ok(())
    }

    fn strike(&self, user: UserId, number: RoomNumber) {
        let mut memberships = self.memberships();
        let Some(rooms) = memberships.get_mut(&user) else { return };
        rooms.remove(&number);
        if rooms.is_empty() {
            memberships.remove(&user);
        }
    }

    fn is_over(&self, slot: &Slot, now: Moment) -> bool {
        slot.lock().as_ref().is_none_or(|room| room.is_over(now, self.empty_for))
    }

    /// Takes a room away if it is to go, so that who found its slot before finds it empty.
    fn end(&self, slot: &Slot, to_go: impl FnOnce(&mut Room) -> bool) -> Option<Room> {
        let mut place = slot.lock();
        let ended = place.take_if(to_go)?;
        slot.account.forgot(&self.budget, 0);
        Some(ended)
    }
}

impl Rooms for RoomsInMemory {
    fn create(&self, plan: RoomPlan, now: Moment) -> Result<u32, ChatError> {
        let key = plan.name.key();
        if self.read().slots.len() >= ROOMS {
            self.sweep(now);
        }
        let mut directory = self.write();
        let clashing: Vec<Arc<Slot>> = directory.clashes(&key);
        // Who was in a closed room reads it only until its name is wanted.
        let gives_way = |room: &mut Room| room.is_closed() || room.is_over(now, self.empty_for);
        let ended: Vec<Room> = clashing.iter().filter_map(|slot| self.end(slot, gives_way)).collect();
        for room in &ended {
            directory.remove(room);
        }
        if ended.len() < clashing.len() {
            return Err(ChatError::RoomExists { room: plan.name });
        }
        if directory.slots.len() >= ROOMS {
            return Err(Status::resource_exhausted(format!("the server holds at most {ROOMS} rooms")).into());
        }
        if plan.maker != Maker::Operator && directory.made_by(plan.maker) >= ROOMS_MADE_BY_A_USER {
            return Err(Status::resource_exhausted(format!(
                "a user can have made at most {ROOMS_MADE_BY_A_USER} of the rooms that there are; empty ones go by \
                 themselves"
            ))
            .into());
        }
        directory.add(&key, Room::new(plan, now));
        Ok(directory.open())
    }

    fn knock(&self, room: &RoomName, user: UserId, now: Moment) -> Result<Door, ChatError> {
        self.within(room, now, |_, room| room.knock(user, now))
    }

    fn enter(
        &self,
        room: &RoomName,
        person: &Person,
        key: Option<Key>,
        now: Moment,
    ) -> Result<Joined, ChatError> {
        self.within(room, now, |number, room| {
            self.note(person.id, number, room.name())?;
            room.enter(person, key, now).inspect_err(|_| self.strike(person.id, number))
        })
    }

    fn leave(&self, room: &RoomName, user: UserId, now: Moment) -> Result<(), ChatError> {
        self.within(room, now, |number, room| {
            room.leave(user, now)?;
            self.strike(user, number);
            Ok(())
        })
    }

    fn post(&self, room: &RoomName, post: Post, now: Moment) -> Result<Posted, ChatError> {
        self.within(room, now, |_, room| room.post_and_log(post, now))
    }

    fn fetch(
        &self,
        room: &RoomName,
        user: UserId,
        after: Option<Mark>,
        now: Moment,
    ) -> Result<Received, ChatError> {
        self.within(room, now, |_, room| room.fetch(user, after))
    }

    fn follow(&self, room: &RoomName, follow: Follow, now: Moment) -> Result<Followed, ChatError> {
        self.within(room, now, |_, room| room.follow(follow))
    }

    fn announcement(&self, room: &RoomName, announced: Mark, now: Moment) -> Result<Announcement, ChatError> {
        self.within(room, now, |_, room| Ok(room.announcement(Some(announced))))
    }

    fn recent(&self, room: &RoomName, user: UserId, now: Moment) -> Result<Vec<Event>, ChatError> {
        self.within(room, now, |_, room| room.recent(user))
    }

    fn users(&self, room: &RoomName, now: Moment) -> Result<Vec<Username>, ChatError> {
        self.within(room, now, |_, room| room.users())
    }

    fn list(&self, now: Moment) -> Vec<RoomReport> {
        let slots: Vec<Arc<Slot>> = self.read().slots.values().cloned().collect();
        let report = |slot: &Arc<Slot>| {
            let room = slot.lock();
            room.as_ref().filter(|room| !room.is_over(now, self.empty_for))?.report(slot.number.0)
        };
        slots.iter().filter_map(report).collect()
    }

    fn named(&self, choice: &RoomChoice, now: Moment) -> Result<RoomName, ChatError> {
        let slot = chosen(&self.read(), choice)?;
        let place = slot.lock();
        let room = place.as_ref().filter(|room| !room.is_over(now, self.empty_for));
        room.map(|room| room.name().clone()).ok_or_else(|| no_such(choice))
    }

    fn tell(&self, room: &RoomName, text: MessageBody, now: Moment) -> Result<(), ChatError> {
        self.within(room, now, |_, room| room.tell(text, now))
    }

    fn kick(
        &self,
        room: &RoomName,
        user: UserId,
        reason: Option<MessageBody>,
        now: Moment,
    ) -> Result<(), ChatError> {
        self.within(room, now, |number, room| {
            room.kick(user, reason, now)?;
            self.strike(user, number);
            Ok(())
        })
    }

    fn close(
        &self,
        choice: &RoomChoice,
        reason: Option<MessageBody>,
        now: Moment,
    ) -> Result<RoomName, ChatError> {
        let mut directory = self.write();
        let slot = chosen(&directory, choice)?;
        let mut place = slot.lock();
        let room = place.as_mut().filter(|room| !room.is_over(now, self.empty_for));
        let room = room.ok_or_else(|| no_such(choice))?;
        for member in room.close(reason, now)? {
            self.strike(member, slot.number);
        }
        directory.note_closed();
        slot.account.settle(&self.budget, room.bytes());
        Ok(room.name().clone())
    }

    fn rooms_of(&self, user: UserId) -> Vec<RoomName> {
        self.memberships().get(&user).map(|rooms| rooms.values().cloned().collect()).unwrap_or_default()
    }

    fn sweep(&self, now: Moment) -> Vec<RoomName> {
        let slots: Vec<Arc<Slot>> = self.read().slots.values().cloned().collect();
        let over: Vec<Arc<Slot>> = slots.into_iter().filter(|slot| self.is_over(slot, now)).collect();
        if over.is_empty() {
            return Vec::new();
        }
        let mut directory = self.write();
        let is_over = |room: &mut Room| room.is_over(now, self.empty_for);
        let ended: Vec<Room> = over.iter().filter_map(|slot| self.end(slot, is_over)).collect();
        for room in &ended {
            directory.remove(room);
        }
        drop(directory);
        ended.iter().filter(|room| !room.is_closed()).map(|room| room.name().clone()).collect()
    }
}

/// The slot of the room that is meant.
fn chosen(directory: &Directory, choice: &RoomChoice) -> Result<Arc<Slot>, ChatError> {
    let slot = match choice {
        RoomChoice::Name(name) => directory.find(&RoomName::parse(name)?.key()),
        RoomChoice::Number(number) => directory.slots.get(&RoomNumber(*number)).cloned(),
    };
    slot.ok_or_else(|| no_such(choice))
}

fn no_such(choice: &RoomChoice) -> ChatError {
    match choice {
        RoomChoice::Name(name) => {
            RoomName::parse(name).map_or_else(ChatError::from, |room| ChatError::NoSuchRoom { room })
        }
        RoomChoice::Number(number) => ChatError::NoSuchNumber { number: *number },
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Room>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
