//! What is outside the program: descriptors that become ready. Waits for it look again whenever something outside has
//! changed, and only then, so that a change that nobody makes known is a wait without an end.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};

use super::clock::{self, Heard};
use super::{Condvar, Mutex, now};

#[derive(Clone, Default)]
struct Outside(Arc<(Mutex<()>, Condvar)>);

std::thread_local! {
    static OUTSIDE: RefCell<Outside> = RefCell::new(Outside::default());
}

/// Forgets what the last run has left.
pub(crate) fn reset() {
    OUTSIDE.replace(Outside::default());
}

/// Something outside has changed.
pub(crate) fn announce() {
    let Outside(outside) = OUTSIDE.with_borrow(Clone::clone);
    drop(outside.0.lock().unwrap_or_else(PoisonError::into_inner));
    outside.1.notify_all();
}

/// Waits until `look` finds something, or `deadline`.
pub(crate) fn wait<T>(deadline: Option<Instant>, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let Outside(outside) = OUTSIDE.with_borrow(Clone::clone);
    let mut guard = outside.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(deadline) = deadline.filter(|deadline| *deadline > now()) {
        clock::at(deadline, || {
            announce();
            Heard::Yes
        });
    }
    loop {
        let found = look();
        if found.is_some() || deadline.is_some_and(|deadline| deadline <= now()) {
            return found;
        }
        guard = outside.1.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}

/// `poll` that ends at `deadline`.
pub(crate) fn poll_until(polled: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    let at_once = Timespec::try_from(Duration::ZERO).ok();
    let ready = wait(deadline, || match poll(polled, at_once.as_ref()) {
        Ok(0) => None,
        other => Some(other),
    });
    Ok(ready.unwrap_or(Ok(0))?)
}
