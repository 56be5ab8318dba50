//! Rooms in this process' memory: gone when it ends.
//!
//! Locks: `directory` protects which rooms there are, a slot's lock its room, `memberships` who is in what. Taken in
//! this order, each for one step and never across a wait. Somebody is in `memberships` of a room exactly while he is
//! in the room: both change under that room's lock. What histories take together is bounded by a [`Budget`].

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chat_api::limits::{ROOMS, ROOMS_MADE_BY_A_USER, ROOMS_OF_A_USER};
use chat_api::{ChatError, Event, Joined, Mark, NameKey, Received, RoomName, RoomSummary, Seq, Username};
use rpc_core::Status;

use super::Rooms;
use super::budget::{Account, Budget};
use crate::domain::{
    Announcement, Follow, Followed, Moment, Names, Oblivion, Person, Post, Room, RoomPlan, UserId,
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

/// Rooms by order of making.
#[derive(Debug)]
struct Directory {
    names: Names<RoomNumber>,
    slots: BTreeMap<RoomNumber, Arc<Slot>>,
    /// How many of them each user has made.
    made: HashMap<UserId, usize>,
    next: RoomNumber,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RoomNumber(u64);

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
        let mut place = slot.lock();
        let ended = place.take_if(|room| room.is_over(now, self.empty_for))?;
        slot.account.forgot(&self.budget, 0);
        Some(ended)
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
            directory.remove(room);
        }
        if ended.len() < clashing.len() {
            return Err(ChatError::RoomExists { room: plan.name });
        }
        if directory.slots.len() >= ROOMS {
            return Err(Status::resource_exhausted(format!("the server holds at most {ROOMS} rooms")).into());
        }
        if directory.made.get(&plan.maker).is_some_and(|made| *made >= ROOMS_MADE_BY_A_USER) {
            let limit = format!(
                "a user can have made at most {ROOMS_MADE_BY_A_USER} of the rooms that there are; empty ones go by themselves"
            );
            return Err(Status::resource_exhausted(limit).into());
        }
        directory.add(&key, Room::new(plan, now));
        Ok(())
    }

    fn enter(&self, room: &RoomName, person: &Person, now: Moment) -> Result<Joined, ChatError> {
        self.within(room, now, |number, room| {
            self.note(person.id, number, room.name())?;
            room.enter(person, now).inspect_err(|_| self.strike(person.id, number))
        })
    }

    fn leave(&self, room: &RoomName, user: UserId, now: Moment) -> Result<(), ChatError> {
        self.within(room, now, |number, room| {
            room.leave(user, now)?;
            self.strike(user, number);
            Ok(())
        })
    }

    fn post(&self, room: &RoomName, post: Post, now: Moment) -> Result<Seq, ChatError> {
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
            directory.remove(room);
        }
        drop(directory);
        ended.iter().map(|room| room.name().clone()).collect()
    }
}

impl Directory {
    fn new() -> Directory {
        Directory { names: Names::new(), slots: BTreeMap::new(), made: HashMap::new(), next: RoomNumber(0) }
    }

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
            *self.made.entry(room.maker()).or_default() += 1;
            let account = Account::default();
            self.slots.insert(number, Arc::new(Slot { number, account, room: Mutex::new(Some(room)) }));
        }
    }

    fn remove(&mut self, room: &Room) {
        let Some(number) = self.names.remove(&room.name().key()) else { return };
        self.slots.remove(&number);
        if let Entry::Occupied(mut made) = self.made.entry(room.maker()) {
            *made.get_mut() -= 1;
            if *made.get() == 0 {
                made.remove();
            }
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
