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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_api::limits::{CLOSED_ROOM_KEPT, READY_BYTES, READY_EVENTS};
use chat_api::{ChatError, EventKind, Mark, News, Received, RoomName};
use rpc_core::{Broadcast, Lag, Status, Stream, SubscriberId};

use self::followers::Followers;
use crate::domain::{Announcement, Audience, Followed, Record, Uptime, UserId};

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
    /// Streams that were ended, and when that was first looked at.
    dismissed: BTreeMap<SubscriberId, Option<Uptime>>,
    /// Nobody finds this announcer any more.
    closed: bool,
}

/// Who is out of a room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gone {
    User(UserId),
    /// All, since the room is closed.
    Everybody,
}

/// How the streams end of those who are out of a room.
pub(crate) type Farewell<'a> = &'a dyn Fn(Gone) -> Result<(), Status>;

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
                announcer.tell(&mut desk, announcement, farewell)?;
                return Ok(announcer.admit(&desk.news, user, (begins, received), farewell)?);
            }
        }
    }

    /// Tells those who follow a room what came since that was last done; `read` finds it.
    ///
    /// # Errors
    /// Why they could not be told. Their streams have ended then, to be resumed.
    pub(crate) fn announce(
        &self,
        room: &RoomName,
        read: impl Fn(Mark) -> Result<Announcement, ChatError>,
        farewell: Farewell<'_>,
    ) -> Result<(), ChatError> {
        let Ok(Some(announcer)) = self.find(room) else { return Ok(()) };
        let mut desk = announcer.lock();
        let Some(announced) = desk.announced else { return Ok(()) };
        let failed = match read(announced) {
            Ok(announcement) => return Ok(announcer.tell(&mut desk, announcement, farewell)?),
            Err(failure) => failure,
        };
        // The room is gone, so nobody is in it any more.
        let is_over = matches!(failed, ChatError::NoSuchRoom { .. } | ChatError::RoomClosed { .. });
        let outcome = if is_over { farewell(Gone::Everybody) } else { Err(to_be_resumed()) };
        desk.news.end(&announcer.followers.all(), outcome);
        if is_over { Ok(()) } else { Err(failed) }
    }

    /// Forgets the announcers that nobody follows, and ends the streams of leavers that nobody has read for long.
    pub(crate) fn sweep(&self, now: Uptime) {
        let rooms: Vec<_> = self.lock().followed.values().cloned().collect();
        for announcer in rooms {
            announcer.cut_unread(now);
        }
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
        let desk = Desk { announced: None, news, dismissed: BTreeMap::new(), closed: false };
        Announcer { followers: Arc::default(), desk: Mutex::new(desk) }
    }

    /// A stream of what is behind `user` in the room, and of what is announced from now on.
    fn admit(
        &self,
        news: &Broadcast<News>,
        user: UserId,
        (begins, behind): (Mark, Received),
        farewell: Farewell<'_>,
    ) -> Result<Stream<News>, Status> {
        let is_closed = behind.events.last().is_some_and(|event| event.kind == EventKind::Closed);
        let begins = News::Begins { mark: begins, missed: behind.missed };
        let first: Vec<News> =
            [begins].into_iter().chain(behind.events.into_iter().map(News::Event)).collect();
        let (id, stream) = news.subscribe_behind(&first)?;
        if behind.more {
            news.end(&[id], Err(to_be_resumed()));
        } else if is_closed {
            news.end(&[id], farewell(Gone::Everybody));
        }
        let displaced = self.followers.add(user, id);
        // At once: one that nobody reads would never come to an end that is behind its items.
        news.cut(&displaced, &Status::aborted("newer streams of yours took this one's place"));
        Ok(stream.keeping(self.followers.clone().seat(user, id)))
    }

    /// Sends what is new; an item that cannot be sent ends all streams.
    fn tell(
        &self,
        desk: &mut Desk,
        announcement: Announcement,
        farewell: Farewell<'_>,
    ) -> Result<(), Status> {
        desk.announced = Some(announcement.mark);
        let Some(records) = announcement.records else {
            desk.news.end(&self.followers.all(), Err(to_be_resumed()));
            return Ok(());
        };
        for record in records {
            if let Err(status) = self.send(desk, &record, farewell) {
                desk.news.end(&self.followers.all(), Err(status.clone()));
                return Err(status);
            }
        }
        Ok(())
    }

    fn send(&self, desk: &mut Desk, record: &Record, farewell: Farewell<'_>) -> Result<(), Status> {
        if let Audience::Remaining { gone } = record.audience {
            self.dismiss(desk, self.followers.of(gone), farewell(Gone::User(gone)));
        }
        let event = || News::Event(record.event.clone());
        match record.audience {
            Audience::Two { to, .. } => match self.followers.of(to) {
                streams if streams.is_empty() => {}
                streams => drop(desk.news.send_to(&streams, &event())?),
            },
            _ if desk.news.subscribers() == 0 => {}
            _ => drop(desk.news.send(&event())?),
        }
        if record.event.kind == EventKind::Closed {
            self.dismiss(desk, self.followers.all(), farewell(Gone::Everybody));
        }
        Ok(())
    }

    /// Ends streams of who is not in the room any more, behind what they have still to take.
    fn dismiss(&self, desk: &mut Desk, streams: Vec<SubscriberId>, outcome: Result<(), Status>) {
        desk.news.end(&streams, outcome);
        // Whoever leaves again and again has the same streams, and their time goes on.
        for stream in streams {
            desk.dismissed.entry(stream).or_default();
        }
    }

    /// Cuts those that were dismissed and have not come to their end for [`UNREAD_FOR`]: nobody reads them, and nothing
    /// would end them before their connection does.
    fn cut_unread(&self, now: Uptime) {
        let mut desk = self.lock();
        if desk.dismissed.is_empty() {
            return;
        }
        let open: BTreeSet<SubscriberId> = self.followers.all().into_iter().collect();
        desk.dismissed.retain(|stream, _| open.contains(stream));
        let mut late = Vec::new();
        for (stream, since) in &mut desk.dismissed {
            if now.since(*since.get_or_insert(now)) >= UNREAD_FOR {
                late.push(*stream);
            }
        }
        desk.news.cut(&late, &Status::aborted("nobody read this stream to its end"));
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

/// How long the stream of somebody who is out may take to be read to its end: a minute, as long as a closed room is kept.
const UNREAD_FOR: Duration = CLOSED_ROOM_KEPT;

/// What a follower is told who has to ask again, after the last event he has.
fn to_be_resumed() -> Status {
    Status::resource_exhausted(
        "more than is kept ready came for this stream; follow again after its last event",
    )
}

fn going_away() -> Status {
    Status::unavailable("the chat server is going away")
}
