//! A small HTTP/1.1 server for what people and Prometheus look at: GET and HEAD, one request a connection.
//!
//! ```text
//! accept ─► admit (the oldest guest goes when the house is full) ─► head within 2 s ─► answer ─► close
//! ```
//! Every wait has an end, every size a limit. What is asked for in another's name (DNS rebinding) is refused, as far as
//! [`Hosts`] says: the `Host` must be the very address at which this server was reached, or `localhost` there.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_core::threads::{self, Thread};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

mod host;
mod request;
mod response;

pub use host::Hosts;
pub use request::Request;
pub use response::{Kind, Response, Status};

/// What is answered to a request. It runs on a connection's thread, and should not wait.
pub type Answer = dyn Fn(&Request) -> Response + Send + Sync;

/// A running server. Dropping it closes every connection and joins every thread.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    /// Its drop ends the thread, whose drop joins it: the order of the fields matters.
    _closing: UnixStream,
    _thread: Thread,
}

/// A connection under way.
struct Guest {
    socket: TcpStream,
    /// Joined when it is dropped, behind the socket's end.
    thread: Thread,
}

impl HttpServer {
    /// Answers at this address, port 0 for any free port, whoever asks by these names.
    ///
    /// # Errors
    /// What the system says of the address, or of a thread.
    pub fn start(address: impl ToSocketAddrs, hosts: Hosts, answer: Arc<Answer>) -> io::Result<HttpServer> {
        let listener = TcpListener::bind(address)?;
        // Who has gone before he is accepted is not waited for.
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (closing, closed) = UnixStream::pair()?;
        let thread = threads::spawn("http-accept", move || accept(&listener, &closed, hosts, &answer))?;
        Ok(HttpServer { address, _closing: closing, _thread: thread })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Wakes its thread from whatever it waits for; it may have closed it itself.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, closed: &UnixStream, hosts: Hosts, answer: &Arc<Answer>) {
    let mut guests: Vec<Guest> = Vec::new();
    while let Next::Guest = next(Some(listener), closed, None) {
        guests.retain(|guest| !guest.thread.is_finished());
        match listener.accept() {
            Ok((socket, _)) => {
                if guests.len() >= GUESTS {
                    // He has had his time, and slow ones shall not keep others out.
                    drop(guests.remove(0));
                }
                match Guest::admit(socket, hosts, answer) {
                    Ok(guest) => guests.push(guest),
                    Err(error) => tracing::debug!("a connection cannot be served: {error}"),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::debug!("no connection can be accepted: {error}");
                if next(None, closed, Some(&PAUSE)) == Next::Closed {
                    break;
                }
            }
        }
    }
}

/// What the accepting thread woke up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Guest,
    Closed,
    TimeOver,
}

/// Waits for a connection, the server's end, or the end of a pause.
fn next(listener: Option<&TcpListener>, closed: &UnixStream, time: Option<&Timespec>) -> Next {
    loop {
        let mut polled = vec![PollFd::new(closed, PollFlags::IN)];
        polled.extend(listener.map(|listener| PollFd::new(listener, PollFlags::IN)));
        match poll(&mut polled, time) {
            Ok(0) => return Next::TimeOver,
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) if polled.first().is_some_and(|closed| closed.revents().is_empty()) => return Next::Guest,
            Ok(_) | Err(_) => return Next::Closed,
        }
    }
}

impl Guest {
    fn admit(socket: TcpStream, hosts: Hosts, answer: &Arc<Answer>) -> io::Result<Guest> {
        socket.set_nonblocking(false)?;
        let (theirs, answer) = (socket.try_clone()?, answer.clone());
        let thread = threads::spawn("http-guest", move || {
            if let Err(error) = attend(&theirs, hosts, &*answer) {
                tracing::debug!("a connection has ended early: {error}");
            }
        })?;
        Ok(Guest { socket, thread })
    }
}

/// Reads one request, answers it, and sees the connection closed.
fn attend(socket: &TcpStream, hosts: Hosts, answer: &Answer) -> io::Result<()> {
    let (local, start) = (socket.local_addr()?, Instant::now());
    let (response, body) = match Request::read(socket, (local.ip(), hosts), start + HEAD_WITHIN) {
        Ok(request) => (answer(&request), request.wants_body()),
        Err(refusal) => match refusal.response() {
            Some(response) => (response, true),
            None => return Ok(()),
        },
    };
    send(socket, &response.encode(body), Instant::now() + ANSWER_WITHIN)?;
    socket.shutdown(Shutdown::Write)?;
    linger(socket, Instant::now() + LINGER)
}

/// Sends everything before the deadline, however slowly the peer reads.
fn send(mut socket: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        socket.set_write_timeout(Some(left(deadline)?))?;
        let sent = socket.write(bytes)?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// What has come and is not read would reset the connection, and the answer with it.
fn linger(mut socket: &TcpStream, deadline: Instant) -> io::Result<()> {
    let mut rest = [0; 4096];
    loop {
        socket.set_read_timeout(Some(left(deadline)?))?;
        if io::Read::read(&mut socket, &mut rest)? == 0 {
            return Ok(());
        }
    }
}

/// The time that is left; an error if there is none.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The most connections at a time: some browsers open six for one page.
const GUESTS: usize = 32;
/// Until when the whole head of a request is there.
const HEAD_WITHIN: Duration = Duration::from_secs(2);
/// Until when an answer has been taken.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Until when the peer has closed, once it has been answered.
const LINGER: Duration = Duration::from_millis(500);
/// Before the next attempt when the system gives no descriptor.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

#[cfg(test)]
mod tests;
