//! The thread that listens: it keeps one waiting call open and puts what comes into the events.
//!
//! ```text
//!            answered                    failed
//! listening ──────────► listening   listening ──► lost ──heartbeat──► listening
//!     │ session unknown                            │ session unknown
//!     └──────────► registering and entering again ◄┘
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chat_api::{ChatError, Joined, Mark, News, Received, RoomEvents};
use crossbeam_channel::{SendTimeoutError, Sender};
use rpc_core::Status;
use rpc_core::threads::{self, Thread};

use super::calls::{Calls, Repeat, Verdict, verdict};
use super::convert;
use super::pauses::Pauses;
use super::rooms::Membership;
use super::state::{Reach, State, Who};
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
        let ear = Ear {
            calls: self.calls.clone(),
            state: self.state.clone(),
            feed: self.feed.clone(),
            link: Link::Up,
            pauses: Pauses::default(),
            complaint: None,
        };
        let thread = threads::spawn("chat-listener", move || ear.listen())
            .map_err(|error| Status::unavailable(format!("no thread to listen with: {error}")).not_run())?;
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
struct Ear {
    calls: Arc<Calls>,
    state: Arc<State>,
    feed: Sender<ChatEvent>,
    link: Link,
    pauses: Pauses,
    /// The error that was told last, so that it is told once.
    complaint: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Up,
    Lost,
}

impl Ear {
    fn listen(mut self) {
        while !self.state.is_stopping() {
            let Some(who) = self.state.who() else { return };
            let outcome = match self.link {
                _ if self.state.is_in_doubt() => self.recover(&who),
                Link::Lost => self.calls.heartbeat(&who).map(|()| self.found()),
                Link::Up => self.hear(&who).map(|()| self.pauses.reset()),
            };
            match outcome {
                Ok(()) => {}
                Err(_) if self.state.is_stopping() => return,
                Err(failure) => self.failed(&who, &failure),
            }
        }
    }

    fn hear(&mut self, who: &Who) -> Result<(), ChatError> {
        let (marks, ours, entries) =
            self.state.rooms(|rooms| (rooms.marks(), rooms.memberships(), rooms.entries()));
        let is_outdated = || self.state.rooms(|rooms| rooms.entries() != entries);
        let news = self.calls.news(who, marks, is_outdated)?;
        for RoomEvents { room, news } in news {
            match news {
                News::Events(received) => self.deliver(who, room.as_str(), &received),
                News::NotIn => {
                    let entry = ours.iter().find(|ours| ours.room == room).map(|ours| ours.entry);
                    self.put_out(room.as_str(), entry);
                }
            }
        }
        Ok(())
    }

    fn put_out(&self, room: &str, entry: Option<u64>) {
        if self.state.rooms(|rooms| rooms.put_out(room, entry)) {
            self.tell(ChatEvent::Left { room: room.to_owned() });
        }
    }

    /// Shows what was not shown yet. A mark moves when its event stands in the feed, never before.
    fn deliver(&self, who: &Who, room: &str, received: &Received) {
        if !self.state.rooms(|rooms| rooms.is_ours(room)) {
            self.state.wait_for_entries();
        }
        if received.missed > 0 && self.state.rooms(|rooms| rooms.is_ours(room)) {
            self.tell(ChatEvent::Gap { room: room.to_owned() });
        }
        for event in &received.events {
            let mark = Mark { seq: event.seq, ..received.mark };
            if !self.state.rooms(|rooms| rooms.is_new(room, mark.incarnation, mark.seq)) {
                continue;
            }
            if convert::is_from(&who.username, event) {
                self.state.wait_for_sendings();
            }
            if let Some(event) = convert::chat_event(room, event)
                && !self.tell_patiently(who, event)
            {
                return;
            }
            self.state.rooms(|rooms| rooms.advance(room, mark));
        }
        self.state.rooms(|rooms| rooms.advance(room, received.mark));
        if received.events.iter().any(|event| event.kind == chat_api::EventKind::Closed) {
            self.state.rooms(|rooms| rooms.leave(room));
        }
    }

    /// Makes us known to a server that has forgotten us, and enters our rooms again.
    fn recover(&mut self, who: &Who) -> Result<(), ChatError> {
        let session = self.calls.register_again(who)?;
        let who = self.state.registered(session);
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
        match self.calls.enter_again(who, &before.room, limit) {
            Ok(joined) => {
                self.show_unseen(who, before, &joined);
                self.state.rooms(|rooms| {
                    rooms.leave(before.room.as_str());
                    rooms.enter(joined.room, joined.mark, who.registration);
                });
            }
            Err(failure) if verdict(&failure, Repeat::Always) == Verdict::Final => {
                self.state.rooms(|rooms| rooms.leave(before.room.as_str()));
                self.tell(error(&failure));
                self.tell(ChatEvent::Left { room: before.room.to_string() });
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Between what was shown and the last 50 there may have been more, and private messages nobody can show again.
    fn show_unseen(&self, who: &Who, before: &Membership, joined: &Joined) {
        let room = joined.room.as_str();
        self.tell(ChatEvent::Gap { room: room.to_owned() });
        let same = before.mark.incarnation == joined.mark.incarnation;
        let unseen = joined.history.iter().filter(|event| !same || event.seq > before.mark.seq);
        for event in unseen.filter_map(|event| convert::chat_event(room, event)) {
            self.tell_patiently(who, event);
        }
    }

    fn failed(&mut self, who: &Who, failure: &ChatError) {
        match verdict(failure, Repeat::Always) {
            Verdict::Unknown if !self.state.is_in_doubt() => self.state.doubt(who.registration),
            Verdict::Final if !matches!(failure, ChatError::Status(_)) => {
                if self.complaint.replace(failure.code()) != Some(failure.code()) {
                    self.tell(error(failure));
                }
                self.state.pause(self.pauses.next());
            }
            _ => {
                self.lost();
                self.state.pause(self.pauses.next());
            }
        }
    }

    fn lost(&mut self) {
        if std::mem::replace(&mut self.link, Link::Lost) == Link::Up {
            self.state.reach(Reach::Unreached);
            self.tell(ChatEvent::Connection { state: ConnectionState::Lost });
        }
    }

    fn found(&mut self) {
        if std::mem::replace(&mut self.link, Link::Up) == Link::Lost {
            self.calls.places.find_moved();
            self.state.reach(Reach::Reached);
            self.tell(ChatEvent::Connection { state: ConnectionState::Restored });
        }
    }

    /// Puts an event into the feed, waiting for a place as long as the session lasts. False if it ended.
    fn tell(&self, event: ChatEvent) -> bool {
        self.tell_while_waiting(event, || ())
    }

    /// The same, and stays there for the server however long that takes.
    fn tell_patiently(&self, who: &Who, event: ChatEvent) -> bool {
        let mut since = Instant::now();
        self.tell_while_waiting(event, || {
            if since.elapsed() >= who.idle_after / 3 {
                since = Instant::now();
                // The next waiting call finds out what is wrong, and mends it.
                let _ = self.calls.heartbeat(who);
            }
        })
    }

    fn tell_while_waiting(&self, mut event: ChatEvent, mut meanwhile: impl FnMut()) -> bool {
        loop {
            match self.feed.send_timeout(event, LOOK_EVERY) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(unsent)) if !self.state.is_stopping() => event = unsent,
                Err(_) => return false,
            }
            meanwhile();
        }
    }
}

fn error(failure: &ChatError) -> ChatEvent {
    ChatEvent::Error { code: failure.code(), message: failure.to_string() }
}

/// How often a full feed is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
