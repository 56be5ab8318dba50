//! A binder on a socket: the service, and the thread that ends leases nobody asks about.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::threads::{self, Thread};
use rpc_core::{Server, StillRunning};

use crate::contract::BinderService;
use crate::name_service::NameService;
use crate::registry::{LONGEST_LEASE, PAUSE_SHARE, SHORTEST_LEASE, Terms};

/// A running binder. Dropping it shuts it down.
///
/// Its state is its own and soft: a binder that starts at the same address knows every living server again within a
/// third of a lease.
#[derive(Debug)]
pub struct BinderServer {
    server: Server,
    _sweeper: Sweeper,
}

/// Looks at the clock often enough that a gap means a pause of the process.
#[derive(Debug)]
struct Sweeper {
    /// Its drop ends the thread, whose drop joins it: the order of the fields matters.
    _closing: Sender<Infallible>,
    _thread: Thread,
}

impl BinderServer {
    /// Serves on this address with the usual [`Terms`]; port 0 takes any free port.
    ///
    /// # Errors
    /// What the system says of the address, or of the threads.
    pub fn start(address: impl ToSocketAddrs) -> io::Result<BinderServer> {
        BinderServer::start_with(address, Terms::default())
    }

    /// Serves on this address with these terms.
    ///
    /// # Errors
    /// As [`start`](BinderServer::start).
    pub fn start_with(address: impl ToSocketAddrs, terms: Terms) -> io::Result<BinderServer> {
        let names = Arc::new(NameService::new(terms));
        let server = Server::builder().service(BinderService::new(names.clone())).bind(address)?;
        let sweeper = Sweeper::start(names, terms.lease)?;
        Ok(BinderServer { server, _sweeper: sweeper })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Stops taking calls, gives those that run this long, and ends. What was registered is forgotten.
    ///
    /// # Errors
    /// When calls were still running after `grace`.
    pub fn shutdown(self, grace: Duration) -> Result<(), StillRunning> {
        self.server.shutdown(grace)
    }
}

impl Sweeper {
    fn start(names: Arc<NameService>, lease: Duration) -> io::Result<Sweeper> {
        let pause = lease.clamp(SHORTEST_LEASE, LONGEST_LEASE) / PAUSE_SHARE;
        let (closing, closed) = bounded(0);
        let thread =
            threads::spawn("binder-sweeper", move || sweep(&names, pause / LOOKS_PER_PAUSE, &closed))?;
        Ok(Sweeper { _closing: closing, _thread: thread })
    }
}

fn sweep(names: &NameService, tick: Duration, closed: &Receiver<Infallible>) {
    while closed.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
        let gone = names.sweep();
        if gone > 0 {
            tracing::info!("{gone} procedures have gone: their servers were not heard of for a whole lease");
        }
    }
}

/// How often the clock is looked at within what counts as a pause.
const LOOKS_PER_PAUSE: u32 = 5;
