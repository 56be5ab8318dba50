//! Who is in a room, by order of entry.

use std::collections::{BTreeMap, HashMap};

use chat_api::Seq;

use super::person::{Person, UserId};

/// One member's place: the notice of his entry is its number, and nothing before it is ever his.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) person: Person,
    /// The notice of his entry.
    pub(crate) entry: Seq,
    /// The last record that a fetch brought him, or passed over.
    pub(crate) read: Seq,
}

#[derive(Debug, Default)]
pub(crate) struct Members {
    by_entry: BTreeMap<Seq, Member>,
    entries: HashMap<UserId, Seq>,
}

impl Members {
    pub(crate) fn find(&self, user: UserId) -> Option<&Member> {
        self.by_entry.get(self.entries.get(&user)?)
    }

    pub(crate) fn find_mut(&mut self, user: UserId) -> Option<&mut Member> {
        self.by_entry.get_mut(self.entries.get(&user)?)
    }

    pub(crate) fn add(&mut self, person: Person, entry: Seq) {
        self.entries.insert(person.id, entry);
        self.by_entry.insert(entry, Member { person, entry, read: entry });
    }

    pub(crate) fn remove(&mut self, user: UserId) -> Option<Member> {
        self.by_entry.remove(&self.entries.remove(&user)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_entry.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_entry.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_entry.is_empty()
    }
}
