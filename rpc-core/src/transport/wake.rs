//! Waits with an end: `poll` until a time, and a pair by which one thread wakes another out of it.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::event::{PollFd, Timespec, poll};
use rustix::net::{SendFlags, send};

/// `poll` that goes on after a signal and ends at `deadline`.
pub(crate) fn poll_until(polled: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(polled, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// The end that a thread waits on beside sockets.
#[derive(Debug)]
pub(crate) struct Wake(UnixStream);

/// The end that wakes it. Waking twice before it looked is once.
#[derive(Debug)]
pub(crate) struct Waker(UnixStream);

impl Waker {
    pub(crate) fn pair() -> io::Result<(Waker, Wake)> {
        let (waker, wake) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        Ok((Waker(waker), Wake(wake)))
    }

    pub(crate) fn wake(&self) {
        // A full pair means that a wake-up is on its way already.
        send(&self.0, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).ok();
    }
}

impl Wake {
    /// Takes the wake-ups that have come.
    pub(crate) fn clear(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.0).read(&mut bytes), Ok(count) if count == bytes.len()) {}
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
