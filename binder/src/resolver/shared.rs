//! What a resolver's callers and its follower share. The lock guards plain data, and is never held across a call.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::{Canceller, Context, Endpoints, Revision, Status};

use super::asked::Outside;
use super::flight::Flight;
use super::follower::gathering;
use super::news::Batch;
use super::table::{Contact, Patience, Table};
use crate::contract::{self, Found};
use crate::error::BinderError;
use crate::features::Wanted;

pub(super) struct Shared {
    pub(super) outside: Box<dyn Outside>,
    /// What servers must be, of whatever procedure.
    pub(super) wanted: Wanted,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) table: Table,
    pub(super) flights: HashMap<Box<str>, Arc<Flight>>,
    waits: BTreeMap<u64, (Box<str>, Sender<()>)>,
    waits_so_far: u64,
    /// The names that are watched, in order.
    followed: Vec<String>,
    /// Ends all that the follower does.
    life: Option<Canceller>,
    /// Ends only its wait for what is told of the names that are watched.
    waiting: Option<Canceller>,
    /// The resolver is gone.
    closed: bool,
}

/// Somebody who waits for another list of a procedure.
pub(super) struct Wait<'a> {
    shared: &'a Shared,
    id: u64,
    changed: Receiver<()>,
}

impl Shared {
    pub(super) fn new(outside: Box<dyn Outside>, wanted: Wanted, stale_for: Duration) -> Shared {
        let state = State {
            table: Table::new(stale_for, fastrand::u64(..)),
            flights: HashMap::new(),
            waits: BTreeMap::new(),
            waits_so_far: 0,
            followed: Vec::new(),
            life: None,
            waiting: None,
            closed: false,
        };
        Shared { outside, wanted, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the binders' answer about a procedure, for which they were given so much time.
    pub(super) fn answered(
        &self,
        procedure: &str,
        answer: Result<Found, BinderError>,
        patience: Patience,
    ) -> Result<Endpoints, Status> {
        let now = self.outside.now();
        let mut state = self.lock();
        let before = state.table.revision(procedure);
        let outcome = match answer {
            Ok(found) => Ok(state.table.learn(procedure, found, now)),
            Err(error) => state.table.fail(procedure, &error, patience, now),
        };
        if state.table.revision(procedure) != before {
            state.tell(procedure);
        }
        outcome
    }

    /// Has a procedure watched; whether the follower must be told so.
    pub(super) fn want(&self, procedure: &str) -> bool {
        let now = self.outside.now();
        let mut state = self.lock();
        state.table.want(procedure, now);
        let is_followed = state.followed.binary_search_by(|name| name.as_str().cmp(procedure)).is_ok();
        if is_followed {
            // A binder answered a call: the follower need not pause any longer.
            return state.table.contact() == Contact::Lost;
        }
        let waiting = state.waiting.take();
        drop(state);
        // Who waits for news is woken so; who does not hears a bell.
        waiting.is_none()
    }

    /// One who waits for another list than `seen`, if that is the one that is offered; `None` if not.
    pub(super) fn wait(&self, procedure: &str, seen: Option<Revision>) -> Option<Wait<'_>> {
        let mut state = self.lock();
        if state.table.revision(procedure) != seen {
            return None;
        }
        let (tell, changed) = bounded(1);
        state.waits_so_far += 1;
        let id = state.waits_so_far;
        state.waits.insert(id, (procedure.into(), tell));
        Some(Wait { shared: self, id, changed })
    }

    /// The context of everything that the follower does; `None` when the resolver is gone.
    pub(super) fn begin(&self) -> Option<Context> {
        let (context, canceller) = Context::cancellable();
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.life = Some(canceller);
        Some(context)
    }

    /// Waits until there are names to watch, and a moment for those that come with them. `None` at the end.
    pub(super) fn gather(&self, bell: &Receiver<()>) -> Option<()> {
        loop {
            let state = self.lock();
            let (count, is_new) = (state.table.count(), state.followed != state.table.names());
            drop(state);
            if count > 0 {
                return if is_new { linger(bell, gathering(count)) } else { Some(()) };
            }
            bell.recv().ok()?;
        }
    }

    /// The names to watch, and a context that is cancelled when there are others. `None` at the end.
    pub(super) fn next_names(&self) -> Option<(Vec<String>, Context)> {
        let (context, canceller) = Context::cancellable();
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        let former = state.waiting.replace(canceller);
        state.followed = state.table.names();
        let names = state.followed.clone();
        drop(state);
        drop(former);
        Some((names, context))
    }

    /// Takes what a watched binder tells.
    pub(super) fn apply(&self, names: &[String], batch: Batch, told: contract::Revision) {
        let mut state = self.lock();
        let was_lost = state.table.contact() == Contact::Lost;
        let changed = state.table.apply(names, batch, told, self.outside.now());
        for name in changed {
            state.tell(&name);
        }
        drop(state);
        if was_lost {
            tracing::info!("a binder answers again");
        }
    }

    /// Nobody watches for now.
    pub(super) fn stop_watching(&self, contact: Contact) {
        let mut state = self.lock();
        state.table.stop_watching(contact, self.outside.now());
        let waiting = state.waiting.take();
        drop(state);
        drop(waiting);
    }

    /// The resolver is gone.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let cancellers = (state.life.take(), state.waiting.take());
        drop(state);
        drop(cancellers);
    }
}

impl State {
    /// Wakes those who wait for another list of this procedure.
    fn tell(&mut self, procedure: &str) {
        for (name, changed) in self.waits.values() {
            if **name == *procedure {
                // One that was told already need not be told twice.
                changed.try_send(()).ok();
            }
        }
    }
}

impl Wait<'_> {
    pub(super) fn changed(&self) -> &Receiver<()> {
        &self.changed
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.shared.lock().waits.remove(&self.id);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Lets this time pass, however often the bell rings. `None` at the end.
fn linger(bell: &Receiver<()>, time: Duration) -> Option<()> {
    let until = Instant::now() + time;
    loop {
        match bell.recv_deadline(until) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return Some(()),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}
