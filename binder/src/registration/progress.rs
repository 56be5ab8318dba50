//! How far a registration has come with each binder. The lock guards plain data, and is never held across a call.

use std::convert::Infallible;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::NotYetRegistered;
use crate::error::BinderError;

#[derive(Debug)]
pub(super) struct Progress {
    /// One for each binder.
    states: Mutex<Vec<State>>,
    changed: Condvar,
    /// Closes when one binder has everything for the first time.
    registered: Receiver<Infallible>,
    registering: Mutex<Option<Sender<Infallible>>>,
}

/// How far it is with one binder.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) missing: usize,
    pub(super) superseded: Vec<String>,
    pub(super) trouble: Option<BinderError>,
    /// How long clients may still use what this binder told them, once it knows that the server leaves.
    pub(super) parting: Option<Duration>,
}

impl Progress {
    pub(super) fn new(binders: usize, missing: usize) -> Progress {
        let states = vec![State { missing, ..State::default() }; binders];
        let (registering, registered) = bounded(0);
        // Who has nothing to register has everything.
        let registering = Mutex::new((missing > 0).then_some(registering));
        Progress { states: Mutex::new(states), changed: Condvar::new(), registered, registering }
    }

    pub(super) fn registered(&self) -> &Receiver<Infallible> {
        &self.registered
    }

    pub(super) fn set(&self, index: usize, state: State) {
        if state.missing == 0 {
            self.registering.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        if let Some(held) = self.lock().get_mut(index) {
            *held = state;
        }
        self.changed.notify_all();
    }

    /// Waits until one binder has everything.
    pub(super) fn wait_registered(&self, until: Instant) -> Result<(), NotYetRegistered> {
        let states = self.wait_until(until, |states| states.iter().any(|state| state.missing == 0));
        match states.iter().min_by_key(|state| state.missing) {
            Some(best) if best.missing > 0 => {
                let why =
                    best.trouble.clone().or_else(|| states.iter().find_map(|state| state.trouble.clone()));
                Err(NotYetRegistered { missing: best.missing, why })
            }
            _ => Ok(()),
        }
    }

    /// Waits until every binder knows that the server leaves, and until nobody uses older answers.
    pub(super) fn wait_parted(&self, until: Instant) {
        let states = self.wait_until(until, |states| states.iter().all(|state| state.parting.is_some()));
        let longest = states.iter().filter_map(|state| state.parting).max().unwrap_or_default();
        drop(states);
        drop(self.wait_until(until.min(Instant::now() + longest), |_| false));
    }

    /// The procedures that some binder says are another server's, in order.
    pub(super) fn superseded(&self) -> Vec<String> {
        let states = self.lock();
        let mut all: Vec<_> = states.iter().flat_map(|state| &state.superseded).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn wait_until(&self, until: Instant, done: impl Fn(&[State]) -> bool) -> MutexGuard<'_, Vec<State>> {
        let mut states = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || done(&states) {
                return states;
            }
            states = self.changed.wait_timeout(states, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
