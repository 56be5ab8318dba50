//! The chat as its callers meet it: who calls, what he may do, and telling those who follow.
//!
//! Everything shared is behind one of three doors: `users`, `rooms` (the [storage seam](crate::store)) and `announcers`.
//! An announcer goes through the other two while it announces; otherwise no lock is held while another door is used, so
//! that no order of locks can go wrong. The journal's lock is held for one entry or page. Texts of messages stand in the
//! journal, which operators read, and never in the program's log.

mod entering;
mod operating;
mod procedures;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_api::limits::HISTORY_BYTES;
use chat_api::{
    Admin, ChatError, LogEntry, Mark, News, RoomChoice, RoomName, SESSION_KEY, Username, chat_ended,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Context, Status, Stream};

use crate::announcer::{Announcers, Gone};
use crate::clock::{Clock, SystemClock};
use crate::domain::{Follow, Journal, Moment, Person, UserId, Users};
use crate::hashing::Hashing;
use crate::meter::{Messages, Size};
use crate::store::{Rooms, RoomsInMemory};

/// How long an empty room stays, unless told otherwise: five minutes.
pub const EMPTY_ROOM_AFTER: Duration = Duration::from_secs(300);

/// How long a user may make no call, unless told otherwise: a minute, some lost heartbeats.
pub const USER_IDLE_AFTER: Duration = Duration::from_secs(60);

/// The implementation of [`chat_api::Chat`]: all rooms and users of one chat.
#[derive(Debug)]
pub struct Lobby {
    clock: Arc<dyn Clock>,
    user_idle_after: Duration,
    users: Mutex<Users>,
    rooms: Box<dyn Rooms>,
    announcers: Announcers,
    journal: Mutex<Journal>,
    messages: Messages,
    hashing: Hashing,
    ended: AtomicBool,
    /// Disconnected when the chat closes.
    closing: Receiver<Infallible>,
    open: Mutex<Option<Sender<Infallible>>>,
}

/// What a lobby may be told.
#[derive(Clone, Debug)]
pub struct LobbyOptions {
    /// How long a room may be empty until it is gone.
    pub empty_room_after: Duration,
    /// How long a user may make no call until he is gone.
    pub user_idle_after: Duration,
    /// What the histories of all rooms may take together, in bytes; above it the rooms that nobody has used for the
    /// longest time forget first.
    pub history_bytes: usize,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for LobbyOptions {
    fn default() -> LobbyOptions {
        LobbyOptions {
            empty_room_after: EMPTY_ROOM_AFTER,
            user_idle_after: USER_IDLE_AFTER,
            history_bytes: HISTORY_BYTES,
            clock: Arc::new(SystemClock::start()),
        }
    }
}

impl Lobby {
    /// A chat without rooms and users, kept in memory.
    pub fn new(options: LobbyOptions) -> Lobby {
        let LobbyOptions { empty_room_after, user_idle_after, history_bytes, clock } = options;
        let (open, closing) = bounded(0);
        Lobby {
            clock,
            user_idle_after,
            users: Mutex::new(Users::new(user_idle_after)),
            rooms: Box::new(RoomsInMemory::new(empty_room_after, history_bytes)),
            announcers: Announcers::default(),
            journal: Mutex::default(),
            messages: Messages::default(),
            hashing: Hashing::new(),
            ended: AtomicBool::new(false),
            closing,
            open: Mutex::new(Some(open)),
        }
    }

    /// Puts out who has been idle for too long, telling the others, and forgets rooms that have been empty too long.
    ///
    /// Nothing depends on when it is called: both are treated as gone before.
    pub fn sweep(&self) {
        let now = self.now();
        let idle = self.users().retire_idle(now);
        self.put_out(&idle);
        for room in self.rooms.sweep(now) {
            tracing::info!(%room, "an empty room is gone");
            self.note(LogEntry::RoomDeserted { room });
        }
        self.announcers.sweep(now.uptime);
    }

    /// Ends the chat for good: closes every room, and tells those who are in one that it does not come back. From now on
    /// nobody makes or enters a room.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        for room in self.rooms.list(self.now()) {
            // One that somebody else has closed is closed.
            let _ = Admin::close_room(self, RoomChoice::Number(room.number), None);
        }
    }

    /// Ends all streams of events, and those to come, with `Unavailable`.
    pub fn close(&self) {
        self.announcers.close();
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// How large the chat is.
    pub(crate) fn size(&self) -> Size {
        let users = self.users().count();
        let rooms = self.rooms.list(self.now());
        let private_rooms = rooms.iter().filter(|room| room.private).count();
        let members = rooms.iter().map(|room| u64::from(room.users)).sum();
        Size { users, public_rooms: rooms.len() - private_rooms, private_rooms, members }
    }

    /// How many messages there were.
    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// A channel that is disconnected when the chat closes.
    pub(crate) fn closing(&self) -> Receiver<Infallible> {
        self.closing.clone()
    }

    /// How many rooms somebody follows.
    #[cfg(test)]
    pub(crate) fn followed(&self) -> usize {
        self.announcers.followed()
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who makes the current call, if he is whom he says he is.
    fn caller(&self, username: &str) -> Result<Person, ChatError> {
        let username = Username::parse(username)?;
        let context = Context::current();
        self.users().caller(&username, context.metadata().first(SESSION_KEY), self.now())
    }

    /// Who makes the current call, by his session alone.
    fn session_holder(&self) -> Result<Person, ChatError> {
        let context = Context::current();
        self.users().holder(context.metadata().first(SESSION_KEY), self.now())
    }

    /// Takes retired users out of all rooms, tells the others, and frees their names.
    fn put_out(&self, retired: &[Person]) {
        for person in retired {
            for room in self.rooms.rooms_of(person.id) {
                // Refused if a call of his own was faster.
                if self.rooms.leave(&room, person.id, self.now()).is_ok() {
                    self.announce(&room);
                }
            }
            self.users().remove(person.id);
            tracing::info!(user = %person.name, "a user is gone");
            self.note(LogEntry::Gone { user: person.name.clone() });
        }
    }

    /// Tells those who follow a room what came since they were told last.
    fn announce(&self, room: &RoomName) {
        let read = |announced| self.rooms.announcement(room, announced, self.now());
        if let Err(failure) = self.announcers.announce(room, read, &|gone| self.farewell(gone)) {
            tracing::warn!(%room, "those who follow a room cannot be told: {failure}");
            self.note(LogEntry::Undelivered { why: failure.to_string() });
        }
    }

    /// Adds an entry to the log of rooms.
    pub(crate) fn note(&self, entry: LogEntry) {
        let at = self.now().unix;
        self.journal().note(entry, at);
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of a room that `person` is in.
    fn follow(
        &self,
        room: &RoomName,
        person: &Person,
        after: Option<Mark>,
    ) -> Result<Stream<News>, ChatError> {
        let read =
            |announced| self.rooms.follow(room, Follow { user: person.id, after, announced }, self.now());
        let followed = self.announcers.follow(room, person.id, read, &|gone| self.farewell(gone));
        followed.map_err(|refused| self.still_registered(person).err().unwrap_or(refused))
    }

    /// How the streams of those end who are out of a room: in order, unless that is since somebody is out of the chat, or
    /// the chat has ended.
    fn farewell(&self, gone: Gone) -> Result<(), Status> {
        match gone {
            Gone::User(user) if !self.is_registered(user) => {
                Err(Status::unauthenticated("the session is over"))
            }
            Gone::User(_) => Ok(()),
            Gone::Everybody => self.not_ended(),
        }
    }

    /// Refuses once the chat has ended.
    fn not_ended(&self) -> Result<(), Status> {
        if self.ended.load(Ordering::SeqCst) { Err(chat_ended()) } else { Ok(()) }
    }

    /// Refuses what somebody began before he was retired.
    fn still_registered(&self, person: &Person) -> Result<(), ChatError> {
        if self.is_registered(person.id) {
            return Ok(());
        }
        Err(ChatError::NotRegistered { username: person.name.clone() })
    }

    fn is_registered(&self, user: UserId) -> bool {
        self.users().is_registered(user)
    }
}

#[cfg(test)]
mod following;
#[cfg(test)]
mod operated;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod races;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;
