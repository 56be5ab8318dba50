//! One room of the small chat.

use chat_api::{
    ChatError, Event, EventKind, Incarnation, Mark, Received, RoomDescription, RoomName, Seq, UnixMillis,
};

use super::World;

impl World {
    pub(super) fn described(&self) -> Vec<RoomDescription> {
        let description = |(name, room): (&String, &SmallRoom)| RoomDescription {
            name: RoomName::parse(name).unwrap(),
            users: u32::try_from(room.members.len()).unwrap(),
            limit: room.limit,
            private: self.passwords.contains_key(name),
        };
        self.rooms.iter().map(description).collect()
    }
}

pub(super) struct SmallRoom {
    pub(super) incarnation: Incarnation,
    pub(super) members: Vec<(String, u64)>,
    pub(super) events: Vec<Event>,
    pub(super) limit: Option<u32>,
}

impl SmallRoom {
    pub(super) fn is_in(&self, username: &str) -> bool {
        self.members.iter().any(|(member, _)| member == username)
    }

    pub(super) fn check_member(&self, username: &str, room: &str) -> Result<(), ChatError> {
        if self.is_in(username) { Ok(()) } else { Err(ChatError::NotInRoom { room: RoomName::parse(room)? }) }
    }

    pub(super) fn record(&mut self, kind: EventKind) -> u64 {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event { seq: Seq::new(seq), sent_at: UnixMillis(0), kind });
        seq
    }

    pub(super) fn start(&self, username: &str, mark: Option<Mark>) -> Mark {
        let entered = self.members.iter().find(|(member, _)| member == username).map_or(0, |(_, seq)| *seq);
        let from_entry = Mark { incarnation: self.incarnation, seq: Seq::new(entered) };
        mark.filter(|mark| mark.incarnation == self.incarnation).unwrap_or(from_entry)
    }

    pub(super) fn after(&self, username: &str, mark: Option<Mark>) -> Received {
        let after = self.start(username, mark).seq.number();
        let sees = |kind: &EventKind| match kind {
            EventKind::Unicast { to, .. } => *to == *username,
            _ => true,
        };
        let new = self.events.iter().filter(|event| event.seq.number() > after && sees(&event.kind));
        let mark = Mark { incarnation: self.incarnation, seq: Seq::new(self.events.len() as u64) };
        Received { events: new.cloned().collect(), mark, missed: 0, more: false }
    }

    pub(super) fn public(&self) -> Vec<Event> {
        let public = self.events.iter().filter(|event| matches!(event.kind, EventKind::Broadcast { .. }));
        let public: Vec<Event> = public.cloned().collect();
        public[public.len().saturating_sub(50)..].to_vec()
    }
}
