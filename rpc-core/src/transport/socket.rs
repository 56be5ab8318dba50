//! Connected sockets, of TCP and of the Unix domain: one implementation, since both read and write alike.
//!
//! A wait for reading is one blocking `recv`: the socket's own time-out is set only when it does not fit the deadline, so
//! a call costs no system call for its time limit. The last few milliseconds are waited for with `poll`, which is exact.
//! Writing never waits (`MSG_DONTWAIT`); the socket itself stays blocking.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};

use super::dial::{self, Wanted};
use super::{Readiness, Transport, Wake, poll_until};
use crate::limits::VANISHED;

/// A connected stream socket, of TCP or of the Unix domain, made with `From`. It is ours from then on: its options are
/// set anew (blocking, without time-outs; TCP: no delay, keepalive), and clones of it must not be used any more.
#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    family: Family,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    /// The receive time-out the kernel has for this socket, in nanoseconds; zero is none.
    timeout: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Tcp,
    Unix,
}

/// How well the socket's time-out must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// One that ends too early will do: most often the bytes come first. The parts of a large frame and the call after
    /// it have deadlines far apart, and each change is a system call.
    Loose,
    /// It ended too early once.
    Close,
}

/// Below this much time left a read waits with `poll`: the kernel's socket time-out is coarser.
const EXACT: Duration = Duration::from_millis(20);

/// Keepalive finds a silent peer that vanished: first probe after 30 s of silence, then every 10 s, dead after three,
/// which is [`VANISHED`]. Unacknowledged bytes, which end the probes, have the same time. The peer of a Unix socket
/// cannot vanish unseen.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Socket {
        let (peer, local) = (stream.peer_addr().ok(), stream.local_addr().ok());
        let descriptor = OwnedFd::from(stream);
        Socket { descriptor, family: Family::Tcp, peer, local, timeout: AtomicU64::new(0) }
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Socket {
        let descriptor = OwnedFd::from(stream);
        Socket { descriptor, family: Family::Unix, peer: None, local: None, timeout: AtomicU64::new(0) }
    }
}

impl Socket {
    pub(crate) fn connect(address: SocketAddr, wanted: Wanted<'_>) -> io::Result<Socket> {
        Socket::from(dial::tcp(address, wanted)?).prepared()
    }

    pub(crate) fn connect_unix(path: &Path, wanted: Wanted<'_>) -> io::Result<Socket> {
        Socket::from(dial::unix(path, wanted)?).prepared()
    }

    /// The socket with the options that its use as a transport relies on.
    pub(crate) fn prepared(self) -> io::Result<Socket> {
        rustix::io::ioctl_fionbio(&self.descriptor, false)?;
        sockopt::set_socket_timeout(&self.descriptor, Timeout::Recv, None)?;
        if self.family == Family::Tcp {
            sockopt::set_tcp_nodelay(&self.descriptor, true)?;
            sockopt::set_socket_keepalive(&self.descriptor, true)?;
            sockopt::set_tcp_keepidle(&self.descriptor, PROBE_AFTER)?;
            sockopt::set_tcp_keepintvl(&self.descriptor, PROBE_EVERY)?;
            sockopt::set_tcp_keepcnt(&self.descriptor, PROBES)?;
            let unacknowledged = u32::try_from(VANISHED.as_millis()).unwrap_or(u32::MAX);
            sockopt::set_tcp_user_timeout(&self.descriptor, unacknowledged)?;
        }
        Ok(self)
    }

    /// Makes the kernel's time-out end before the deadline, but not long before it. The kernel's timers are late by up to
    /// an eighth of their time.
    fn fit_timeout(&self, left: Option<Duration>, fit: Fit) -> io::Result<()> {
        let held = Duration::from_nanos(self.timeout.load(Ordering::Relaxed));
        let wanted = left.map(|left| left - left / 8 - EXACT / 4);
        let fits = match (wanted, fit) {
            (None, Fit::Close) => held.is_zero(),
            (None, Fit::Loose) => true,
            (Some(safe), Fit::Close) => !held.is_zero() && held <= safe && held >= safe / 2,
            (Some(safe), Fit::Loose) => !held.is_zero() && held <= safe,
        };
        if fits {
            return Ok(());
        }
        sockopt::set_socket_timeout(&self.descriptor, Timeout::Recv, wanted)?;
        let nanoseconds = wanted.map_or(0, |wanted| u64::try_from(wanted.as_nanos()).unwrap_or(u64::MAX));
        self.timeout.store(nanoseconds, Ordering::Relaxed);
        Ok(())
    }

    fn receive(&self, into: &mut Vec<u8>, flags: RecvFlags) -> io::Result<usize> {
        loop {
            match recv(&self.descriptor, rustix::buffer::spare_capacity(into), flags) {
                Ok((count, _)) => return Ok(count),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Transport for Socket {
    fn read(&self, into: &mut Vec<u8>, deadline: Option<Instant>) -> io::Result<usize> {
        let mut fit = Fit::Loose;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let exact = left.is_some_and(|left| left <= EXACT);
            if exact {
                let ready = self.wait(Readiness::READABLE, deadline)?;
                if !ready.readable {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            } else {
                self.fit_timeout(left, fit)?;
            }
            let flags = if exact { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
            match self.receive(into, flags) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => fit = Fit::Close,
                other => return other,
            }
        }
    }

    fn try_read(&self, into: &mut Vec<u8>) -> io::Result<usize> {
        self.receive(into, RecvFlags::DONTWAIT)
    }

    fn read_or_wake(&self, into: &mut Vec<u8>, deadline: Option<Instant>, wake: &Wake) -> io::Result<usize> {
        loop {
            let mut polled = [PollFd::new(self, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
            if poll_until(&mut polled, deadline)? == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let [socket, _] = polled;
            if socket.revents().is_empty() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match self.receive(into, RecvFlags::DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        loop {
            let sent = match parts {
                [single] => send(&self.descriptor, single, flags),
                several => sendmsg(&self.descriptor, several, &mut SendAncillaryBuffer::default(), flags),
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
        let mut polled = [PollFd::new(&self.descriptor, flags)];
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
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        rustix::net::shutdown(&self.descriptor, how).ok();
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn local(&self) -> Option<SocketAddr> {
        self.local
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// A stream's producer that had written to a vanished consumer once waited for the kernel's quarter of an hour.
    #[test]
    fn a_vanished_peer_is_found_within_a_minute_whether_it_is_written_to_or_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket::from(stream).prepared().unwrap();
        let minute = Duration::from_secs(60);
        let written = sockopt::tcp_user_timeout(&socket).unwrap();
        assert_eq!(Duration::from_millis(u64::from(written)), minute);
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        let (after, every) =
            (sockopt::tcp_keepidle(&socket).unwrap(), sockopt::tcp_keepintvl(&socket).unwrap());
        assert_eq!(after + every * sockopt::tcp_keepcnt(&socket).unwrap(), minute);
    }

    /// Each part of a large frame, and the call behind it, once set the time-out anew: two system calls a call.
    #[test]
    fn deadlines_far_apart_share_a_time_out_and_hold_all_the_same() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let socket = Socket::from(near).prepared().unwrap();
        let mut into = Vec::with_capacity(1);
        let mut read = |left: Option<Duration>| {
            far.write_all(&[7]).unwrap();
            socket.read(&mut into, left.map(|left| Instant::now() + left)).unwrap();
            into.clear();
            socket.timeout.load(Ordering::Relaxed)
        };
        let frame = read(Some(Duration::from_secs(1)));
        assert_ne!(frame, 0);
        assert_eq!([Some(Duration::from_secs(3600)), None].map(&mut read), [frame; 2]);
        assert!(read(Some(Duration::from_millis(500))) < frame, "a time-out past the deadline does not do");
        // It ends too early for this one, which waits on.
        let begun = Instant::now();
        let waited = socket.read(&mut Vec::with_capacity(1), Some(begun + Duration::from_secs(1)));
        assert_eq!(waited.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= Duration::from_secs(1));
    }
}
