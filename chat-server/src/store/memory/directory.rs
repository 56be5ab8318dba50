//! Which rooms there are, by name and by order of making.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use chat_api::NameKey;

use super::{Account, Slot};
use crate::domain::{Maker, Names, Room};

/// Rooms by order of making.
#[derive(Debug)]
pub(super) struct Directory {
    names: Names<RoomNumber>,
    pub(super) slots: BTreeMap<RoomNumber, Arc<Slot>>,
    /// How many of them each has made.
    made: HashMap<Maker, usize>,
    /// How many of them were closed.
    closed: usize,
    next: RoomNumber,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RoomNumber(pub(super) u64);

impl Directory {
    pub(super) fn new() -> Directory {
        let (slots, made) = (BTreeMap::new(), HashMap::new());
        Directory { names: Names::new(), slots, made, closed: 0, next: RoomNumber(1) }
    }

    pub(super) fn find(&self, key: &NameKey) -> Option<Arc<Slot>> {
        self.slots.get(self.names.find(key)?).cloned()
    }

    pub(super) fn clashes(&self, key: &NameKey) -> Vec<Arc<Slot>> {
        self.names.clashes(key).filter_map(|number| self.slots.get(number)).cloned().collect()
    }

    pub(super) fn add(&mut self, key: &NameKey, room: Room) {
        let number = self.next;
        if self.names.insert(key, number).is_ok() {
            self.next = RoomNumber(number.0.saturating_add(1));
            *self.made.entry(room.maker()).or_default() += 1;
            let account = Account::default();
            self.slots.insert(number, Arc::new(Slot { number, account, room: Mutex::new(Some(room)) }));
        }
    }

    /// One of the rooms was closed.
    pub(super) fn note_closed(&mut self) {
        self.closed += 1;
    }

    /// How many rooms are open.
    pub(super) fn open(&self) -> u32 {
        u32::try_from(self.slots.len().saturating_sub(self.closed)).unwrap_or(u32::MAX)
    }

    /// How many of the rooms this user has made, or the operator.
    pub(super) fn made_by(&self, maker: Maker) -> usize {
        self.made.get(&maker).copied().unwrap_or_default()
    }

    pub(super) fn remove(&mut self, room: &Room) {
        let Some(number) = self.names.remove(&room.name().key()) else { return };
        self.slots.remove(&number);
        self.closed -= usize::from(room.is_closed());
        if let Entry::Occupied(mut made) = self.made.entry(room.maker()) {
            *made.get_mut() -= 1;
            if *made.get() == 0 {
                made.remove();
            }
        }
    }
}
