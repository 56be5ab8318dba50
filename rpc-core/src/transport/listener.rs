//! Listening sockets, whose wait for the next connection can be ended.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};

use super::unix::{self, SocketFile};
use super::{Socket, Wake, poll_until};

/// A socket that listens already, of TCP or of the Unix domain, made with `From`. It is ours from then on.
#[derive(Debug)]
pub struct Listener {
    /// Removed before the socket closes, so that nobody finds a path behind which nobody listens.
    file: Option<SocketFile>,
    socket: Listening,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Connections that wait to be accepted: a burst of this size is not turned away.
pub(crate) const BACKLOG: i32 = 4096;

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener { file: None, socket: Listening::Tcp(listener) }
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener { file: None, socket: Listening::Unix(listener) }
    }
}

impl Listener {
    /// Takes `path`, for as long as this lives.
    pub(crate) fn bind_unix(path: &Path) -> io::Result<Listener> {
        let (listener, file) = unix::bind(path)?;
        Ok(Listener { file: Some(file), socket: Listening::Unix(listener) })
    }

    /// The listener with the options that [`accept`](Listener::accept) relies on.
    pub(crate) fn prepared(self) -> io::Result<Listener> {
        rustix::net::listen(&self, BACKLOG)?;
        rustix::io::ioctl_fionbio(&self, true)?;
        Ok(self)
    }

    /// The address, unless it is a Unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Listening::Tcp(listener) => listener.local_addr().ok(),
            Listening::Unix(_) => None,
        }
    }

    /// The path of a Unix socket; absolute if we have bound it.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        if let Some(file) = &self.file {
            return Some(file.path().to_owned());
        }
        match &self.socket {
            Listening::Tcp(_) => None,
            Listening::Unix(listener) => listener.local_addr().ok()?.as_pathname().map(Path::to_owned),
        }
    }

    /// The next connection; `None` when `wake` was woken or `deadline` passed first.
    pub(crate) fn accept(&self, wake: &Wake, deadline: Option<Instant>) -> io::Result<Option<Socket>> {
        let mut polled = [PollFd::new(self, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        poll_until(&mut polled, deadline)?;
        let [listener, woken] = polled;
        if !woken.revents().is_empty() || listener.revents().is_empty() {
            return Ok(None);
        }
        self.accept_at_once().map(Some)
    }

    /// The next connection that waits already; `WouldBlock` when none does.
    pub(crate) fn accept_at_once(&self) -> io::Result<Socket> {
        Ok(match &self.socket {
            Listening::Tcp(listener) => listener.accept()?.0.into(),
            Listening::Unix(listener) => listener.accept()?.0.into(),
        })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Listening::Tcp(listener) => listener.as_fd(),
            Listening::Unix(listener) => listener.as_fd(),
        }
    }
}
