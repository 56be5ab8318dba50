//! The serving side: one thread a connection, calls run where they are read, slow ones aside.
//!
//! [`Server`] owns every thread it starts: one that accepts, one that watches, and the pool that serves.

mod accept;
mod aside;
mod builder;
mod built_in;
mod capacity;
mod connection;
mod dispatch;
mod door;
mod ending;
mod execution;
mod habits;
mod metrics;
#[cfg(all(test, shuttle))]
mod models;
mod panics;
mod request;
mod routes;
mod shared;
mod streams;
mod turn;
mod watcher;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

pub use self::builder::ServerBuilder;
use self::door::Door;
pub use self::metrics::Meter;
pub use self::panics::PanicPolicy;
use self::shared::Shared;
use crate::health::Health;
use crate::limits::{DEADLINE_CEILING, IDLE_LINGER, LINGER};
use crate::metrics::Metrics;
use crate::resolve::Endpoint;
use crate::threads::Thread;
use crate::transport::{Socket, Way};

/// A running server. Dropping it shuts it down, giving running calls [`Server::DROP_GRACE`].
pub struct Server {
    address: Option<SocketAddr>,
    path: Option<PathBuf>,
    shared: Arc<Shared>,
    door: Arc<Door>,
    health: Health,
    threads: Option<[Thread; 2]>,
}

/// A shutdown after which procedures still run: they did not end within the grace, nor when their calls were cancelled.
/// Their threads are left behind and end with their procedures.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("still running after the shutdown's time: {}", .procedures.join(", "))]
#[non_exhaustive]
pub struct StillRunning {
    /// The procedures' names, one a call.
    pub procedures: Vec<&'static str>,
}

impl Server {
    /// How long a dropped server waits for running calls: 1 s.
    pub const DROP_GRACE: Duration = Duration::from_secs(1);

    /// A server that serves nothing yet.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The TCP address it listens on, with the real port; `0.0.0.0:0`, to which nobody can connect, for a server that
    /// listens on a Unix socket or nowhere. [`endpoint`](Server::endpoint) fits all kinds.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0))
    }

    /// Where it listens, as [`Client::connect`](crate::Client::connect) takes it: `HOST:PORT` or `unix:/PATH`; `None` for
    /// a server in memory and for a Unix socket without a path.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let unix = || self.path.as_ref().map(Endpoint::unix);
        self.address.map(|address| Endpoint::new(address.ip().to_string(), address.port())).or_else(unix)
    }

    /// Serves a connected socket ([`TcpStream`](std::net::TcpStream), [`UnixStream`](std::os::unix::net::UnixStream) or
    /// [`Socket`]) like one that was accepted. It counts as a connection, and the peer is the client.
    ///
    /// # Errors
    /// `QuotaExceeded` when there is no place for it, which the peer is told too; else what the machine says of the socket.
    pub fn adopt(&self, socket: impl Into<Socket>) -> io::Result<()> {
        self.door.adopt(socket.into())
    }

    /// How its services stand, as `rpc.health.check` tells: the program sets it.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The names of all procedures, in the order they were added. The built-in ones, which every server has, are not among
    /// them.
    pub fn procedures(&self) -> &[&'static str] {
        self.shared.routes.given()
    }

    /// How many connections it holds at most: [`Limits::connections`](crate::Limits::connections), or what the machine
    /// allows. That is three quarters of the threads one process may have (`threads-max`, `RLIMIT_NPROC`, and
    /// `vm.max_map_count` by four, which is how many mappings a thread takes), and never more than the descriptors
    /// (`RLIMIT_NOFILE`).
    pub fn connection_limit(&self) -> usize {
        self.shared.connection_limit
    }

    /// How many connections it holds now.
    pub fn connections(&self) -> usize {
        self.shared.count()
    }

    /// What it counts, and how it is now: calls and failures by procedure, how long they took, streams, connections, bytes,
    /// queues, threads. Every name begins with `rpc_server_`.
    ///
    /// A call is counted once, when it is over for its caller: answered, cancelled, out of time, or with its connection. The
    /// labels are the procedures' names, the codes' and reasons' of a fixed set, and `(unknown)` for all calls of procedures
    /// that this server does not have, so no peer can make more of them. To ask costs a look at every connection.
    ///
    /// ```
    /// # let server = rpc_core::Server::builder().serve_in_memory()?;
    /// let metrics = server.metrics();
    /// assert_eq!(metrics.value("rpc_server_connections", &[]), Some(0.0));
    /// print!("{metrics}"); // as Prometheus reads it
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// The same for whoever asks beside the server, as a port for Prometheus does.
    pub fn meter(&self) -> Meter {
        Meter(Arc::downgrade(&self.shared))
    }

    /// Shuts down in order: [nothing serves](Health::drain) any more; no new connections; every peer is told which of its
    /// calls are still answered; those that run
    /// get `grace` to end, then they are cancelled; then connections close and every thread ends.
    ///
    /// A peer that was answered and does not close by itself is waited for [`LINGER`] at most, also within a shorter grace,
    /// so that it reads the goodbye; one that waits for nothing, [`IDLE_LINGER`].
    ///
    /// # Errors
    /// [`StillRunning`] when a procedure does not end even after its call was cancelled.
    pub fn shutdown(mut self, grace: Duration) -> Result<(), StillRunning> {
        self.close(grace)
    }

    fn close(&mut self, grace: Duration) -> Result<(), StillRunning> {
        let Some(threads) = self.threads.take() else { return Ok(()) };
        self.health.close();
        self.door.close();
        let [acceptor, watcher] = threads;
        acceptor.join();
        // Calls that run to their end are still watched: their deadlines hold, and peers that give them up are heard.
        self.drain(Instant::now() + grace.min(DEADLINE_CEILING));
        self.door.see_off();
        self.shared.end_watching();
        watcher.join();
        let none_runs = || self.shared.running().is_empty();
        let ended = self.shared.wait_until(Instant::now() + CANCEL_TIME, none_runs);
        // Without a procedure a thread ends by itself, but a thousand of them need their time on a busy machine.
        let time = if ended { LEAVING_TIME } else { Duration::ZERO };
        if self.shared.pool.close(Instant::now() + time) {
            return Ok(());
        }
        Err(StillRunning { procedures: self.shared.running() })
    }

    /// Says goodbye to everyone, lets calls end until `deadline`, then peers go until the linger time is over.
    fn drain(&self, deadline: Instant) {
        let leaving = door::leaving();
        for connection in self.shared.connections(|_| true) {
            connection.say_goodbye(&leaving);
        }
        let quiet = || self.shared.connections(|connection| !connection.is_quiet()).is_empty();
        self.shared.wait_until(deadline, quiet);
        for connection in self.shared.connections(connection::Connection::is_quiet) {
            connection.end_sending();
        }
        let gone = || self.shared.connections(connection::Connection::is_quiet).is_empty();
        self.shared.wait_until(Instant::now() + IDLE_LINGER, gone);
        for connection in self.shared.connections(connection::Connection::is_idle) {
            connection.close("the server is shut down");
        }
        self.shared.wait_until(Instant::now() + LINGER, gone);
        for connection in self.shared.connections(|_| true) {
            connection.close("the server is shut down");
        }
    }
}

/// After its call was cancelled, a procedure has this long to end: 500 ms.
const CANCEL_TIME: Duration = Duration::from_millis(500);

/// When no procedure runs any more, the threads have this long to end: 10 s.
const LEAVING_TIME: Duration = Duration::from_secs(10);

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(still) = self.close(Server::DROP_GRACE) {
            tracing::warn!("{still}");
        }
    }
}

/// The way to a server of the same process; it does not keep the server alive.
impl From<&Server> for Way {
    fn from(server: &Server) -> Way {
        let door = Arc::downgrade(&server.door);
        Way::dialled("the server in memory", move || match door.upgrade() {
            Some(door) => door.dial(),
            None => Err(door::shut_down()),
        })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
