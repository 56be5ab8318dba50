//! What a stream needs of its connection, and the connection of it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::inlet::Inlet;
use crate::connection::SendError;
use crate::context::Alarm;
use crate::limits::STREAM_CREDIT_BYTES;
use crate::outcome::{Endings, Outcome};
use crate::panics::{self, Panicked};
use crate::status::Status;
use crate::sync::{self, thread};
use crate::transport::Waiter;

/// A connection, as its streams see it. None of these waits for the peer, but [`wait`](Port::wait).
pub(crate) trait Port: Send + Sync {
    /// Queues `count` encoded items; an item larger than a frame, or a connection that is closed, ends the stream.
    fn items(&self, id: u64, count: u32, payload: &mut Vec<u8>) -> Result<(), Status>;

    /// Queues one encoded item that others share. As [`items`](Port::items) otherwise.
    fn large_item(&self, id: u64, item: Arc<[u8]>) -> Result<(), Status>;

    /// Queues the last word of a stream that is sent from here.
    fn end(&self, id: u64, outcome: Result<(), Status>);

    /// Lets the far side send so many items more.
    fn grant(&self, id: u64, items: u32);

    /// Nobody here consumes the stream any more.
    fn abandon(&self, id: u64);

    /// What fills, encodes or takes the stream has panicked.
    fn panicked(&self, _id: u64) {}

    /// Sends of what is queued as much as the socket takes. What it does not take is left to another thread, and if there
    /// is none the connection ends: who sends to many waits for nobody.
    fn flush(&self);

    /// Whether so little is queued that more may be.
    fn has_room(&self) -> bool;

    /// As [`has_room`](Port::has_room); if not, the connection's pumps are given credit for nothing when there is.
    fn room_or_ask(&self) -> bool;

    /// Waits until there is room, or as [`wait`](Port::wait), or until `is_over`, asked whenever this thread is woken; says
    /// whether there is room. A peer that gives credit and reads nothing is waited for here.
    fn wait_for_room(&self, deadline: Option<Instant>, is_over: &dyn Fn() -> bool) -> bool;

    /// Sees to it that credit for a stream is taken in though its producer waits for none.
    fn tend(&self, id: u64);

    /// Takes in what has come, where nobody else does; does not wait.
    fn take_in(&self);

    /// Waits until `ready`, asked again whenever this thread is woken, or `deadline`, or until the call that this thread
    /// runs for is cancelled; says whether `ready`.
    fn wait(&self, deadline: Option<Instant>, ready: &mut dyn FnMut() -> bool) -> bool;
}

/// The credit that a message of items uses: one for each item, and no less than one for each 64 KiB.
pub(super) fn cost(count: u32, payload: usize) -> u32 {
    count.max(u32::try_from(payload.div_ceil(STREAM_CREDIT_BYTES)).unwrap_or(u32::MAX))
}

/// Why items were not queued, as the end of their stream.
pub(crate) fn unsent(error: &SendError) -> Status {
    match error {
        SendError::TooLarge { .. } => Status::resource_exhausted(format!("an item of a stream: {error}")),
        SendError::Encode(_) | SendError::Closed => Status::unavailable(error.to_string()),
    }
}

/// Where a stream goes: a connection and the call it belongs to.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) port: Arc<dyn Port>,
    pub(crate) id: u64,
    pub(crate) deadline: Option<Instant>,
}

/// Where a stream comes from that is passed on: a connection and the call it belongs to.
pub(crate) struct Source {
    pub(crate) port: Arc<dyn Port>,
    pub(crate) id: u64,
}

/// A stream that is sent from here, as its connection sees it.
pub(crate) trait Pump: Send + Sync {
    /// The far side takes so many items more, or for 0 the way out has room again; sends what it may.
    fn credit(&self, items: u32);

    /// Nobody takes the items any more.
    fn cancel(&self, why: &Status);

    /// Whether items wait here for credit.
    fn is_held_up(&self) -> bool;

    /// As [`is_held_up`](Pump::is_held_up), and there is no credit left.
    fn is_starved(&self) -> bool;
}

/// The streams of one call, as its connection keeps them until the call is over.
#[derive(Default)]
pub(crate) struct Legs {
    /// Items that come.
    pub(crate) inlet: Option<Arc<Inlet>>,
    /// Items that go.
    pub(crate) pump: Option<Arc<dyn Pump>>,
    /// Who is told when the call is over.
    pub(crate) endings: Endings,
}

/// What a pump is told once no lock is held: it may send, and run the user's code that encodes.
pub(crate) enum Nudge {
    Credit(Arc<dyn Pump>, u32),
    Cancel(Arc<dyn Pump>, Status),
    Wake(Waiter),
    Over(Endings, Result<(), Status>),
}

impl fmt::Debug for Nudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nudge::Credit(_, items) => write!(f, "Credit({items})"),
            Nudge::Cancel(_, why) => write!(f, "Cancel({why})"),
            Nudge::Wake(waiter) => write!(f, "Wake({:?})", waiter.id()),
            Nudge::Over(_, outcome) => write!(f, "Over({outcome:?})"),
        }
    }
}

impl Nudge {
    /// Tells the pump, and lets go of it. A user's code may panic in both, on a thread that is not its own: whoever calls
    /// this catches that. It goes on once both are done.
    pub(crate) fn run(self) {
        let (pump, told) = match self {
            Nudge::Wake(waiter) => return waiter.wake(),
            Nudge::Over(endings, outcome) => {
                let told = endings.tell(outcome.as_ref().map(|()| Outcome::Returned));
                return told.unwrap_or_else(Panicked::go_on);
            }
            Nudge::Credit(pump, items) => {
                let told = panics::catch(|| pump.credit(items));
                (pump, told)
            }
            Nudge::Cancel(pump, why) => {
                let told = panics::catch(|| pump.cancel(&why));
                (pump, told)
            }
        };
        let dropped = panics::catch(|| drop(pump));
        told.and(dropped).unwrap_or_else(Panicked::go_on);
    }
}

impl Legs {
    /// Ends both streams with one reason, which is the call's end too.
    pub(crate) fn end(self, why: &Status) -> Vec<Nudge> {
        self.end_with(why, Err(why))
    }

    /// Ends what is left of a call's streams when it is over.
    pub(crate) fn over(self, outcome: Result<(), &Status>) -> Vec<Nudge> {
        self.end_with(&Status::cancelled("the call is over"), outcome)
    }

    fn end_with(self, why: &Status, outcome: Result<(), &Status>) -> Vec<Nudge> {
        let Legs { inlet, pump, endings } = self;
        let wake = inlet.into_iter().flat_map(|inlet| inlet.end(Err(why.clone()))).map(Nudge::Wake);
        let cancel = pump.map(|pump| Nudge::Cancel(pump, why.clone()));
        let over = (!endings.is_empty()).then(|| Nudge::Over(endings, outcome.map_err(Status::clone)));
        wake.chain(cancel).chain(over).collect()
    }
}

impl fmt::Debug for Legs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Legs").field("inlet", &self.inlet).field("pump", &self.pump.is_some()).finish()
    }
}

/// Waits as [`Port::wait`] does where no reading is to be done: for threads that others wake.
pub(crate) fn park_until(deadline: Option<Instant>, ready: &mut dyn FnMut() -> bool) -> bool {
    let alarm = Alarm::set();
    loop {
        if ready() {
            return true;
        }
        if alarm.has_rung() {
            return false;
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(sync::now())) {
            Some(left) if left.is_zero() => return false,
            Some(left) => thread::park_timeout(left),
            None => thread::park(),
        }
    }
}
