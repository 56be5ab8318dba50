//! One room: who is in, what was said, how far each has read.

use std::num::NonZeroU32;
use std::time::Duration;

use chat_api::limits::ANSWER_BYTES;
use chat_api::{
    ChatError, Event, EventKind, Incarnation, Joined, Mark, MessageBody, MessageId, Received, RoomName,
    RoomSummary, Seq, Username,
};

use super::history::History;
use super::members::{Member, Members};
use super::moment::{Moment, Uptime};
use super::person::{Person, UserId};
use super::record::Audience;
use super::repeats::Repeats;

/// A room from its making to its removal. Every method is one step: it happens whole or not at all.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    incarnation: Incarnation,
    limit: Option<NonZeroU32>,
    members: Members,
    history: History,
    repeats: Repeats,
    /// When the last member left, or the room was made.
    deserted_at: Uptime,
}

/// A room to be made.
#[derive(Clone, Debug)]
pub struct RoomPlan {
    /// Its name.
    pub name: RoomName,
    /// How many may be in at the same time; `None` is no limit.
    pub limit: Option<NonZeroU32>,
    /// 64 random bits.
    pub incarnation: Incarnation,
}

/// What entering a room brought.
#[derive(Debug)]
pub struct Entered {
    /// The newcomer's answer.
    pub joined: Joined,
    /// Who has something new to see; empty for somebody who was in already.
    pub audience: Vec<UserId>,
}

/// A message to be recorded.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who sends it.
    pub from: UserId,
    /// For whom it is; `None` is everybody.
    pub to: Option<Recipient>,
    /// What it says.
    pub body: MessageBody,
    /// The sender's own number for it, if he may send it again.
    pub id: Option<MessageId>,
}

/// Whom a private message names.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The name as the sender wrote it.
    pub name: Username,
    /// Who has that name now, if anybody.
    pub id: Option<UserId>,
}

/// What recording a message brought.
#[derive(Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its number in the room.
    pub seq: Seq,
    /// Who has something new to see; nobody when the message had been recorded before.
    pub audience: Vec<UserId>,
}

impl Room {
    /// An empty room.
    pub fn new(plan: RoomPlan, now: Moment) -> Room {
        let RoomPlan { name, limit, incarnation } = plan;
        Room {
            name,
            incarnation,
            limit,
            members: Members::default(),
            history: History::default(),
            repeats: Repeats::default(),
            deserted_at: now.uptime,
        }
    }

    /// The name as its maker wrote it.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Lets somebody in and tells the others; for a member nothing changes.
    ///
    /// # Errors
    /// `RoomFull`.
    pub fn enter(&mut self, person: &Person, now: Moment) -> Result<Entered, ChatError> {
        if let Some(member) = self.members.find(person.id) {
            return Ok(Entered { joined: self.joined(member.read), audience: Vec::new() });
        }
        if let Some(limit) = self.limit.filter(|limit| self.count() >= limit.get()) {
            return Err(ChatError::RoomFull { room: self.name.clone(), limit: limit.get() });
        }
        let audience = self.everybody();
        let notice = EventKind::Joined { username: person.name.clone() };
        let entry = self.history.push(notice, Audience::Members, now.unix);
        self.members.add(person.clone(), entry);
        Ok(Entered { joined: self.joined(entry), audience })
    }

    /// Puts a member out and tells the others; returns these.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn leave(&mut self, user: UserId, now: Moment) -> Result<Vec<UserId>, ChatError> {
        let member = self.members.remove(user).ok_or_else(|| self.not_in_room())?;
        let notice = EventKind::Left { username: member.person.name };
        self.history.push(notice, Audience::Members, now.unix);
        if self.members.is_empty() {
            self.deserted_at = now.uptime;
        }
        Ok(self.everybody())
    }

    /// Records a message, once for each id.
    ///
    /// # Errors
    /// `NotInRoom` or `RecipientNotInRoom`.
    pub fn post(&mut self, post: Post, now: Moment) -> Result<Posted, ChatError> {
        let Post { from, to, body, id } = post;
        if let Some(seq) = id.and_then(|id| self.repeats.recall(from, id, now.uptime)) {
            return Ok(Posted { seq, audience: Vec::new() });
        }
        let sender = self.member(from)?.person.name.clone();
        let (kind, seen_by, audience) = match to {
            None => (EventKind::Broadcast { from: sender, body }, Audience::Public, self.everybody()),
            Some(recipient) => {
                let Person { id: to, name } = self.recipient(recipient)?;
                (EventKind::Unicast { from: sender, to: name, body }, Audience::Two { from, to }, vec![to])
            }
        };
        let seq = self.history.push(kind, seen_by, now.unix);
        if let Some(id) = id {
            self.repeats.remember(from, id, seq, now.uptime);
        }
        Ok(Posted { seq, audience })
    }

    /// What is new for a member since his last fetch, or after a mark of his; his next fetch goes on from there.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn fetch(&mut self, user: UserId, after: Option<Mark>) -> Result<Received, ChatError> {
        let received = self.peek(user, after, ANSWER_BYTES)?;
        if let Some(member) = self.members.find_mut(user) {
            member.read = received.mark.seq;
        }
        Ok(received)
    }

    /// As [`fetch`](Room::fetch), moving nothing, with at most `budget` bytes or one event.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn peek(&self, user: UserId, after: Option<Mark>, budget: usize) -> Result<Received, ChatError> {
        let member = self.member(user)?;
        let start = after.map_or(member.read, |mark| self.start(member, mark));
        let page = self.history.page(user, start, budget);
        Ok(Received { events: page.events, mark: self.mark(page.read), missed: page.missed, more: page.more })
    }

    /// The last 50 messages a member may see, private ones of his included.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn recent(&self, user: UserId) -> Result<Vec<Event>, ChatError> {
        let member = self.member(user)?;
        Ok(self.history.messages_known_to(member.person.id))
    }

    /// Who is in, by order of entry.
    pub fn users(&self) -> Vec<Username> {
        self.members.iter().map(|member| member.person.name.clone()).collect()
    }

    /// Name, number of members and limit.
    pub fn summary(&self) -> RoomSummary {
        let limit = self.limit.map(NonZeroU32::get);
        RoomSummary { name: self.name.clone(), users: self.count(), limit }
    }

    /// Whether nobody has been in for `empty_for` or longer.
    pub fn is_over(&self, now: Moment, empty_for: Duration) -> bool {
        self.members.is_empty() && now.uptime.since(self.deserted_at) >= empty_for
    }

    /// Where a reader with this mark goes on: never before his entry, and at his entry if the mark is none of ours.
    fn start(&self, member: &Member, mark: Mark) -> Seq {
        let is_ours = mark.incarnation == self.incarnation && mark.seq <= self.history.last();
        if is_ours { mark.seq.max(member.entry) } else { member.entry }
    }

    fn joined(&self, read: Seq) -> Joined {
        let (room, users, history) = (self.name.clone(), self.users(), self.history.public());
        Joined { room, users, history, mark: self.mark(read) }
    }

    fn member(&self, user: UserId) -> Result<&Member, ChatError> {
        self.members.find(user).ok_or_else(|| self.not_in_room())
    }

    fn recipient(&self, recipient: Recipient) -> Result<Person, ChatError> {
        let member = recipient.id.and_then(|id| self.members.find(id));
        let gone = ChatError::RecipientNotInRoom { recipient: recipient.name };
        member.map(|member| member.person.clone()).ok_or(gone)
    }

    fn not_in_room(&self) -> ChatError {
        ChatError::NotInRoom { room: self.name.clone() }
    }

    fn everybody(&self) -> Vec<UserId> {
        self.members.iter().map(|member| member.person.id).collect()
    }

    fn count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    fn mark(&self, seq: Seq) -> Mark {
        Mark { incarnation: self.incarnation, seq }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
