//! Watchers, and telling them what changes.
//!
//! ```text
//!   change ─▶ registry ─▶ history ─▶ announce: [ what came since ] ─▶ Broadcast ─▶ stream, stream, stream …
//!   watch ──────────────▶ a seat, and a stream that begins with what it missed
//! ```
//! A change costs whoever makes it a bell, however many watch; a thread of the binder's announces it, in the order of
//! revisions. Where an address is read from decides how it reads, so there is one broadcast for each outlook.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rpc_core::shares::{Origin, Places};
use rpc_core::{Broadcast, Status, Stream, SubscriberId};

use super::telling;
use crate::address::Outlook;
use crate::contract::{Notice, Revision};
use crate::name::ProcedureName;
use crate::registry::News;
use crate::selection::Selection;

mod beginning;
mod letters;

pub(super) use beginning::Beginning;

/// Everybody who watches. The lock guards plain data: nothing is sent under it.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<Seats>);

#[derive(Debug, Default)]
struct Seats {
    last: u64,
    seats: HashMap<SeatId, Seat>,
    /// What all of them have together.
    taken: Holding,
    /// What those have who came from there.
    by_origin: HashMap<Origin, Holding>,
    by_name: HashMap<ProcedureName, Vec<SeatId>>,
    by_prefix: BTreeMap<Box<str>, Vec<SeatId>>,
    broadcasts: HashMap<Outlook, Hall>,
    closed: bool,
}

/// One watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeatId(u64);

/// What counts of watchers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holding {
    seats: usize,
    /// The sum of what each of them watches.
    names: usize,
}

#[derive(Debug)]
struct Seat {
    origin: Origin,
    outlook: Outlook,
    subscriber: SubscriberId,
    selection: Selection,
    /// He is told what comes behind this revision; nothing while his stream is still at its beginning.
    behind: Option<u64>,
}

/// The broadcast of an outlook, and how many watch from there.
#[derive(Debug)]
struct Hall {
    news: Arc<Broadcast<Notice>>,
    seats: usize,
}

/// Gives a watcher's seat back when his stream is over.
#[derive(Debug)]
struct Leave(Arc<Watchers>, SeatId);

impl Watchers {
    pub(super) fn count(&self) -> usize {
        self.lock().seats.len()
    }

    /// A stream for one who comes from there and watches these names with this outlook. `begin` makes its first notices, the last of which
    /// [seats](Watchers::seat) him.
    ///
    /// # Errors
    /// When too many watch, or too much, in all or from there, or the binder stops.
    pub(super) fn admit<I>(
        self: &Arc<Watchers>,
        selection: Selection,
        (origin, outlook): (Origin, Outlook),
        begin: impl FnOnce(SeatId, &Selection) -> I,
    ) -> Result<Stream<Notice>, Status>
    where
        I: Iterator<Item = Result<Notice, Status>> + Send + 'static,
    {
        let mut seats = self.lock();
        if seats.closed {
            return Err(stopping());
        }
        seats.check_room(origin, &selection)?;
        seats.last += 1;
        let id = SeatId(seats.last);
        let beginning = begin(id, &selection);
        let hall = seats.broadcasts.entry(outlook).or_insert_with(Hall::empty);
        hall.seats += 1;
        let (subscriber, stream) = hall.news.subscribe_behind_iter(beginning);
        seats.add(id, Seat { origin, outlook, subscriber, selection, behind: None });
        drop(seats);
        Ok(stream.keeping(Leave(self.clone(), id)))
    }

    /// A watcher knows everything up to this revision: from now on he is told what comes behind it.
    pub(super) fn seat(&self, id: SeatId, behind: u64) {
        if let Some(seat) = self.lock().seats.get_mut(&id) {
            seat.behind = Some(behind);
        }
    }

    /// Tells everyone whom it concerns; `revision` makes one of its number.
    pub(super) fn announce(&self, news: &[News], revision: impl Fn(u64) -> Revision) {
        let mut letters = Vec::new();
        let seats = self.lock();
        for news in news.chunk_by(|one, other| one.number == other.number) {
            letters.extend(seats.letters(news, &revision));
        }
        drop(seats);
        for letter in letters {
            letter.send();
        }
    }

    /// Ends every stream, which has watchers begin again from what they know: too much happened at once.
    pub(super) fn begin_anew(&self) {
        self.end_all(&too_much());
    }

    /// Ends every stream, and those to come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.end_all(&stopping());
    }

    fn end_all(&self, why: &Status) {
        let seats = self.lock();
        let letters: Vec<_> = seats.everyone().collect();
        drop(seats);
        for (news, subscribers) in letters {
            news.cut(&subscribers, why);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn check_room(&self, origin: Origin, selection: &Selection) -> Result<(), Status> {
        let (taken, held) = (self.taken, self.by_origin.get(&origin).copied().unwrap_or_default());
        let seats = Places { all: WATCHERS, taken: taken.seats };
        let names = Places { all: WATCHED, taken: taken.names };
        let full = |of: &str, why| Status::resource_exhausted(format!("{of}: {why}")).not_run();
        seats.check(origin, held.seats, 1).map_err(|why| full("too many watch", why))?;
        names
            .check(origin, held.names, selection.size())
            .map_err(|why| full("too many names are watched", why))
    }

    fn add(&mut self, id: SeatId, seat: Seat) {
        match &seat.selection {
            Selection::Names(names) => {
                for name in names {
                    self.by_name.entry(name.clone()).or_default().push(id);
                }
            }
            Selection::Prefix(prefix) => self.by_prefix.entry(prefix.clone()).or_default().push(id),
        }
        let watched = seat.selection.size();
        self.taken.add(watched);
        self.by_origin.entry(seat.origin).or_default().add(watched);
        self.seats.insert(id, seat);
    }

    /// Takes a seat away; and its broadcast if it was the last there, to be dropped when the lock is released.
    fn remove(&mut self, id: SeatId) -> Option<Hall> {
        let seat = self.seats.remove(&id)?;
        self.give_back(seat.origin, seat.selection.size());
        match &seat.selection {
            Selection::Names(names) => {
                for name in names {
                    let empty = self.by_name.get_mut(name).is_some_and(|ids| leave(ids, id));
                    if empty {
                        self.by_name.remove(name);
                    }
                }
            }
            Selection::Prefix(prefix) => {
                let empty = self.by_prefix.get_mut(prefix).is_some_and(|ids| leave(ids, id));
                if empty {
                    self.by_prefix.remove(prefix);
                }
            }
        }
        let hall = self.broadcasts.get_mut(&seat.outlook)?;
        hall.seats -= 1;
        if hall.seats == 0 { self.broadcasts.remove(&seat.outlook) } else { None }
    }

    fn give_back(&mut self, origin: Origin, names: usize) {
        self.taken.take(names);
        if let Entry::Occupied(mut held) = self.by_origin.entry(origin) {
            held.get_mut().take(names);
            if *held.get() == Holding::default() {
                held.remove();
            }
        }
    }

    /// All subscribers, by their broadcasts.
    fn everyone(&self) -> impl Iterator<Item = (Arc<Broadcast<Notice>>, Vec<SubscriberId>)> {
        let mut by_outlook: HashMap<Outlook, Vec<SubscriberId>> = HashMap::new();
        for seat in self.seats.values() {
            by_outlook.entry(seat.outlook).or_default().push(seat.subscriber);
        }
        by_outlook.into_iter().filter_map(|(outlook, subscribers)| {
            Some((self.broadcasts.get(&outlook)?.news.clone(), subscribers))
        })
    }
}

/// Takes an id out; whether none is left. They are in order, since each new one is higher.
fn leave(ids: &mut Vec<SeatId>, id: SeatId) -> bool {
    if let Ok(place) = ids.binary_search(&id) {
        ids.remove(place);
    }
    ids.is_empty()
}

impl Holding {
    /// One more watcher of so many names.
    fn add(&mut self, names: usize) {
        self.seats += 1;
        self.names += names;
    }

    /// One less.
    fn take(&mut self, names: usize) {
        self.seats -= 1;
        self.names -= names;
    }
}

impl Hall {
    fn empty() -> Hall {
        Hall { news: Arc::new(Broadcast::new()), seats: 0 }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let Leave(watchers, id) = self;
        let empty = watchers.lock().remove(*id);
        drop(empty);
    }
}

fn stopping() -> Status {
    Status::unavailable("the binder stops").not_run()
}

fn too_much() -> Status {
    Status::resource_exhausted("too much has changed at once: watch again from the last revision")
}

/// The most watchers at a time, each origin's as many as are left for all others. One costs about a kilobyte beside his connection, and all of them share a few threads.
const WATCHERS: usize = 10_000;
/// The most names that all watchers together have, a prefix being one, shared in the same way; so that strangers who may look
/// up cannot fill the memory with names that nobody has. 84 MiB if each is another one and as long as names get, measured.
const WATCHED: usize = 200_000;
