//! One room: who is in, what was said, how far each has read.

mod asked;
mod operating;

use std::num::NonZeroU32;
use std::time::Duration;

use chat_api::limits::{ANSWER_BYTES, BEHIND_BYTES, CLOSED_ROOM_KEPT};
use chat_api::{
    ChatError, Event, EventKind, Incarnation, Joined, LogEntry, Mark, Received, RoomName, RoomReport, Seq,
    Username,
};

pub use asked::{Announcement, Follow, Followed, Maker, Post, Posted, Recipient, RoomPlan};

use super::history::{History, Oblivion};
use super::lock::{Key, PasswordHash};
use super::members::{Member, Members};
use super::moment::{Moment, Uptime};
use super::person::{Person, UserId};
use super::record::Audience;
use super::repeats::Repeats;
use super::tries::Tries;

/// A room from its making to its removal. Every method is one step: it happens whole or not at all.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    incarnation: Incarnation,
    maker: Maker,
    limit: Option<NonZeroU32>,
    password: Option<PasswordHash>,
    tries: Tries,
    members: Members,
    history: History,
    repeats: Repeats,
    /// When the last member left, or the room was made.
    deserted_at: Uptime,
    /// When it was closed. Its members are those who may still fetch then.
    closed_at: Option<Uptime>,
}

impl Room {
    /// An empty room.
    pub fn new(plan: RoomPlan, now: Moment) -> Room {
        let RoomPlan { name, limit, password, incarnation, maker } = plan;
        Room {
            name,
            incarnation,
            maker,
            limit,
            password,
            tries: Tries::default(),
            members: Members::default(),
            history: History::default(),
            repeats: Repeats::default(),
            deserted_at: now.uptime,
            closed_at: None,
        }
    }

    /// The name as its maker wrote it.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Who made it.
    pub fn maker(&self) -> Maker {
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

    /// Lets somebody in and tells the others; for a member nothing changes. A private room wants its key.
    ///
    /// # Errors
    /// `RoomClosed`, `PasswordNeeded` or `RoomFull`.
    pub fn enter(&mut self, person: &Person, key: Option<Key>, now: Moment) -> Result<Joined, ChatError> {
        self.open()?;
        if let Some(member) = self.members.find(person.id) {
            return Ok(self.joined(member.read));
        }
        self.unlock(person.id, key)?;
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
    /// `RoomClosed` or `NotInRoom`.
    pub fn leave(&mut self, user: UserId, now: Moment) -> Result<(), ChatError> {
        self.open()?;
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
    /// `RoomClosed`, `NotInRoom` or `RecipientNotInRoom`.
    pub fn post(&mut self, post: Post, now: Moment) -> Result<Seq, ChatError> {
        let Post { from, to, body, id } = post;
        if let Some(seq) = id.and_then(|id| self.repeats.recall(from, id, now.uptime)) {
            return Ok(seq);
        }
        self.open()?;
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

    /// As [`post`](Room::post), with what the log has of the message.
    ///
    /// # Errors
    /// As [`post`](Room::post).
    pub fn post_and_log(&mut self, post: Post, now: Moment) -> Result<Posted, ChatError> {
        let before = self.history.last();
        let seq = self.post(post, now)?;
        let is_new = seq > before && self.password.is_none();
        let said = self.history.latest().filter(|_| is_new).and_then(|record| match &record.event.kind {
            EventKind::Broadcast { from, body } => Some((from.clone(), body.clone())),
            _ => None,
        });
        let logged = said.map(|(user, text)| LogEntry::Said { user, room: self.name.clone(), text });
        Ok(Posted { seq, logged })
    }

    /// What is new for a member since his last fetch, or after a mark of his; his next fetch goes on from there. A
    /// closed room is fetched to its end.
    ///
    /// # Errors
    /// `NotInRoom`, or `RoomClosed` behind its end.
    pub fn fetch(&mut self, user: UserId, after: Option<Mark>) -> Result<Received, ChatError> {
        let member = self.reader(user)?;
        let start = after.map_or(member.read, |mark| self.start(member, mark));
        let received = self.received(user, start, ANSWER_BYTES);
        if received.events.is_empty() {
            self.open()?;
        }
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
    /// `NotInRoom`, or `RoomClosed` behind its end.
    pub fn follow(&self, follow: Follow) -> Result<Followed, ChatError> {
        let Follow { user, after, announced } = follow;
        let member = self.reader(user)?;
        let start = after.map_or(member.entry, |mark| self.start(member, mark));
        let received = self.received(user, start, BEHIND_BYTES);
        if received.events.is_empty() {
            self.open()?;
        }
        Ok(Followed { begins: self.mark(start), received, announcement: self.announcement(announced) })
    }

    /// The last 50 messages a member may see, private ones of his included.
    ///
    /// # Errors
    /// `RoomClosed` or `NotInRoom`.
    pub fn recent(&self, user: UserId) -> Result<Vec<Event>, ChatError> {
        self.open()?;
        let member = self.member(user)?;
        Ok(self.history.messages_known_to(member.person.id))
    }

    /// Who is in, by order of entry.
    ///
    /// # Errors
    /// `RoomClosed`.
    pub fn users(&self) -> Result<Vec<Username>, ChatError> {
        self.open().map(|()| self.names())
    }

    /// Name, number of members and limit, under its number; `None` once it is closed.
    pub fn report(&self, number: u64) -> Option<RoomReport> {
        self.open().ok()?;
        let limit = self.limit.map(NonZeroU32::get);
        let (name, private) = (self.name.clone(), self.password.is_some());
        Some(RoomReport { number, name, users: self.count(), limit, private })
    }

    /// Whether nobody has been in for `empty_for` or longer, or it was closed a minute ago.
    pub fn is_over(&self, now: Moment, empty_for: Duration) -> bool {
        match self.closed_at {
            Some(at) => self.members.is_empty() || now.uptime.since(at) >= CLOSED_ROOM_KEPT,
            None => {
                let may_go = self.maker != Maker::Operator && self.members.is_empty();
                may_go && now.uptime.since(self.deserted_at) >= empty_for
            }
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed_at.is_some()
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
        let (room, users, history) = (self.name.clone(), self.names(), self.history.public());
        Joined { room, users, history, mark: self.mark(read) }
    }

    fn names(&self) -> Vec<Username> {
        self.members.iter().map(|member| member.person.name.clone()).collect()
    }

    fn open(&self) -> Result<(), ChatError> {
        if self.is_closed() { Err(ChatError::RoomClosed { room: self.name.clone() }) } else { Ok(()) }
    }

    fn member(&self, user: UserId) -> Result<&Member, ChatError> {
        self.members.find(user).ok_or_else(|| self.not_in_room())
    }

    /// Who reads: a member, also of a room that was closed with him in it.
    fn reader(&self, user: UserId) -> Result<&Member, ChatError> {
        self.member(user).map_err(|not_in| self.open().err().unwrap_or(not_in))
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
