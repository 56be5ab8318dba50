//! The thread that listens: it has each of our rooms followed, and keeps us known to the server.
//!
//! ```text
//!            answered                    failed
//! listening ──────────► listening   listening ──► lost ──heartbeat──► listening
//!     │ session unknown                            │ session unknown
//!     └──────────► registering and entering again ◄┘        told that the chat has ended ──► over
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chat_api::{ChatError, Joined, is_chat_ended};
use crossbeam_channel::Sender;
use rpc_core::threads::{self, Thread};
use rpc_core::{Canceller, Code, Context, Status};

use super::calls::{Calls, Repeat, Verdict, verdict};
use super::convert;
use super::ear::Ear;
use super::pauses::Pauses;
use super::rooms::Membership;
use super::state::{Ending, Reach, State, Unheard, Who};
use super::voice::Voice;
use crate::event::{ChatEvent, ConnectionState};

/// Owns the thread.
#[derive(Debug)]
pub(super) struct Listener {
    calls: Arc<Calls>,
    state: Arc<State>,
    feed: Sender<ChatEvent>,
    thread: Mutex<Option<Thread>>,
}

impl Listener {
    pub(super) fn new(calls: Arc<Calls>, state: Arc<State>, feed: Sender<ChatEvent>) -> Listener {
        Listener { calls, state, feed, thread: Mutex::default() }
    }

    /// Begins to listen for the user that has been registered.
    pub(super) fn start(&self) -> Result<(), ChatError> {
        let attention = Attention {
            calls: self.calls.clone(),
            state: self.state.clone(),
            voice: Voice { state: self.state.clone(), feed: self.feed.clone() },
            hearing: Context::cancellable(),
            ears: BTreeMap::new(),
            refusals: BTreeMap::new(),
            link: Link::Up,
            heard_of: Instant::now(),
            pauses: Pauses::default(),
            complaint: None,
        };
        let life = self.state.life().clone();
        let thread = threads::spawn("chat-listener", move || life.scope(|| attention.listen()))
            .map_err(|error| no_thread(&error))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Waits for the thread's end, once the state is stopping.
    pub(super) fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(thread);
    }
}

/// What the thread itself knows.
struct Attention {
    calls: Arc<Calls>,
    state: Arc<State>,
    voice: Voice,
    /// What the threads that follow our rooms run in. Stands before them, so that it is cancelled before they are joined.
    hearing: (Context, Canceller),
    /// The threads that follow our rooms, by entry.
    ears: BTreeMap<u64, Thread>,
    /// Rooms whose streams the server refuses, by entry: they are asked for again in their own time.
    refusals: BTreeMap<u64, Refusal>,
    link: Link,
    /// When the server last answered us.
    heard_of: Instant,
    pauses: Pauses,
    /// The error that was told last, so that it is told once.
    complaint: Option<&'static str>,
}

/// A room whose stream was refused.
struct Refusal {
    pauses: Pauses,
    /// When it is asked for again.
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Up,
    Lost,
}

impl Attention {
    fn listen(mut self) {
        while !self.state.is_stopping() {
            let Some(who) = self.state.who() else { return };
            let outcome = match self.link {
                _ if self.state.is_in_doubt() => self.recover(&who),
                Link::Lost => self.beat(&who).map(|()| self.found()),
                Link::Up => self.attend(&who),
            };
            match outcome {
                Ok(()) => {}
                Err(_) if self.state.is_stopping() => return,
                Err(ChatError::Status(end)) if is_chat_ended(&end) => return self.ended(&who),
                Err(failure) => self.failed(&who, &failure),
            }
        }
    }

    /// Has all our rooms followed, until there is something to do about one, or it is time to say that we are there.
    fn attend(&mut self, who: &Arc<Who>) -> Result<(), ChatError> {
        let latest = self.follow_all(who)?;
        let until = self.heard_of.checked_add(PAUSE.min(who.idle_after / 3)).unwrap_or(self.heard_of);
        let again = self.refusals.values().map(|refusal| refusal.until).min();
        let mut failed = Ok(());
        for Ending { entry, why } in
            self.state.wait_for_endings(latest, again.map_or(until, |again| again.min(until)))
        {
            self.ears.remove(&entry);
            match why {
                Unheard::Out => self.put_out(who, entry),
                Unheard::Failed(failure) if is_of_one_room(&failure) => self.refused(who, entry, &failure),
                // A stream that was cut meanwhile says less than one that was told why.
                Unheard::Failed(_) if matches!(&failed, Err(ChatError::Status(end)) if is_chat_ended(end)) => {
                }
                Unheard::Failed(failure) => failed = Err(failure),
                Unheard::Unwanted => {}
            }
        }
        failed?;
        if Instant::now() >= until && !self.state.is_in_doubt() {
            self.beat(who)?;
        }
        self.pauses.reset();
        Ok(())
    }

    /// Follows the rooms that are not followed yet; the latest entry among ours.
    fn follow_all(&mut self, who: &Arc<Who>) -> Result<u64, ChatError> {
        let (ours, latest) = self.state.rooms(|rooms| (rooms.memberships(), rooms.latest_entry()));
        self.refusals.retain(|entry, _| ours.iter().any(|room| room.entry == *entry));
        for room in ours {
            let entry = room.entry;
            let waits = self.refusals.get(&entry).is_some_and(|refusal| refusal.until > Instant::now());
            if waits || self.ears.contains_key(&entry) {
                continue;
            }
            let (calls, state, voice) = (self.calls.clone(), self.state.clone(), self.voice.clone());
            let hearing = self.hearing.0.clone();
            let ear = Ear { calls, state, voice, who: who.clone(), room, hearing };
            self.ears.insert(entry, ear.start().map_err(|error| no_thread(&error))?);
        }
        Ok(latest)
    }

    /// The server is there, and does not let us follow one room: the others go on. Told once for each entry.
    fn refused(&mut self, who: &Who, entry: u64, failure: &ChatError) {
        let mut pauses = match self.refusals.remove(&entry) {
            Some(before) => before.pauses,
            None => {
                self.tell(who, self.error(failure));
                Pauses::default()
            }
        };
        let until = Instant::now().checked_add(pauses.next()).unwrap_or_else(Instant::now);
        self.refusals.insert(entry, Refusal { pauses, until });
    }

    /// Ends the following of all rooms. Those whose connection is lost end by themselves, behind what they have received;
    /// the rest are cancelled, whatever they wait for.
    fn silence(&mut self) {
        self.state.wait_for_last_words(self.ears.len(), Instant::now() + LAST_WORDS);
        self.hearing = Context::cancellable();
    }

    /// Waits for the threads that [`silence`](Attention::silence) told to end.
    fn join(&mut self) {
        self.ears.clear();
        self.state.forget_endings();
    }

    fn beat(&mut self, who: &Who) -> Result<(), ChatError> {
        self.calls.heartbeat(who)?;
        self.heard_of = Instant::now();
        Ok(())
    }

    fn put_out(&self, who: &Who, entry: u64) {
        if let Some(room) = self.state.rooms(|rooms| rooms.put_out(entry)) {
            self.tell(who, ChatEvent::Left { room: room.to_string() });
        }
    }

    /// Makes us known to a server that has forgotten us, and enters our rooms again.
    fn recover(&mut self, who: &Who) -> Result<(), ChatError> {
        self.silence();
        self.join();
        let session = self.calls.register_again(who)?;
        let who = self.state.registered(session);
        self.heard_of = Instant::now();
        self.found();
        for before in self.state.rooms(|rooms| rooms.memberships()) {
            if before.registration != who.registration {
                self.enter_again(&who, &before)?;
            }
        }
        self.complaint = None;
        self.state.trust();
        Ok(())
    }

    fn enter_again(&self, who: &Who, before: &Membership) -> Result<(), ChatError> {
        let limit = self.state.rooms(|rooms| rooms.limit_of(&before.room));
        match self.calls.enter_again(who, &before.room, (limit, before.password.as_ref())) {
            Ok(joined) => {
                self.show_unseen(who, before, &joined);
                self.state.rooms(|rooms| {
                    rooms.leave(before.room.as_str());
                    rooms.enter(joined.room, joined.mark, who.registration, before.password.clone());
                });
            }
            Err(failure) if verdict(&failure, Repeat::Always) == Verdict::Final => {
                self.state.rooms(|rooms| rooms.leave(before.room.as_str()));
                self.tell(who, self.error(&failure));
                self.tell(who, ChatEvent::Left { room: before.room.to_string() });
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Between what was shown and the last 50 there may have been more, and private messages nobody can show again.
    fn show_unseen(&self, who: &Who, before: &Membership, joined: &Joined) {
        let room = joined.room.as_str();
        self.tell(who, ChatEvent::Gap { room: room.to_owned() });
        let same = before.mark.incarnation == joined.mark.incarnation;
        let unseen = joined.history.iter().filter(|event| !same || event.seq > before.mark.seq);
        for event in unseen.filter_map(|event| convert::chat_event(room, event)) {
            self.tell(who, event);
        }
    }

    fn failed(&mut self, who: &Who, failure: &ChatError) {
        match verdict(failure, Repeat::Always) {
            Verdict::Unknown if !self.state.is_in_doubt() => self.state.doubt(who.registration),
            Verdict::Final if !matches!(failure, ChatError::Status(_)) => {
                if self.complaint.replace(failure.code()) != Some(failure.code()) {
                    self.tell(who, self.error(failure));
                }
                self.state.pause(self.pauses.next());
            }
            _ => {
                self.lost(who);
                self.state.pause(self.pauses.next());
            }
        }
    }

    fn lost(&mut self, who: &Who) {
        if std::mem::replace(&mut self.link, Link::Lost) == Link::Up {
            self.state.reach(Reach::Unreached);
            self.silence();
            self.tell(who, ChatEvent::Connection { state: ConnectionState::Lost });
            self.join();
        }
    }

    /// The chat does not come back.
    fn ended(&mut self, who: &Who) {
        self.silence();
        self.tell(who, ChatEvent::Connection { state: ConnectionState::Ended });
        self.join();
        self.state.reach(Reach::Ended);
    }

    fn found(&mut self) {
        if std::mem::replace(&mut self.link, Link::Up) == Link::Lost {
            self.state.reach(Reach::Reached);
            self.voice.tell(ChatEvent::Connection { state: ConnectionState::Restored }, || true);
        }
    }

    fn error(&self, failure: &ChatError) -> ChatEvent {
        ChatEvent::Error { code: failure.code(), message: self.calls.language.refusal(failure) }
    }

    /// Puts an event into the feed, and stays there for the server however long that takes.
    fn tell(&self, who: &Who, event: ChatEvent) {
        let mut since = Instant::now();
        self.voice.tell(event, || {
            if since.elapsed() >= who.idle_after / 3 {
                since = Instant::now();
                // The next one that counts finds out what is wrong, and mends it.
                let _ = self.calls.heartbeat(who);
            }
            true
        });
    }
}

/// Whether a stream's failure says nothing of the connection, nor of our session: a limit of the server, a fault in a room.
fn is_of_one_room(failure: &ChatError) -> bool {
    let ChatError::Status(status) = failure else { return false };
    let is_of_the_way = matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::NotFound | Code::Unimplemented
    );
    !is_of_the_way && verdict(failure, Repeat::IfNotRun) != Verdict::Unknown
}

fn no_thread(error: &io::Error) -> ChatError {
    Status::unavailable(format!("no thread to listen with: {error}")).not_run().into()
}

/// How often we say that we are there, at the least: a connection that is dead without anybody knowing is found then, and
/// in no room a server that is gone.
const PAUSE: Duration = Duration::from_secs(10);
/// How long rooms may take to show what they have received before the connection was lost.
const LAST_WORDS: Duration = Duration::from_secs(1);
