//! The serving side: one thread a connection, calls run where they are read, slow ones aside.
//!
//! [`Server`] owns every thread it starts: one that accepts, one that watches, and the pool that serves.

mod accept;
mod capacity;
mod connection;
mod dispatch;
mod ending;
mod pool;
mod routes;
mod shared;
mod streams;
mod turn;
mod watcher;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;

use self::accept::Acceptor;
use self::capacity::Capacity;
use self::pool::Pool;
use self::routes::Routes;
use self::shared::Shared;
use self::watcher::Watcher;
use crate::limits::{DEADLINE_CEILING, FRAME_BEFORE_PREFACE, FRAME_CEILING, LINGER, Limits};
use crate::service::Service;
use crate::status::Status;
use crate::threads::{self, Thread};
use crate::transport::{TcpAcceptor, Waker};

/// A running server. Dropping it shuts it down, giving running calls [`Server::DROP_GRACE`].
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    closing: Arc<AtomicBool>,
    waker: Waker,
    threads: Option<[Thread; 2]>,
}

/// What a server will serve, before it listens.
#[derive(Default)]
#[must_use = "a builder serves nothing until it is bound"]
pub struct ServerBuilder {
    routes: Routes,
    limits: Limits,
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

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
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

    /// Shuts down in order: no new connections; every peer is told which of its calls are still answered; those that run
    /// get `grace` to end, then they are cancelled; then connections close and every thread ends.
    ///
    /// A peer that does not close by itself is waited for [`LINGER`] at most, also within a shorter grace, so that it
    /// reads the goodbye.
    ///
    /// # Errors
    /// [`StillRunning`] when a procedure does not end even after its call was cancelled.
    pub fn shutdown(mut self, grace: Duration) -> Result<(), StillRunning> {
        self.close(grace)
    }

    fn close(&mut self, grace: Duration) -> Result<(), StillRunning> {
        let Some(threads) = self.threads.take() else { return Ok(()) };
        self.closing.store(true, Ordering::SeqCst);
        self.waker.wake();
        let [acceptor, watcher] = threads;
        acceptor.join();
        // Calls that run to their end are still watched: their deadlines hold, and peers that give them up are heard.
        self.drain(Instant::now() + grace.min(DEADLINE_CEILING));
        self.shared.end_watching();
        watcher.join();
        let ended = self.shared.pool.close(Instant::now() + CANCEL_TIME);
        if ended {
            return Ok(());
        }
        Err(StillRunning { procedures: self.shared.running() })
    }

    /// Says goodbye to everyone, lets calls end until `deadline`, then peers go until the linger time is over.
    fn drain(&self, deadline: Instant) {
        let leaving = Status::unavailable("the server is shutting down").not_run();
        for connection in self.shared.connections(|_| true) {
            connection.say_goodbye(&leaving);
        }
        let quiet = || self.shared.connections(|connection| !connection.is_quiet()).is_empty();
        self.shared.wait_until(deadline, quiet);
        for connection in self.shared.connections(connection::Connection::is_quiet) {
            connection.end_sending();
        }
        let gone = || self.shared.connections(connection::Connection::is_quiet).is_empty();
        self.shared.wait_until(Instant::now() + LINGER, gone);
        for connection in self.shared.connections(|_| true) {
            connection.close("the server is shut down");
        }
    }
}

/// After its call was cancelled, a procedure has this long to end: 500 ms.
const CANCEL_TIME: Duration = Duration::from_millis(500);

impl ServerBuilder {
    /// Adds a service.
    pub fn service(mut self, service: impl Service) -> ServerBuilder {
        let service: Arc<dyn Service> = Arc::new(service);
        if let Err(name) = self.routes.add(&service) {
            self.twice.get_or_insert(name);
        }
        self
    }

    /// Replaces the default limits.
    pub fn limits(mut self, limits: Limits) -> ServerBuilder {
        self.limits = limits;
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

    /// Serves on a socket that listens already.
    ///
    /// # Errors
    /// As [`bind`](ServerBuilder::bind).
    pub fn serve(self, listener: TcpListener) -> io::Result<Server> {
        self.check()?;
        let capacity = Capacity::of_machine(self.limits.connections);
        let listener = TcpAcceptor::new(listener)?;
        let address = listener.address();
        let (accept_waker, accept_wake) = Waker::pair()?;
        let (watch_waker, watch_wake) = Waker::pair()?;
        let pool = Pool::new(capacity.threads);
        let shared = Arc::new(Shared::new(self.routes, self.limits, pool, capacity.connections, watch_waker));
        let closing = Arc::new(AtomicBool::new(false));
        let watcher = Watcher::new(shared.clone(), watch_wake);
        let acceptor = Acceptor::new(shared.clone(), listener, accept_wake, closing.clone());
        let watching = threads::spawn("rpc-watch", move || watcher.watch())?;
        let accepting = threads::spawn("rpc-accept", move || acceptor.accept_all())
            .inspect_err(|_| shared.end_watching())?;
        Ok(Server { address, shared, closing, waker: accept_waker, threads: Some([accepting, watching]) })
    }

    fn check(&self) -> io::Result<()> {
        let refuse = |message: String| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        if let Some(name) = self.twice {
            return refuse(format!("two services have a procedure named {name:?}"));
        }
        if !(FRAME_BEFORE_PREFACE..=FRAME_CEILING).contains(&self.limits.frame) {
            return refuse(format!(
                "the frame limit is {}, allowed are {FRAME_BEFORE_PREFACE} to {FRAME_CEILING}",
                self.limits.frame
            ));
        }
        if self.limits.calls_in_flight == 0 {
            return refuse("the limit of calls in flight is 0, at least 1 is needed".to_owned());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(still) = self.close(Server::DROP_GRACE) {
            tracing::warn!("{still}");
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("procedures", &self.routes.names()).finish_non_exhaustive()
    }
}
