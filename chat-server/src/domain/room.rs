//! One room: who is in, what was said, how far each has read.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chat_api::limits::{ANSWER_BYTES, BEHIND_BYTES};
use chat_api::{
    ChatError, Event, EventKind, Incarnation, Joined, Mark, MessageBody, MessageId, Received, RoomName,
    RoomSummary, Seq, Username,
};

use super::history::{History, Oblivion};
use super::members::{Member, Members};
use super::moment::{Moment, Uptime};
use super::person::{Person, UserId};
use super::record::{Audience, Record};
use super::repeats::Repeats;

/// A room from its making to its removal. Every method is one step: it happens whole or not at all.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    incarnation: Incarnation,
    maker: UserId,
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
    /// Who makes it.
    pub maker: UserId,
}

/// What came in a room since a mark, for whomever.
#[derive(Debug)]
pub struct Announcement {
    /// Where the next one begins.
    pub mark: Mark,
    /// In order; `None` if the room no longer keeps everything, or the mark was of another one.
    pub records: Option<Vec<Arc<Record>>>,
}

/// Somebody who begins to follow a room.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// Who.
    pub user: UserId,
    /// Behind which mark of his; `None` is his entry.
    pub after: Option<Mark>,
    /// Up to where those who follow already were told.
    pub announced: Option<Mark>,
}

/// What somebody who begins to follow a room is given, taken in one step.
#[derive(Debug)]
pub struct Followed {
    /// Where he begins.
    pub begins: Mark,
    /// What came after that; its mark is that of the announcement unless there is `more`.
    pub received: Received,
    /// What those who follow the room already were not told yet.
    pub announcement: Announcement,
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

impl Room {
    /// An empty room.
    pub fn new(plan: RoomPlan, now: Moment) -> Room {
        let RoomPlan { name, limit, incarnation, maker } = plan;
        Room {
            name,
            incarnation,
            maker,
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

    /// Who made it.
    pub fn maker(&self) -> UserId {
        self.maker
    }

    /// About how much memory its history takes, and the ids of its messages.
    pub fn bytes(&self) -> usize {
        self.history.bytes() + self.repeats.bytes()
    }

    /// Forgets history for want of memory, and of its messages' ids those whose time is over, or with all of it all.
    pub fn forget(&mut self, what: Oblivion, now: Moment) {
        self.history.forget(what);
        match what {
            Oblivion::AllButRecent => self.repeats.expire(now.uptime),
            Oblivion::All => self.repeats.forget_all(),
        }
    }

    /// Lets somebody in and tells the others; for a member nothing changes.
    ///
    /// # Errors
    /// `RoomFull`.
    pub fn enter(&mut self, person: &Person, now: Moment) -> Result<Joined, ChatError> {
        if let Some(member) = self.members.find(person.id) {
            return Ok(self.joined(member.read));
        }
        if let Some(limit) = self.limit.filter(|limit| self.count() >= limit.get()) {
            return Err(ChatError::RoomFull { room: self.name.clone(), limit: limit.get() });
        }
        let notice = EventKind::Joined { username: person.name.clone() };
        let entry = self.history.push(notice, Audience::Members, now.unix);
        self.members.add(person.clone(), entry);
        Ok(self.joined(entry))
    }

    /// Puts a member out and tells the others.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn leave(&mut self, user: UserId, now: Moment) -> Result<(), ChatError> {
        let member = self.members.remove(user).ok_or_else(|| self.not_in_room())?;
        let notice = EventKind::Left { username: member.person.name };
        self.history.push(notice, Audience::Remaining { gone: user }, now.unix);
        if self.members.is_empty() {
            self.deserted_at = now.uptime;
        }
        Ok(())
    }

    /// Records a message, once for each id, and gives its number.
    ///
    /// # Errors
    /// `NotInRoom` or `RecipientNotInRoom`.
    pub fn post(&mut self, post: Post, now: Moment) -> Result<Seq, ChatError> {
        let Post { from, to, body, id } = post;
        if let Some(seq) = id.and_then(|id| self.repeats.recall(from, id, now.uptime)) {
            return Ok(seq);
        }
        let sender = self.member(from)?.person.name.clone();
        let (kind, audience) = match to {
            None => (EventKind::Broadcast { from: sender, body }, Audience::Public),
            Some(recipient) => {
                let Person { id: to, name } = self.recipient(recipient)?;
                (EventKind::Unicast { from: sender, to: name, body }, Audience::Two { from, to })
            }
        };
        let seq = self.history.push(kind, audience, now.unix);
        if let Some(id) = id {
            self.repeats.remember(from, id, seq, now.uptime);
        }
        Ok(seq)
    }

    /// What is new for a member since his last fetch, or after a mark of his; his next fetch goes on from there.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn fetch(&mut self, user: UserId, after: Option<Mark>) -> Result<Received, ChatError> {
        let member = self.member(user)?;
        let start = after.map_or(member.read, |mark| self.start(member, mark));
        let received = self.received(user, start, ANSWER_BYTES);
        if let Some(member) = self.members.find_mut(user) {
            member.read = received.mark.seq;
        }
        Ok(received)
    }

    /// What came since `announced`; nothing for somebody who begins to announce, and has no such mark.
    pub fn announcement(&self, announced: Option<Mark>) -> Announcement {
        let mark = self.mark(self.history.last());
        let records = match announced {
            None => Some(Vec::new()),
            Some(before) if before.incarnation == mark.incarnation => self.history.since(before.seq),
            Some(_) => None,
        };
        Announcement { mark, records }
    }

    /// What a member finds who begins to follow: at most 256 KiB of what is behind him, or one event.
    ///
    /// # Errors
    /// `NotInRoom`.
    pub fn follow(&self, follow: Follow) -> Result<Followed, ChatError> {
        let Follow { user, after, announced } = follow;
        let member = self.member(user)?;
        let start = after.map_or(member.entry, |mark| self.start(member, mark));
        let received = self.received(user, start, BEHIND_BYTES);
        Ok(Followed { begins: self.mark(start), received, announcement: self.announcement(announced) })
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

    fn received(&self, reader: UserId, after: Seq, budget: usize) -> Received {
        let page = self.history.page(reader, after, budget);
        Received { events: page.events, mark: self.mark(page.read), missed: page.missed, more: page.more }
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
