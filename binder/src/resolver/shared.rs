//! What a resolver's callers and its follower share. The lock guards plain data, and is never held across a call.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::{Canceller, Context, Endpoints, Revision, Status};

use super::asked::Outside;
use super::flight::Flight;
use super::news::Batch;
use super::table::{Contact, Table};
use crate::contract::{self, Found};
use crate::error::BinderError;

pub(super) struct Shared {
    pub(super) outside: Box<dyn Outside>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) table: Table,
    pub(super) flights: HashMap<Box<str>, Arc<Flight>>,
    waits: BTreeMap<u64, (Box<str>, Sender<()>)>,
    waits_so_far: u64,
    /// The names that are watched, in order.
    followed: Vec<String>,
    /// Ends the stream that the follower reads.
    canceller: Option<Canceller>,
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
    pub(super) fn new(outside: Box<dyn Outside>, stale_for: Duration) -> Shared {
        let state = State {
            table: Table::new(stale_for, fastrand::u64(..)),
            flights: HashMap::new(),
            waits: BTreeMap::new(),
            waits_so_far: 0,
            followed: Vec::new(),
            canceller: None,
            closed: false,
        };
        Shared { outside, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the binders' answer about a procedure.
    pub(super) fn answered(
        &self,
        procedure: &str,
        answer: Result<Found, BinderError>,
    ) -> Result<Endpoints, Status> {
        let now = self.outside.now();
        let mut state = self.lock();
        let before = state.table.revision(procedure);
        let outcome = match answer {
            Ok(found) => Ok(state.table.learn(procedure, found, now)),
            Err(error) => state.table.fail(procedure, &error, now),
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
        let canceller = state.canceller.take();
        drop(state);
        drop(canceller);
        true
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

    /// Waits until there are names to watch; they, and the context in which to do so until there are more. `None` at the
    /// end.
    pub(super) fn next_names(&self, bell: &Receiver<()>) -> Option<(Vec<String>, Context)> {
        loop {
            let state = self.lock();
            let (count, is_new) = (state.table.count(), state.followed != state.table.names());
            drop(state);
            if count == 0 {
                bell.recv().ok()?;
                continue;
            }
            if is_new {
                gather(bell, count)?;
            }
            let (context, canceller) = Context::cancellable();
            let mut state = self.lock();
            if state.closed {
                return None;
            }
            state.canceller = Some(canceller);
            state.followed = state.table.names();
            return Some((state.followed.clone(), context));
        }
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
        self.lock().table.stop_watching(contact, self.outside.now());
    }

    /// The resolver is gone.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let canceller = state.canceller.take();
        drop(state);
        drop(canceller);
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

/// Names that come together are watched together: waits a moment, longer where there are many. `None` at the end.
fn gather(bell: &Receiver<()>, count: usize) -> Option<()> {
    let each = EACH.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let until = Instant::now() + GATHER + each;
    loop {
        match bell.recv_deadline(until) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return Some(()),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// Names that come this soon after another are watched with it.
const GATHER: Duration = Duration::from_millis(10);
/// And so much longer for each name that is watched already, since all of them are told of again.
const EACH: Duration = Duration::from_millis(1);
