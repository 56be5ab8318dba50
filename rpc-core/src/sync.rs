//! What threads wait with: locks, parking, atomics, channels, the clock, and what is outside.
//!
//! From std and crossbeam; under `--cfg shuttle` from a model checker, which decides who runs next and when time passes.
//! The rooms that a model runs take these from here and from nowhere else. `Arc` is std's in both worlds.

#[cfg(all(test, shuttle))]
mod modelled;

#[cfg(all(test, shuttle))]
pub(crate) use modelled::{
    Condvar, Mutex, MutexGuard, atomic, channel, clock, now, outside, outside::poll_until, thread,
    thread_local,
};

#[cfg(not(all(test, shuttle)))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};

#[cfg(not(all(test, shuttle)))]
pub(crate) use crossbeam_channel as channel;

/// The time, as every deadline means it.
#[cfg(not(all(test, shuttle)))]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// `poll` that goes on after a signal and ends at `deadline`.
#[cfg(not(all(test, shuttle)))]
pub(crate) fn poll_until(
    polled: &mut [rustix::event::PollFd<'_>],
    deadline: Option<std::time::Instant>,
) -> std::io::Result<usize> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        let timeout = left.and_then(|left| rustix::event::Timespec::try_from(left).ok());
        match rustix::event::poll(polled, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
