//! Connecting: within a time, and as long as somebody wants it.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::{Wake, listen, poll_until, unix};

/// Until when a connection is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) until: Instant,
    /// Whether nobody wants it any more, where that can be: asked whenever this thread is woken.
    pub(crate) is_over: Option<&'a dyn Fn() -> bool>,
}

/// Where a wait cannot be ended by a wake-up, this often it is looked whether it is over: 100 ms.
const STEP: Duration = Duration::from_millis(100);

const ACCEPTED_NOTHING: &str = "its server accepted nothing in time";

pub(super) fn tcp(address: SocketAddr, wanted: Wanted<'_>) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &address) {
        Ok(()) => return Ok(socket.into()),
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    wanted.poll(&socket, PollFlags::OUT, ACCEPTED_NOTHING)?;
    sockopt::socket_error(&socket)??;
    Ok(socket.into())
}

/// A server whose queue is full is waited for in the kernel, which nobody can end: so in steps.
pub(super) fn unix(path: &Path, wanted: Wanted<'_>) -> io::Result<UnixStream> {
    let address = unix::address_of(path)?;
    let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    loop {
        let step = wanted.left(ACCEPTED_NOTHING)?.min(STEP);
        sockopt::set_socket_timeout(&socket, Timeout::Send, Some(step))?;
        match connect(&socket, &address) {
            Ok(()) => break,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    sockopt::set_socket_timeout(&socket, Timeout::Send, None)?;
    Ok(socket.into())
}

impl Wanted<'_> {
    /// Waits until the socket can go on in this direction, or is broken; an error as of [`left`](Wanted::left).
    pub(super) fn poll(&self, socket: impl AsFd, direction: PollFlags, late: &'static str) -> io::Result<()> {
        loop {
            let left = self.left(late)?;
            let came = |wake: Option<&Wake>| -> io::Result<bool> {
                let time = if wake.is_some() || self.is_over.is_none() { left } else { left.min(STEP) };
                let mut polled = vec![PollFd::new(&socket, direction)];
                polled.extend(wake.map(|wake| PollFd::new(wake, PollFlags::IN)));
                poll_until(&mut polled, Some(Instant::now() + time))?;
                Ok(polled.first().is_some_and(|socket| !socket.revents().is_empty()))
            };
            let came = if self.is_over.is_some() { listen(came).unwrap_or(Ok(false)) } else { came(None) };
            if came? {
                return Ok(());
            }
        }
    }

    /// The time left; an error if nobody wants the connection any more, or if it is `late`.
    pub(super) fn left(&self, late: &'static str) -> io::Result<Duration> {
        if self.is_over.is_some_and(|is_over| is_over()) {
            return Err(io::Error::new(ErrorKind::Interrupted, "nobody wants it any more"));
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, late));
        }
        Ok(left)
    }
}
