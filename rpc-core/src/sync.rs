//! What threads wait with: locks, parking, atomics, the clock.
//!
//! From std; under `--cfg shuttle` from a model checker, which decides who runs next and when time passes. The rooms that
//! a model runs take these from here and from nowhere else. `Arc` is std's in both worlds.

#[cfg(shuttle)]
mod modelled;

#[cfg(shuttle)]
pub(crate) use modelled::{Condvar, Mutex, MutexGuard, atomic, clock, now, thread, thread_local};

#[cfg(not(shuttle))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};

/// The time, as every deadline means it.
#[cfg(not(shuttle))]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
