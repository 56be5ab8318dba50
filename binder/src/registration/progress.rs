//! How far a registration has come with each binder. The lock guards plain data, and is never held across a call.

use std::convert::Infallible;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{LostTo, NotYetRegistered, Remainder, Standing, StillRegistered};
use crate::error::BinderError;

#[derive(Debug)]
pub(super) struct Progress {
    /// One for each binder.
    binders: Vec<String>,
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
    pub(super) lost: Vec<(String, LostTo)>,
    pub(super) forgotten: u64,
    pub(super) trouble: Option<BinderError>,
    /// How long clients may still use what this binder told them, once it knows that the server leaves.
    pub(super) parting: Option<Duration>,
    /// What it may still have at the end.
    pub(super) remainder: Option<Remainder>,
}

impl Progress {
    pub(super) fn new(binders: Vec<String>, missing: usize) -> Progress {
        let states = vec![State { missing, ..State::default() }; binders.len()];
        let (registering, registered) = bounded(0);
        // Who has nothing to register has everything.
        let registering = Mutex::new((missing > 0).then_some(registering));
        Progress { binders, states: Mutex::new(states), changed: Condvar::new(), registered, registering }
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

    /// The last that is known of a binder.
    pub(super) fn leave(&self, index: usize, remainder: Option<Remainder>) {
        if let Some(held) = self.lock().get_mut(index) {
            held.remainder = remainder;
        }
    }

    /// What is left with the binders at the end.
    pub(super) fn left(&self) -> Result<(), StillRegistered> {
        let remainders: Vec<_> = self.lock().iter().filter_map(|state| state.remainder.clone()).collect();
        if remainders.is_empty() { Ok(()) } else { Err(StillRegistered { remainders }) }
    }

    /// In the order of the binders.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let standing = |(binder, state): (&String, &State)| Standing {
            binder: binder.clone(),
            missing: state.missing,
            lost: state.lost.clone(),
            forgotten: state.forgotten,
            trouble: state.trouble.clone(),
        };
        self.binders.iter().zip(self.lock().iter()).map(standing).collect()
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

    /// Waits until every binder knows that the server leaves, or was tried for long enough, and until nobody uses older
    /// answers.
    pub(super) fn wait_parted(&self, until: Instant) {
        let states = self.wait_until(until, |states| states.iter().all(|state| state.parting.is_some()));
        let longest = states.iter().filter_map(|state| state.parting).max().unwrap_or_default();
        drop(states);
        drop(self.wait_until(until.min(Instant::now() + longest), |_| false));
    }

    /// The procedures that are left alone with some binder, in order.
    pub(super) fn superseded(&self) -> Vec<String> {
        let states = self.lock();
        let mut all: Vec<_> =
            states.iter().flat_map(|state| &state.lost).map(|(name, _)| name.clone()).collect();
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
