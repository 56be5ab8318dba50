//! What a server will serve, before it listens.

use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use super::Server;
use super::accept::Acceptor;
use super::built_in::{BuiltIn, Offer};
use super::capacity::Capacity;
use super::door::Door;
use super::panics::PanicPolicy;
use super::routes::{Clash, Routes};
use super::shared::Shared;
use super::watcher::Watcher;
use crate::health::Health;
use crate::layer::{Layer, Layers};
use crate::limits::Limits;
use crate::reflect::RESERVED;
use crate::service::Service;
use crate::threads::{self, Pool};
use crate::transport::{Listener, ServerSecurity, Waker};

/// What a server will serve, before it listens.
#[derive(Default)]
#[must_use = "a builder serves nothing until it is bound"]
pub struct ServerBuilder {
    routes: Routes,
    layers: Layers,
    limits: Limits,
    panics: PanicPolicy,
    security: ServerSecurity,
    built_in: BuiltIn,
    clash: Option<Clash>,
}

impl ServerBuilder {
    /// Adds a service.
    pub fn service(mut self, service: impl Service) -> ServerBuilder {
        let service: Arc<dyn Service> = Arc::new(service);
        if let Err(clash) = self.routes.add(&service) {
            self.clash.get_or_insert(clash);
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

    /// Has the server tell of this health, for a program that sets it before it serves. A server has its own otherwise. It is
    /// one server's: nothing in it serves once that shuts down.
    pub fn health(mut self, health: Health) -> ServerBuilder {
        self.built_in.health = Some(health);
        self
    }

    /// Leaves out the built-in procedures that describe the others: [`reflect`](crate::reflect).
    pub fn without_reflection(mut self) -> ServerBuilder {
        self.built_in.reflection = Offer::Nothing;
        self
    }

    /// Leaves out the built-in procedures that tell whether services serve: [`health`](crate::health).
    pub fn without_health(mut self) -> ServerBuilder {
        self.built_in.health_checks = Offer::Nothing;
        self
    }

    /// Listens on `address` and serves from now on; port 0 takes any free port.
    ///
    /// # Errors
    /// `InvalidInput` when two services have a procedure of one name, one begins with `rpc.`, or a limit is out of its range; else what the
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

    pub(super) fn start_with(mut self, listener: Option<Listener>, capacity: Capacity) -> io::Result<Server> {
        self.check()?;
        let health = std::mem::take(&mut self.built_in).add_to(&mut self.routes);
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
        Ok(Server { address, path, shared, door, health, threads: Some([accepting, watching]) })
    }

    fn check(&self) -> io::Result<()> {
        let refuse = |message: String| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        match self.clash {
            Some(Clash::Twice(name)) => {
                return refuse(format!("two services have a procedure named {name:?}"));
            }
            Some(Clash::Reserved(name)) => {
                return refuse(format!(
                    "a service has a procedure named {name:?}, and {RESERVED:?} begins built-in ones"
                ));
            }
            None => {}
        }
        self.limits.check().or_else(refuse)
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("procedures", &self.routes.given())
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}
