//! TCP sockets.
//!
//! A wait for reading is one blocking `recv`: the socket's own time-out is set only when it does not fit the deadline, so
//! a call costs no system call for its time limit. The last few milliseconds are waited for with `poll`, which is exact.
//! Writing never waits (`MSG_DONTWAIT`); the socket itself stays blocking.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};

use super::{Readiness, Transport};

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    /// The receive time-out the kernel has for this socket, in nanoseconds; zero is none.
    timeout: AtomicU64,
}

/// Below this much time left a read waits with `poll`: the kernel's socket time-out is coarser.
const EXACT: Duration = Duration::from_millis(20);

/// Keepalive finds a peer that vanished: first probe after 30 s of silence, then every 10 s, dead after three.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

impl Tcp {
    /// Takes over a connected socket.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Tcp> {
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEPALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(&stream, KEEPALIVE_EVERY)?;
        sockopt::set_tcp_keepcnt(&stream, KEEPALIVE_PROBES)?;
        let (peer, local) = (stream.peer_addr().ok(), stream.local_addr().ok());
        Ok(Tcp { stream, peer, local, timeout: AtomicU64::new(0) })
    }

    pub(crate) fn connect(address: SocketAddr, time: Duration) -> io::Result<Tcp> {
        Tcp::new(TcpStream::connect_timeout(&address, time.max(Duration::from_millis(1)))?)
    }

    /// Makes the kernel's time-out end before the deadline, but not long before it. The kernel's timers are late by up to
    /// an eighth of their time.
    fn fit_timeout(&self, left: Option<Duration>) -> io::Result<()> {
        let held = Duration::from_nanos(self.timeout.load(Ordering::Relaxed));
        let wanted = match left.map(|left| left - left / 8 - EXACT / 4) {
            None if held.is_zero() => return Ok(()),
            Some(safe) if !held.is_zero() && held <= safe && held >= safe / 2 => return Ok(()),
            wanted => wanted,
        };
        sockopt::set_socket_timeout(&self.stream, Timeout::Recv, wanted)?;
        let nanoseconds = wanted.map_or(0, |wanted| u64::try_from(wanted.as_nanos()).unwrap_or(u64::MAX));
        self.timeout.store(nanoseconds, Ordering::Relaxed);
        Ok(())
    }

    fn receive(&self, into: &mut Vec<u8>, flags: RecvFlags) -> io::Result<usize> {
        loop {
            match recv(&self.stream, rustix::buffer::spare_capacity(into), flags) {
                Ok((count, _)) => return Ok(count),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Transport for Tcp {
    fn read(&self, into: &mut Vec<u8>, deadline: Option<Instant>) -> io::Result<usize> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let exact = left.is_some_and(|left| left <= EXACT);
            if exact {
                let ready = self.wait(Readiness::READABLE, deadline)?;
                if !ready.readable {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            } else {
                self.fit_timeout(left)?;
            }
            let flags = if exact { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
            match self.receive(into, flags) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        loop {
            let sent = match parts {
                [single] => send(&self.stream, single, flags),
                several => sendmsg(&self.stream, several, &mut SendAncillaryBuffer::default(), flags),
            };
            match sent {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    fn wait(&self, wanted: Readiness, deadline: Option<Instant>) -> io::Result<Readiness> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, wanted.readable);
        flags.set(PollFlags::OUT, wanted.writable);
        let mut polled = [PollFd::new(&self.stream, flags)];
        poll_until(&mut polled, deadline)?;
        let came = polled.first().map_or(PollFlags::empty(), PollFd::revents);
        let broken = came.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        Ok(Readiness {
            readable: wanted.readable && (broken || came.contains(PollFlags::IN)),
            writable: wanted.writable && (broken || came.contains(PollFlags::OUT)),
            broken,
        })
    }

    fn shutdown(&self, how: Shutdown) {
        // The peer may have closed first; then there is nothing left to end.
        self.stream.shutdown(how).ok();
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn local(&self) -> Option<SocketAddr> {
        self.local
    }
}

impl AsFd for Tcp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

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

/// A listening socket whose wait for the next connection can be ended.
#[derive(Debug)]
pub(crate) struct TcpAcceptor {
    listener: TcpListener,
    address: SocketAddr,
}

/// Connections that wait to be accepted: a burst of this size is not turned away.
const BACKLOG: i32 = 4096;

impl TcpAcceptor {
    pub(crate) fn new(listener: TcpListener) -> io::Result<TcpAcceptor> {
        rustix::net::listen(&listener, BACKLOG)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(TcpAcceptor { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection; `None` when `wake` was woken or `deadline` passed first.
    pub(crate) fn accept(&self, wake: &Wake, deadline: Option<Instant>) -> io::Result<Option<TcpStream>> {
        let mut polled = [PollFd::new(&self.listener, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        poll_until(&mut polled, deadline)?;
        let [listener, woken] = polled;
        if !woken.revents().is_empty() || listener.revents().is_empty() {
            return Ok(None);
        }
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(false)?;
        Ok(Some(stream))
    }
}
