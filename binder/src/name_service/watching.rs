//! Watchers: each has a place in the registry's history, and a bell that says that there is more.
//!
//! Nothing is queued for a watcher. One that does not read falls behind by itself, and when what it missed is no longer
//! remembered it gets everything again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use rpc_core::{Context, Status};

use super::{Desk, telling};
use crate::address::Vantage;
use crate::contract::{Notice, Revision, Scope};

/// The bells of all watchers.
#[derive(Debug, Default)]
pub(super) struct Bells(Mutex<Ringers>);

#[derive(Debug, Default)]
struct Ringers {
    last: u64,
    bells: HashMap<u64, Sender<()>>,
}

/// One watcher's stream.
pub(super) struct Watcher {
    desk: Arc<Desk>,
    scope: Scope,
    vantage: Vantage,
    /// Up to where it knows everything.
    seen: Option<u64>,
    ready: VecDeque<Notice>,
    greeting: Greeting,
    id: u64,
    bell: Receiver<()>,
}

/// The first notice: one who missed nothing is told so once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    Due,
    Done,
}

impl Bells {
    /// Says to all watchers that there is more. A bell that was rung and not yet heard is enough.
    pub(super) fn ring(&self) {
        for bell in self.lock().bells.values() {
            let _ = bell.try_send(());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().bells.len()
    }

    fn hang(&self) -> Result<(u64, Receiver<()>), Status> {
        let mut ringers = self.lock();
        if ringers.bells.len() >= WATCHERS {
            return Err(Status::resource_exhausted(format!(
                "at most {WATCHERS} watchers, and there are as many"
            )));
        }
        let (ringer, bell) = bounded(1);
        ringers.last += 1;
        let id = ringers.last;
        ringers.bells.insert(id, ringer);
        Ok((id, bell))
    }

    fn lock(&self) -> MutexGuard<'_, Ringers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    pub(super) fn new(
        desk: Arc<Desk>,
        scope: Scope,
        seen: Option<Revision>,
        vantage: Vantage,
    ) -> Result<Watcher, Status> {
        let (id, bell) = desk.bells.hang()?;
        // What another start of the binder has counted says nothing here.
        let seen = seen.filter(|seen| seen.binder == desk.binder).map(|seen| seen.number);
        Ok(Watcher { desk, scope, vantage, seen, ready: VecDeque::new(), greeting: Greeting::Due, id, bell })
    }

    /// Takes what has happened since the last time.
    fn catch_up(&mut self) {
        let now = Instant::now();
        let missed = self.desk.change(|registry| registry.missed(&self.scope, self.seen, now));
        let revision = self.desk.revision(missed.number);
        self.seen = Some(missed.number);
        self.ready.extend(telling::notices(missed, self.vantage, revision, now));
        if std::mem::replace(&mut self.greeting, Greeting::Done) == Greeting::Due && self.ready.is_empty() {
            self.ready.push_back(Notice { changes: Vec::new(), revision: Some(revision) });
        }
    }
}

impl Iterator for Watcher {
    type Item = Notice;

    fn next(&mut self) -> Option<Notice> {
        let cancelled = Context::current().cancelled();
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Some(notice);
            }
            self.catch_up();
            if self.ready.is_empty() {
                select! {
                    recv(self.bell) -> _ => {}
                    recv(cancelled) -> _ => return None,
                }
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.desk.bells.lock().bells.remove(&self.id);
    }
}

/// The most watchers at a time; each costs a thread.
const WATCHERS: usize = 4_096;
