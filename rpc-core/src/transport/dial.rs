//! Connecting: within a time, and as long as somebody wants it.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
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

pub(super) fn tcp(address: SocketAddr, wanted: Wanted<'_>) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &address) {
        Ok(()) => return Ok(socket.into()),
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    loop {
        let left = wanted.left()?;
        let answered = match wanted.is_over {
            None => is_answered(&socket, None, left)?,
            Some(_) => {
                listen(|wake| is_answered(&socket, wake, if wake.is_some() { left } else { left.min(STEP) }))
                    .unwrap_or(Ok(false))?
            }
        };
        if answered {
            sockopt::socket_error(&socket)??;
            return Ok(socket.into());
        }
    }
}

fn is_answered(socket: &OwnedFd, wake: Option<&Wake>, time: Duration) -> io::Result<bool> {
    let mut polled = vec![PollFd::new(socket, PollFlags::OUT)];
    polled.extend(wake.map(|wake| PollFd::new(wake, PollFlags::IN)));
    poll_until(&mut polled, Some(Instant::now() + time))?;
    Ok(polled.first().is_some_and(|socket| !socket.revents().is_empty()))
}

/// A server whose queue is full is waited for in the kernel, which nobody can end: so in steps.
pub(super) fn unix(path: &Path, wanted: Wanted<'_>) -> io::Result<UnixStream> {
    let address = unix::address_of(path)?;
    let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    loop {
        let step = wanted.left()?.min(STEP);
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
    /// The time left; an error if there is none, or if nobody wants the connection.
    fn left(&self) -> io::Result<Duration> {
        if self.is_over.is_some_and(|is_over| is_over()) {
            return Err(io::Error::new(ErrorKind::Interrupted, "nobody wants it any more"));
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "its server accepted nothing in time"));
        }
        Ok(left)
    }
}
