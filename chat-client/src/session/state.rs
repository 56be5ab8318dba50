//! What the threads of a session share: who we are, where we are, and whether it is over.

use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chat_api::{ChatError, Session, SessionToken, Username};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::{Canceller, Context};

use super::rooms::Rooms;

/// Shared by the threads that give commands and the one that listens. The lock is held for no call and no send.
#[derive(Debug)]
pub(super) struct State {
    shared: Mutex<Shared>,
    /// Told of every change of `shared`, and of the end: for commands that wait.
    changed: Condvar,
    /// Told of what the listener has to do, and of the end. Not of every event that is shown.
    wanted: Condvar,
    /// Dropped at the end, which cancels `life`.
    alive: Mutex<Option<Canceller>>,
    life: Context,
    /// Dropped when the chat has ended, which disconnects `ended`.
    going_on: Mutex<Option<Sender<Infallible>>>,
    ended: Receiver<Infallible>,
}

#[derive(Debug, Default)]
struct Shared {
    who: Option<Arc<Who>>,
    rooms: Rooms,
    /// What rooms that were heard have come to, for the listener.
    endings: Vec<Ending>,
    /// How many sendings began that are told, and how many of them are over, in the same order.
    sendings: (u64, u64),
    standing: Standing,
    reach: Reach,
}

/// Whether the server can be reached, as far as the listener knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    #[default]
    Reached,
    /// Its connection is lost; commands wait, since what they send now may be lost with it.
    Unreached,
    /// The chat has ended, for good; commands are refused.
    Ended,
}

/// Whether the server knows us, as far as we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Known,
    /// It does not; the listener registers and enters our rooms again, and commands wait for that.
    Lost,
}

/// One registration of our name.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) username: Username,
    pub(super) token: SessionToken,
    pub(super) idle_after: Duration,
    /// Counts the registrations of this session from 1.
    pub(super) registration: u64,
}

/// One room is not heard any more.
#[derive(Debug)]
pub(super) struct Ending {
    /// The entry into the room.
    pub(super) entry: u64,
    pub(super) why: Unheard,
}

/// Why a room is not heard any more.
#[derive(Debug)]
pub(super) enum Unheard {
    /// We are not in it.
    Out,
    /// The stream did not begin, or ended before its time.
    Failed(ChatError),
    /// Nobody wants to hear it now.
    Unwanted,
}

/// A message is being sent, or its number being told, as long as this lives.
pub(super) struct Sending<'a>(&'a State);

impl Default for State {
    fn default() -> State {
        let (life, alive) = Context::cancellable();
        let (going_on, ended) = bounded(0);
        State {
            shared: Mutex::default(),
            changed: Condvar::new(),
            wanted: Condvar::new(),
            alive: Mutex::new(Some(alive)),
            life,
            going_on: Mutex::new(Some(going_on)),
            ended,
        }
    }
}

impl State {
    pub(super) fn who(&self) -> Option<Arc<Who>> {
        self.lock().who.clone()
    }

    /// Takes the server's answer to a registration; the same session again is no new registration.
    pub(super) fn registered(&self, session: Session) -> Arc<Who> {
        let mut shared = self.lock();
        let before = shared.who.as_ref().map_or(0, |who| who.registration);
        let same = shared.who.as_ref().filter(|who| who.token.as_bytes() == session.token.as_bytes());
        if let Some(same) = same {
            return same.clone();
        }
        let Session { token, username, idle_after } = session;
        let who = Arc::new(Who { username, token, idle_after, registration: before.saturating_add(1) });
        shared.who = Some(who.clone());
        who
    }

    /// Looks at the rooms, or changes them.
    pub(super) fn rooms<T>(&self, body: impl FnOnce(&mut Rooms) -> T) -> T {
        let mut shared = self.lock();
        let entry = shared.rooms.latest_entry();
        let answer = body(&mut shared.rooms);
        let entered = shared.rooms.latest_entry() != entry;
        drop(shared);
        self.changed.notify_all();
        if entered {
            self.wanted.notify_all();
        }
        answer
    }

    /// A room is not heard any more; the listener is told.
    pub(super) fn unheard(&self, ending: Ending) {
        self.lock().endings.push(ending);
        self.wanted.notify_all();
    }

    /// Waits until a room was entered after `entry`, one is not heard any more, the server does not know us, or `until`.
    /// Takes what rooms have come to.
    pub(super) fn wait_for_endings(&self, entry: u64, until: Instant) -> Vec<Ending> {
        let mut shared = self.wait_while(&self.wanted, until, |shared| {
            shared.endings.is_empty()
                && shared.rooms.latest_entry() == entry
                && shared.standing == Standing::Known
        });
        std::mem::take(&mut shared.endings)
    }

    /// What rooms have come to is of no account any more.
    pub(super) fn forget_endings(&self) {
        self.lock().endings.clear();
    }

    /// Waits until `count` rooms have come to their end, or `until`.
    pub(super) fn wait_for_last_words(&self, count: usize, until: Instant) {
        drop(self.wait_while(&self.wanted, until, |shared| shared.endings.len() < count));
    }

    /// Begins a sending whose number is told; one thread does this, so that they end in order.
    pub(super) fn sending(&self) -> Sending<'_> {
        let mut shared = self.lock();
        shared.sendings.0 = shared.sendings.0.saturating_add(1);
        Sending(self)
    }

    /// Waits, for a second at most, until the sendings that have begun by now are over.
    pub(super) fn wait_for_sendings(&self) {
        let Some(until) = Instant::now().checked_add(Duration::from_secs(1)) else { return };
        let (begun, _) = self.lock().sendings;
        self.wait_until(until, |shared| shared.sendings.1 >= begun);
    }

    pub(super) fn wait_for(&self, until: Instant, reached: impl Fn(&Rooms) -> bool) -> bool {
        self.wait_until(until, |shared| reached(&shared.rooms))
    }

    /// Waits while the listener looks for the server, and makes us known again, unless the chat has ended. False if `until` passed, or the session ended,
    /// before that.
    pub(super) fn wait_until_known(&self, until: Instant) -> bool {
        self.wait_until(until, |shared| match shared.reach {
            Reach::Reached => shared.standing == Standing::Known,
            Reach::Unreached => false,
            Reach::Ended => true,
        })
    }

    fn wait_until(&self, until: Instant, reached: impl Fn(&Shared) -> bool) -> bool {
        reached(&self.wait_while(&self.changed, until, |shared| !reached(shared)))
    }

    /// Waits as long as `waiting`, until `until`, and no longer than the session lasts.
    fn wait_while(
        &self,
        told: &Condvar,
        until: Instant,
        waiting: impl Fn(&Shared) -> bool,
    ) -> MutexGuard<'_, Shared> {
        let mut shared = self.lock();
        while waiting(&shared) && !self.is_stopping() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            shared = told.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        shared
    }

    /// The listener has lost the server, found it again, or was told that the chat has ended.
    pub(super) fn reach(&self, reach: Reach) {
        self.lock().reach = reach;
        self.changed.notify_all();
        if reach == Reach::Ended {
            drop(self.going_on.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    pub(super) fn is_away(&self) -> bool {
        self.lock().reach == Reach::Unreached
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().reach == Reach::Ended
    }

    /// Disconnected when the chat has ended.
    pub(super) fn ended(&self) -> &Receiver<Infallible> {
        &self.ended
    }

    /// The server did not know the session of this registration.
    pub(super) fn doubt(&self, registration: u64) {
        let mut shared = self.lock();
        if shared.who.as_ref().is_some_and(|who| who.registration == registration) {
            shared.standing = Standing::Lost;
            self.wanted.notify_all();
        }
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.lock().standing == Standing::Lost
    }

    /// We are registered, and in our rooms.
    pub(super) fn trust(&self) {
        self.lock().standing = Standing::Known;
        self.changed.notify_all();
    }

    /// Ends every wait. Nothing begins afterwards.
    pub(super) fn stop(&self) {
        drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _shared = self.lock();
        self.changed.notify_all();
        self.wanted.notify_all();
    }

    /// Cancelled when the session ends: for threads of its own, whose calls must not outlive it.
    pub(super) fn life(&self) -> &Context {
        &self.life
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.life.is_cancelled()
    }

    /// Pauses; false if the session ended meanwhile.
    pub(super) fn pause(&self, time: Duration) -> bool {
        self.life.cancelled().recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let mut shared = self.0.lock();
        shared.sendings.1 = shared.sendings.1.saturating_add(1);
        drop(shared);
        self.0.changed.notify_all();
    }
}
