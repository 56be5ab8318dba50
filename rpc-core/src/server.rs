//! The serving side: one thread a connection, calls run where they are read, slow ones aside.
//!
//! [`Server`] owns every thread it starts: one that accepts, one that watches, and the pool that serves.

mod accept;
mod aside;
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
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use self::accept::Acceptor;
use self::capacity::Capacity;
use self::door::Door;
pub use self::panics::PanicPolicy;
use self::routes::Routes;
use self::shared::Shared;
use self::watcher::Watcher;
use crate::layer::{Layer, Layers};
use crate::limits::{DEADLINE_CEILING, IDLE_LINGER, LINGER, Limits};
use crate::metrics::Metrics;
use crate::resolve::Endpoint;
use crate::service::Service;
use crate::threads::{self, Pool, Thread};
use crate::transport::{Listener, ServerSecurity, Socket, Waker, Way};

/// A running server. Dropping it shuts it down, giving running calls [`Server::DROP_GRACE`].
pub struct Server {
    address: Option<SocketAddr>,
    path: Option<PathBuf>,
    shared: Arc<Shared>,
    door: Arc<Door>,
    threads: Option<[Thread; 2]>,
}

/// What a server will serve, before it listens.
#[derive(Default)]
#[must_use = "a builder serves nothing until it is bound"]
pub struct ServerBuilder {
    routes: Routes,
    layers: Layers,
    limits: Limits,
    panics: PanicPolicy,
    security: ServerSecurity,
    twice: Option<&'static str>,
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

    /// The names of all procedures, in the order they were added.
    pub fn procedures(&self) -> &[&'static str] {
        self.shared.routes.names()
    }

    /// How many connections it holds at most: [`Limits::connections`], or what the machine allows. That is three quarters
    /// of the threads one process may have (`threads-max`, `RLIMIT_NPROC`, and `vm.max_map_count` by four, which is how
    /// many mappings a thread takes), and never more than the descriptors (`RLIMIT_NOFILE`).
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

    /// Shuts down in order: no new connections; every peer is told which of its calls are still answered; those that run
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

impl ServerBuilder {
    /// Adds a service.
    pub fn service(mut self, service: impl Service) -> ServerBuilder {
        let service: Arc<dyn Service> = Arc::new(service);
        if let Err(name) = self.routes.add(&service) {
            self.twice.get_or_insert(name);
        }
        self
    }

    /// Adds a layer around the calls of every service: the first that is named is the outermost.
    ///
    /// ```
    /// # use rpc_core::{Server, layer::{Call, Next}};
    /// let builder = Server::builder().layer(|call: Call, next: Next<'_>| {
    ///     let name = call.procedure().name;
    ///     next.run(call).inspect_err(|status| eprintln!("{name}: {status}"))
    /// });
    /// ```
    pub fn layer(mut self, layer: impl Layer) -> ServerBuilder {
        self.layers.push(layer);
        self
    }

    /// Replaces the default limits.
    pub fn limits(mut self, limits: Limits) -> ServerBuilder {
        self.limits = limits;
        self
    }

    /// Takes connections over TLS only, however they come: accepted, passed in or made in memory.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::transport::ServerTls) -> ServerBuilder {
        self.security = ServerSecurity::Tls(tls);
        self
    }

    /// What a panic costs: its call, if nothing else is said here.
    pub fn on_panic(mut self, policy: PanicPolicy) -> ServerBuilder {
        self.panics = policy;
        self
    }

    /// Listens on `address` and serves from now on; port 0 takes any free port.
    ///
    /// # Errors
    /// `InvalidInput` when two services have a procedure of one name, or a limit is out of its range; else what the
    /// machine says of the address, or of the two threads.
    pub fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        self.serve(TcpListener::bind(address)?)
    }

    /// Listens on a Unix socket at `path`, at most 107 bytes, which clients reach as `unix:/PATH`. Who may connect is up
    /// to the permissions of the file, made under the process' umask, and of its folder.
    ///
    /// The file that a dead server left is replaced; the server removes its own when it shuts down.
    ///
    /// # Errors
    /// As [`bind`](ServerBuilder::bind); `AddrInUse` when a server listens at `path`, `AlreadyExists` when it is a file of
    /// another kind, `NotFound` when its folder is missing, `InvalidInput` when it is too long.
    pub fn bind_unix(self, path: impl AsRef<Path>) -> io::Result<Server> {
        self.serve(Listener::bind_unix(path.as_ref())?)
    }

    /// Serves without listening: to clients of this process, made by [`Client::over`](crate::Client::over)`(&server)`, and
    /// to sockets that it [adopts](Server::adopt). For tests: no port and no file, and everything else as over a network,
    /// since its connections are pairs of connected Unix sockets.
    ///
    /// # Errors
    /// As [`bind`](ServerBuilder::bind), without an address.
    pub fn serve_in_memory(self) -> io::Result<Server> {
        self.start(None)
    }

    /// Serves on a socket that listens already: a [`TcpListener`], a [`UnixListener`](std::os::unix::net::UnixListener)
    /// (whose file is left to who made it) or a [`Listener`].
    ///
    /// # Errors
    /// As [`bind`](ServerBuilder::bind).
    pub fn serve(self, listener: impl Into<Listener>) -> io::Result<Server> {
        self.start(Some(listener.into()))
    }

    fn start(self, listener: Option<Listener>) -> io::Result<Server> {
        let capacity = Capacity::of_machine(self.limits.connections);
        self.start_with(listener, capacity)
    }

    fn start_with(self, listener: Option<Listener>, capacity: Capacity) -> io::Result<Server> {
        self.check()?;
        let listener = listener.map(Listener::prepared).transpose()?;
        let address = listener.as_ref().and_then(Listener::address);
        let path = listener.as_ref().and_then(Listener::path);
        let (accept_waker, accept_wake) = Waker::pair()?;
        let (watch_waker, watch_wake) = Waker::pair()?;
        let pool = Pool::new("rpc-worker", capacity.threads);
        let shared = Arc::new(Shared::new(
            (self.routes, self.layers),
            (self.limits, self.panics),
            pool,
            capacity.connections,
            watch_waker,
        ));
        let door = Arc::new(Door::new(shared.clone(), self.security, accept_waker));
        let watcher = Watcher::new(shared.clone(), watch_wake);
        let acceptor = Acceptor { door: door.clone(), listener, wake: accept_wake };
        let watching = threads::spawn("rpc-watch", move || watcher.watch())?;
        let accepting = threads::spawn("rpc-accept", move || acceptor.accept_all())
            .inspect_err(|_| shared.end_watching())?;
        Ok(Server { address, path, shared, door, threads: Some([accepting, watching]) })
    }

    fn check(&self) -> io::Result<()> {
        let refuse = |message: String| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        if let Some(name) = self.twice {
            return refuse(format!("two services have a procedure named {name:?}"));
        }
        self.limits.check().or_else(refuse)
    }
}

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

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("procedures", &self.routes.names()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
