//! Those who follow rooms, and telling them what the rooms record.
//!
//! A room that somebody follows has an [`Announcer`]. Whoever changed the room has it announce: it reads what the room
//! recorded since it last did, and sends that in the room's order. One announcement at a time: its lock is held while it
//! reads the room and sends, which waits for no follower; never the other way round, so no order of locks can go wrong.
//!
//! ```text
//!   post ─▶ room ─▶ announce: [ what came since ] ─▶ Broadcast ─▶ stream, stream, stream …
//!   events ───────▶ follow:   [ what came since ] ─▶    ▲
//!                             [ what is behind ] ───────┘ a new stream, exactly behind that
//! ```

mod followers;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_api::limits::{READY_BYTES, READY_EVENTS};
use chat_api::{ChatError, Mark, News, Received, RoomName};
use rpc_core::{Broadcast, Lag, Status, Stream};

use self::followers::Followers;
use crate::domain::{Announcement, Audience, Followed, Record, UserId};

/// The announcers of all rooms that are followed, by their rooms' identities.
#[derive(Debug, Default)]
pub(crate) struct Announcers(Mutex<Rooms>);

#[derive(Debug, Default)]
struct Rooms {
    followed: HashMap<Box<str>, Arc<Announcer>>,
    closed: bool,
}

/// Tells those who follow one room what happens there.
#[derive(Debug)]
pub(crate) struct Announcer {
    followers: Arc<Followers>,
    /// Held while something is announced, so that all of it goes out in the room's order.
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    /// Up to where the room was announced; nothing before somebody followed it.
    announced: Option<Mark>,
    news: Broadcast<News>,
    /// Nobody finds this announcer any more.
    closed: bool,
}

/// How a stream ends whose user is out of its room.
pub(crate) type Farewell<'a> = &'a dyn Fn(UserId) -> Result<(), Status>;

impl Announcers {
    /// A stream for `user` of what `read` finds behind him in the room, and of what comes after that.
    ///
    /// `read` is given the mark up to which the room was announced.
    ///
    /// # Errors
    /// Those of `read`; the status `Unavailable` once these are closed.
    pub(crate) fn follow(
        &self,
        room: &RoomName,
        user: UserId,
        read: impl Fn(Option<Mark>) -> Result<Followed, ChatError>,
        farewell: Farewell<'_>,
    ) -> Result<Stream<News>, ChatError> {
        loop {
            let announcer = match self.find(room)? {
                Some(announcer) => announcer,
                None => {
                    // A room that the user is not in gets no announcer.
                    read(None)?;
                    self.begin(room)?
                }
            };
            let mut desk = announcer.lock();
            if !desk.closed {
                let Followed { begins, received, announcement } = read(desk.announced)?;
                announcer.tell(&mut desk, announcement, farewell);
                return Ok(announcer.admit(&desk.news, user, begins, received)?);
            }
        }
    }

    /// Tells those who follow a room what came since that was last done; `read` finds it.
    pub(crate) fn announce(
        &self,
        room: &RoomName,
        read: impl Fn(Mark) -> Result<Announcement, ChatError>,
        farewell: Farewell<'_>,
    ) {
        let Ok(Some(announcer)) = self.find(room) else { return };
        let mut desk = announcer.lock();
        let Some(announced) = desk.announced else { return };
        match read(announced) {
            Ok(announcement) => announcer.tell(&mut desk, announcement, farewell),
            // The room is gone, so nobody is in it any more.
            Err(_) => desk.news.end(&announcer.followers.all(), Ok(())),
        }
    }

    /// Forgets the announcers that nobody follows.
    pub(crate) fn sweep(&self) {
        let over = |announcer: &mut Arc<Announcer>| announcer.close_if_unfollowed();
        let unfollowed: Vec<_> = self.lock().followed.extract_if(|_, announcer| over(announcer)).collect();
        // A broadcast's end may wait for rounds, so nobody waits for the lock meanwhile.
        drop(unfollowed);
    }

    /// Ends every stream, and those to come, with `Unavailable`.
    pub(crate) fn close(&self) {
        let mut rooms = self.lock();
        rooms.closed = true;
        let followed = std::mem::take(&mut rooms.followed);
        drop(rooms);
        for announcer in followed.into_values() {
            let mut desk = announcer.lock();
            desk.closed = true;
            desk.news.end(&announcer.followers.all(), Err(going_away()));
        }
    }

    #[cfg(test)]
    pub(crate) fn followed(&self) -> usize {
        self.lock().followed.len()
    }

    #[cfg(test)]
    pub(crate) fn streams(&self) -> usize {
        self.lock().followed.values().map(|announcer| announcer.lock().news.subscribers()).sum()
    }

    fn find(&self, room: &RoomName) -> Result<Option<Arc<Announcer>>, Status> {
        let rooms = self.lock();
        if rooms.closed {
            return Err(going_away());
        }
        Ok(rooms.followed.get(room.key().identity()).cloned())
    }

    /// The announcer of a room that had none a moment ago.
    fn begin(&self, room: &RoomName) -> Result<Arc<Announcer>, Status> {
        let mut rooms = self.lock();
        if rooms.closed {
            return Err(going_away());
        }
        let begin = || Arc::new(Announcer::new());
        Ok(rooms.followed.entry(room.key().identity().into()).or_insert_with(begin).clone())
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announcer {
    fn new() -> Announcer {
        let news = Broadcast::with_lag(Lag { items: READY_EVENTS, bytes: READY_BYTES });
        let desk = Desk { announced: None, news, closed: false };
        Announcer { followers: Arc::default(), desk: Mutex::new(desk) }
    }

    /// A stream of what is behind `user` in the room, and of what is announced from now on.
    fn admit(
        &self,
        news: &Broadcast<News>,
        user: UserId,
        begins: Mark,
        behind: Received,
    ) -> Result<Stream<News>, Status> {
        let begins = News::Begins { mark: begins, missed: behind.missed };
        let first: Vec<News> =
            [begins].into_iter().chain(behind.events.into_iter().map(News::Event)).collect();
        let (id, stream) = news.subscribe_behind(&first)?;
        if behind.more {
            news.end(&[id], Err(to_be_resumed()));
        }
        let displaced = self.followers.add(user, id);
        // At once: one that nobody reads would never come to an end that is behind its items.
        news.cut(&displaced, &Status::aborted("newer streams of yours took this one's place"));
        Ok(stream.keeping(self.followers.clone().seat(user, id)))
    }

    fn tell(&self, desk: &mut Desk, announcement: Announcement, farewell: Farewell<'_>) {
        desk.announced = Some(announcement.mark);
        let Some(records) = announcement.records else {
            return desk.news.end(&self.followers.all(), Err(to_be_resumed()));
        };
        for record in records {
            if let Err(status) = self.send(&desk.news, &record, farewell) {
                return desk.news.end(&self.followers.all(), Err(status));
            }
        }
    }

    fn send(&self, news: &Broadcast<News>, record: &Record, farewell: Farewell<'_>) -> Result<(), Status> {
        if let Audience::Remaining { gone } = record.audience {
            news.end(&self.followers.of(gone), farewell(gone));
        }
        let event = || News::Event(record.event.clone());
        match record.audience {
            Audience::Two { to, .. } => match self.followers.of(to) {
                streams if streams.is_empty() => Ok(()),
                streams => news.send_to(&streams, &event()).map(drop),
            },
            _ if news.subscribers() == 0 => Ok(()),
            _ => news.send(&event()).map(drop),
        }
    }

    /// Whether nobody follows, and nobody will.
    fn close_if_unfollowed(&self) -> bool {
        let Ok(mut desk) = self.desk.try_lock() else { return false };
        desk.closed = self.followers.all().is_empty() && desk.news.subscribers() == 0;
        desk.closed
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a follower is told who has to ask again, after the last event he has.
fn to_be_resumed() -> Status {
    Status::resource_exhausted(
        "more than is kept ready came for this stream; follow again after its last event",
    )
}

fn going_away() -> Status {
    Status::unavailable("the chat server is going away")
}
