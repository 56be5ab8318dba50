//! A pair by which one thread wakes another out of a wait for sockets.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{SendFlags, send};

pub(crate) use crate::sync::poll_until;

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
        #[cfg(all(test, shuttle))]
        crate::sync::outside::announce();
    }
}

impl Wake {
    /// Takes the wake-ups that have come.
    pub(crate) fn clear(&self) {
        self.take();
    }

    /// As [`clear`](Wake::clear); how many.
    pub(crate) fn take(&self) -> usize {
        let (mut bytes, mut taken) = ([0; 64], 0);
        while let Ok(count) = (&self.0).read(&mut bytes) {
            taken += count;
            if count < bytes.len() {
                break;
            }
        }
        taken
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
