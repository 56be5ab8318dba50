//! The thread that follows one room: it takes the room's stream and puts what comes into the events.
//!
//! ```text
//!              ended: resume           in order: we are out
//! opening ──► taking ──► opening      taking ──────────────► over
//!                                        │ failed, or unwanted
//!                                        └───────────────► over
//! ```
//! A mark moves when its event stands in the feed, never before: whatever ends a stream, the next one goes on behind what
//! was shown. All of it runs in a context that the listener cancels, which ends every wait for the server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chat_api::{Event, EventKind, Incarnation, Mark, News};
use rpc_core::threads::{self, Thread};
use rpc_core::{Code, Context, Status, Stream};

use super::calls::Calls;
use super::convert;
use super::pauses::Pauses;
use super::rooms::Membership;
use super::state::{Ending, State, Unheard, Who};
use super::voice::Voice;
use crate::event::ChatEvent;

/// What the thread knows.
pub(super) struct Ear {
    pub(super) calls: Arc<Calls>,
    pub(super) state: Arc<State>,
    pub(super) voice: Voice,
    pub(super) who: Arc<Who>,
    pub(super) room: Membership,
    /// Cancelled when it is not wanted any more.
    pub(super) hearing: Context,
}

/// How taking a stream came to its end.
enum Taken {
    /// There is more, in another stream.
    Resume,
    Over(Unheard),
}

impl Ear {
    /// Follows the room on a thread of its own, until that has an [`Ending`].
    pub(super) fn start(self) -> io::Result<Thread> {
        threads::spawn("chat-room", move || {
            let why = self.hearing.scope(|| self.follow());
            self.state.unheard(Ending { entry: self.room.entry, why });
        })
    }

    fn follow(&self) -> Unheard {
        let mut pauses = Pauses::default();
        loop {
            let Some(from) = self.mark() else { return Unheard::Unwanted };
            let mut stream = match self.calls.events(&self.who, &self.room.room, from) {
                Ok(stream) => stream,
                Err(refused) if convert::is_out(&refused) => return Unheard::Out,
                Err(failure) => return Unheard::Failed(failure),
            };
            match self.take(&mut stream) {
                Taken::Over(why) => return why,
                Taken::Resume if self.mark() != Some(from) => pauses.reset(),
                Taken::Resume => self.pause(pauses.next()),
            }
        }
    }

    fn take(&self, stream: &mut Stream<News>) -> Taken {
        let mut incarnation = self.room.mark.incarnation;
        loop {
            let came = stream.next();
            if !self.is_wanted() {
                return Taken::Over(Unheard::Unwanted);
            }
            match came {
                None => return Taken::Over(Unheard::Out),
                Some(Ok(News::Begins { mark, missed })) => {
                    incarnation = mark.incarnation;
                    self.begin(mark, missed);
                }
                Some(Ok(News::Event(event))) => self.show(incarnation, &event),
                Some(Err(why)) if is_to_be_resumed(&why) => return Taken::Resume,
                Some(Err(why)) => return Taken::Over(Unheard::Failed(why.into())),
            }
        }
    }

    /// What the room no longer keeps is a gap, told once.
    fn begin(&self, mark: Mark, missed: u64) {
        let gap = || ChatEvent::Gap { room: self.room.room.to_string() };
        if missed == 0 || self.tell(gap()) {
            let seq = chat_api::Seq::new(mark.seq.number().saturating_add(missed));
            self.advance(Mark { seq, ..mark });
        }
    }

    /// Shows what was not shown yet.
    fn show(&self, incarnation: Incarnation, event: &Event) {
        let (room, mark) = (self.room.room.as_str(), Mark { incarnation, seq: event.seq });
        if !self.state.rooms(|rooms| rooms.is_new(self.room.entry, mark)) {
            return;
        }
        if convert::is_from(&self.who.username, event) {
            self.state.wait_for_sendings();
        }
        if convert::chat_event(room, event).is_none_or(|event| self.tell(event)) {
            self.advance(mark);
        }
        if event.kind == EventKind::Closed {
            self.state.rooms(|rooms| rooms.leave(room));
        }
    }

    fn tell(&self, event: ChatEvent) -> bool {
        self.voice.tell(event, || self.is_wanted())
    }

    fn mark(&self) -> Option<Mark> {
        self.state.rooms(|rooms| rooms.mark(self.room.entry)).filter(|_| self.is_wanted())
    }

    fn is_wanted(&self) -> bool {
        !self.state.is_stopping() && !self.hearing.is_cancelled()
    }

    /// Lets time pass; less of it when the room is not wanted any more.
    fn pause(&self, time: Duration) {
        // Nothing is ever received: the time is over, or the context cancelled.
        let _ = self.hearing.cancelled().recv_timeout(time);
    }

    fn advance(&self, mark: Mark) {
        self.state.rooms(|rooms| rooms.advance(self.room.entry, mark));
    }
}

/// The server has more for us than it keeps ready for one stream, or gave this one's place to another of ours.
fn is_to_be_resumed(why: &Status) -> bool {
    matches!(why.code(), Code::ResourceExhausted | Code::Aborted)
}
