//! Rooms in this process' memory: gone when it ends.
//!
//! Locks: `directory` protects which rooms there are, a slot's lock its room, `memberships` who is in what. Taken in
//! this order, each for one step and never across a wait. Somebody is in `memberships` of a room exactly while he is
//! in the room: both change under that room's lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chat_api::limits::{ROOMS, ROOMS_OF_A_USER};
use chat_api::{ChatError, Event, Mark, NameKey, Received, RoomName, RoomSummary, Username};
use rpc_core::Status;

use super::Rooms;
use crate::domain::{Entered, Moment, Names, Person, Post, Posted, Room, RoomPlan, UserId};

/// The rooms of one server process.
#[derive(Debug)]
pub struct RoomsInMemory {
    /// How long a room may be empty.
    empty_for: Duration,
    directory: RwLock<Directory>,
    memberships: Mutex<HashMap<UserId, BTreeMap<RoomNumber, RoomName>>>,
}

/// Rooms by order of making.
#[derive(Debug)]
struct Directory {
    names: Names<RoomNumber>,
    slots: BTreeMap<RoomNumber, Arc<Slot>>,
    next: RoomNumber,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RoomNumber(u64);

/// A room's place; empty once the room is removed, for those who found it before.
#[derive(Debug)]
struct Slot {
    number: RoomNumber,
    room: Mutex<Option<Room>>,
}

impl RoomsInMemory {
    /// No rooms yet; one that is empty for `empty_for` is gone.
    pub fn new(empty_for: Duration) -> RoomsInMemory {
        let directory = Directory { names: Names::new(), slots: BTreeMap::new(), next: RoomNumber(0) };
        RoomsInMemory { empty_for, directory: RwLock::new(directory), memberships: Mutex::default() }
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
        let mut room = slot.lock();
        let room = room.as_mut().filter(|room| !room.is_over(now, self.empty_for)).ok_or_else(gone)?;
        step(slot.number, room)
    }

    /// Notes that somebody is in a room; refused at his limit of rooms.
    fn note(&self, user: UserId, number: RoomNumber, room: &RoomName) -> Result<(), ChatError> {
        let mut memberships = self.memberships();
        let rooms = memberships.entry(user).or_default();
        if rooms.len() >= ROOMS_OF_A_USER && !rooms.contains_key(&number) {
            let limit = format!("a user can be in at most {ROOMS_OF_A_USER} rooms at the same time");
            return Err(Status::resource_exhausted(limit).into());
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

    /// Takes a room away if it is over, so that who found its slot before finds it empty.
    fn end(&self, slot: &Slot, now: Moment) -> Option<Room> {
        slot.lock().take_if(|room| room.is_over(now, self.empty_for))
    }
}

impl Rooms for RoomsInMemory {
    fn create(&self, plan: RoomPlan, now: Moment) -> Result<(), ChatError> {
        let key = plan.name.key();
        if self.read().slots.len() >= ROOMS {
            self.sweep(now);
        }
        let mut directory = self.write();
        let clashing: Vec<Arc<Slot>> = directory.clashes(&key);
        let ended: Vec<Room> = clashing.iter().filter_map(|slot| self.end(slot, now)).collect();
        for room in &ended {
            directory.remove(&room.name().key());
        }
        if ended.len() < clashing.len() {
            return Err(ChatError::RoomExists { room: plan.name });
        }
        if directory.slots.len() >= ROOMS {
            return Err(Status::resource_exhausted(format!("the server holds at most {ROOMS} rooms")).into());
        }
        directory.add(&key, Room::new(plan, now));
        Ok(())
    }

    fn enter(&self, room: &RoomName, person: &Person, now: Moment) -> Result<Entered, ChatError> {
        self.within(room, now, |number, room| {
            self.note(person.id, number, room.name())?;
            room.enter(person, now).inspect_err(|_| self.strike(person.id, number))
        })
    }

    fn leave(&self, room: &RoomName, user: UserId, now: Moment) -> Result<Vec<UserId>, ChatError> {
        self.within(room, now, |number, room| {
            let audience = room.leave(user, now)?;
            self.strike(user, number);
            Ok(audience)
        })
    }

    fn post(&self, room: &RoomName, post: Post, now: Moment) -> Result<Posted, ChatError> {
        self.within(room, now, |_, room| room.post(post, now))
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

    fn peek(
        &self,
        room: &RoomName,
        user: UserId,
        after: Option<Mark>,
        budget: usize,
        now: Moment,
    ) -> Result<Received, ChatError> {
        self.within(room, now, |_, room| room.peek(user, after, budget))
    }

    fn recent(&self, room: &RoomName, user: UserId, now: Moment) -> Result<Vec<Event>, ChatError> {
        self.within(room, now, |_, room| room.recent(user))
    }

    fn users(&self, room: &RoomName, now: Moment) -> Result<Vec<Username>, ChatError> {
        self.within(room, now, |_, room| Ok(room.users()))
    }

    fn list(&self, now: Moment) -> Vec<RoomSummary> {
        let slots: Vec<Arc<Slot>> = self.read().slots.values().cloned().collect();
        let summary = |slot: &Arc<Slot>| {
            let room = slot.lock();
            room.as_ref().filter(|room| !room.is_over(now, self.empty_for)).map(Room::summary)
        };
        slots.iter().filter_map(summary).collect()
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
        let ended: Vec<Room> = over.iter().filter_map(|slot| self.end(slot, now)).collect();
        for room in &ended {
            directory.remove(&room.name().key());
        }
        drop(directory);
        ended.iter().map(|room| room.name().clone()).collect()
    }
}

impl Directory {
    fn find(&self, key: &NameKey) -> Option<Arc<Slot>> {
        self.slots.get(self.names.find(key)?).cloned()
    }

    fn clashes(&self, key: &NameKey) -> Vec<Arc<Slot>> {
        self.names.clashes(key).filter_map(|number| self.slots.get(number)).cloned().collect()
    }

    fn add(&mut self, key: &NameKey, room: Room) {
        let number = self.next;
        if self.names.insert(key, number).is_ok() {
            self.next = RoomNumber(number.0.saturating_add(1));
            self.slots.insert(number, Arc::new(Slot { number, room: Mutex::new(Some(room)) }));
        }
    }

    fn remove(&mut self, key: &NameKey) {
        if let Some(number) = self.names.remove(key) {
            self.slots.remove(&number);
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Room>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
