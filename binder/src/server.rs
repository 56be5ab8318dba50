//! A binder on a socket: the service, and the threads that end leases and keep the state file.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};
use rpc_core::threads::{self, Thread};
use rpc_core::{Server, ServerBuilder, ServerTls, StillRunning};
use thiserror::Error;

use crate::access::Access;
use crate::contract::BinderService;
use crate::meter::BinderMeter;
use crate::name_service::{NameService, Savings};
use crate::registry::{GuardNews, PAUSE_SHARE, Registry, Sweep, Terms};
use crate::state::{Damaged, StateError, StateFile};

mod saver;

use saver::Saver;

/// A running binder. Dropping it shuts it down.
///
/// Its state is soft: a binder that starts at the same address knows every living server again within a third of a lease,
/// and at once if it has a state file.
#[derive(Debug)]
pub struct BinderServer {
    /// Before the server, which would wait for the watchers.
    watching: Watching,
    server: Server,
    _announcer: Attendant,
    _sweeper: Attendant,
    /// Behind the server, so that it saves what the last calls did.
    _saver: Option<Attendant>,
}

/// How a binder serves.
#[derive(Clone, Debug, Default)]
pub struct BinderOptions {
    /// How long leases last, and how much there may be.
    pub terms: Terms,
    /// Who may do what.
    pub access: Access,
    /// The file in which everything is kept over a restart; without one it is forgotten.
    pub state: Option<PathBuf>,
    /// What to do when that file is damaged.
    pub damaged: Damaged,
    /// What to serve over TLS with; without it calls and tokens travel in the clear.
    pub tls: Option<ServerTls>,
}

/// Why a binder does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system refuses the address, or a thread.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Ends all watching when it is dropped.
#[derive(Debug)]
struct Watching(Arc<NameService>);

/// A thread of the binder's own.
#[derive(Debug)]
struct Attendant {
    /// Its drop ends the thread, whose drop joins it: the order of the fields matters.
    _closing: Sender<Infallible>,
    _thread: Thread,
}

impl BinderServer {
    /// Serves on this address with the usual [`Terms`], for everyone, without a state file; port 0 takes any free port.
    ///
    /// # Errors
    /// What the system says of the address, or of the threads.
    pub fn start(address: impl ToSocketAddrs) -> io::Result<BinderServer> {
        let registry = Registry::new(Terms::default(), first_epoch(SystemTime::now()), Instant::now());
        let names = NameService::new(registry, Access::default(), Savings::default());
        BinderServer::serve(
            Server::builder(),
            TcpListener::bind(address)?,
            Arc::new(names),
            Terms::default(),
            None,
        )
    }

    /// Serves on this address.
    ///
    /// # Errors
    /// When the state file is damaged, in use or not to be written, or as [`start`](BinderServer::start).
    pub fn start_with(
        address: impl ToSocketAddrs,
        options: BinderOptions,
    ) -> Result<BinderServer, StartError> {
        BinderServer::start_on(TcpListener::bind(address)?, options)
    }

    /// Serves on a socket that listens already.
    ///
    /// # Errors
    /// As [`start_with`](BinderServer::start_with).
    pub fn start_on(listener: TcpListener, options: BinderOptions) -> Result<BinderServer, StartError> {
        BinderServer::start_at(listener, options, SystemTime::now())
    }

    /// At this time by the wall clock, which nothing but the first epoch hangs on.
    fn start_at(
        listener: TcpListener,
        options: BinderOptions,
        wall_clock: SystemTime,
    ) -> Result<BinderServer, StartError> {
        let BinderOptions { terms, access, state, damaged, tls } = options;
        let builder = tls.into_iter().fold(Server::builder(), ServerBuilder::tls);
        let file = state.map(|path| StateFile::open(&path)).transpose()?;
        let saved = file.as_ref().map(|file| file.load(damaged)).transpose()?.flatten();
        let savings = file.as_ref().map(|file| Savings::of(file.path().to_owned())).unwrap_or_default();
        let registry =
            Registry::restore(terms, saved.unwrap_or_default(), first_epoch(wall_clock), Instant::now());
        let names = Arc::new(NameService::new(registry, access, savings));
        let saver = file.map(|file| Saver::begin(file, names.clone())).transpose()?;
        Ok(BinderServer::serve(builder, listener, names, terms, saver)?)
    }

    fn serve(
        builder: ServerBuilder,
        listener: TcpListener,
        names: Arc<NameService>,
        terms: Terms,
        saver: Option<Saver>,
    ) -> io::Result<BinderServer> {
        let server = builder.service(BinderService::new(names.clone())).serve(listener)?;
        let tick = terms.within_bounds().shortest() / PAUSE_SHARE / LOOKS_PER_PAUSE;
        let announcing = names.clone();
        let announcer = Attendant::spawn("binder-announcer", move |closed| announce(&announcing, closed))?;
        let sweeping = names.clone();
        let sweeper = Attendant::spawn("binder-sweeper", move |closed| sweep(&sweeping, tick, closed))?;
        let saver = saver.map(|saver| Attendant::spawn("binder-state", move |closed| saver.run(closed)));
        Ok(BinderServer {
            watching: Watching(names),
            server,
            _announcer: announcer,
            _sweeper: sweeper,
            _saver: saver.transpose()?,
        })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Reads the binder's metrics, beside it.
    pub fn meter(&self) -> BinderMeter {
        BinderMeter::new(self.names(), self.server.meter())
    }

    /// The service, for who shows it in another way.
    pub(crate) fn names(&self) -> Arc<NameService> {
        self.watching.0.clone()
    }

    /// Ends all watching, stops taking calls, gives those that run this long, and ends. Without a state file, what was
    /// registered is forgotten.
    ///
    /// # Errors
    /// When calls were still running after `grace`.
    pub fn shutdown(self, grace: Duration) -> Result<(), StillRunning> {
        drop(self.watching);
        self.server.shutdown(grace)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Attendant {
    fn spawn(
        name: &'static str,
        work: impl FnOnce(&Receiver<Infallible>) + Send + 'static,
    ) -> io::Result<Attendant> {
        let (closing, closed) = bounded(0);
        let thread = threads::spawn(name, move || work(&closed))?;
        Ok(Attendant { _closing: closing, _thread: thread })
    }
}

/// Microseconds, so that a binder that starts again begins above every epoch it has given before.
fn first_epoch(wall_clock: SystemTime) -> u64 {
    let since_epoch = wall_clock.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(0)
}

fn announce(names: &NameService, closed: &Receiver<Infallible>) {
    let bell = names.bell();
    let mut told = 0;
    loop {
        told = names.announce(told);
        select! {
            recv(bell) -> _ => {}
            recv(closed) -> _ => return,
        }
    }
}

fn sweep(names: &NameService, tick: Duration, closed: &Receiver<Infallible>) {
    while closed.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
        tell(&names.sweep());
    }
}

fn tell(sweep: &Sweep) {
    let Sweep { suspects, gone, guard } = sweep;
    if *suspects > 0 {
        let are = if *suspects == 1 { "server is" } else { "servers are" };
        tracing::info!("{suspects} {are} suspect: not heard of for a whole lease");
    }
    if *gone > 0 {
        let have = if *gone == 1 { "registration has" } else { "registrations have" };
        tracing::info!("{gone} {have} gone: not heard of for two leases");
    }
    for news in guard {
        match news {
            GuardNews::On { suspects, leases } => tracing::warn!(
                "{suspects} of {leases} servers have not been heard of for a whole lease: none of them is given up \
                 until half are heard of again, or ten minutes have passed"
            ),
            GuardNews::Recovered => {
                tracing::info!("half of the servers are heard of: leases end as usual again");
            }
            GuardNews::TimeOver => {
                tracing::warn!("ten minutes have passed: servers that are not heard of are given up again");
            }
        }
    }
}

/// How often the clock is looked at within what counts as a pause.
const LOOKS_PER_PAUSE: u32 = 5;

#[cfg(test)]
mod tests;
