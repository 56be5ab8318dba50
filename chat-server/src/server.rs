//! A chat on a socket, known to a binder.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use binder::{
    CallCounts, DEFAULT_ADDRESS, NotYetRegistered, Offer, Registration, RegistrationError,
    RegistrationOptions, Token,
};
use chat_api::{Admin, ChatService, LogEntry};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, never};
use rpc_core::threads::{self, Thread};
use rpc_core::{ClientTls, Limits, Server, ServerBuilder, ServerTls, StillRunning};
use thiserror::Error;

use crate::advertised::Advertised;
use crate::lobby::{Lobby, LobbyOptions};
use crate::meter::ChatMeter;
use crate::operators::Operators;

/// A running chat server: its service, its registration with the binder, and the thread that sweeps.
///
/// Dropping it shuts it down, giving running calls a second. Rooms and users are gone with it.
#[derive(Debug)]
pub struct ChatServer {
    lobby: Arc<Lobby>,
    registration: Option<Registration>,
    server: Option<Server>,
    address: SocketAddr,
    _sweeper: Thread,
}

/// What a chat server may be told.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The binder to register with, as `HOST:PORT`; several with commas between them, of which any one suffices.
    pub binder: String,
    /// What opens the binders, if they want a token.
    pub token: Option<Token>,
    /// What to serve over TLS with; without it the chat travels in the clear.
    pub tls: Option<ServerTls>,
    /// What to connect to the binders with, if they are reached over TLS.
    pub binder_tls: Option<ClientTls>,
    /// The address that clients are told, if it is not the one listened on. An unspecified address (`0.0.0.0`) is told
    /// as the one at which the binder sees this server.
    pub advertise: Option<Advertised>,
    /// Who may operate the chat from elsewhere.
    pub operators: Operators,
    /// The times and the clock of the chat itself.
    pub lobby: LobbyOptions,
    /// The limits of the connections.
    pub limits: Limits,
}

/// Why a chat server did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The address cannot be told to the binder.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// The system gives no thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

impl Default for ServerOptions {
    /// Any free port of 127.0.0.1, the binder on this machine, five minutes for rooms and a minute for users.
    fn default() -> ServerOptions {
        ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            binder: DEFAULT_ADDRESS.to_owned(),
            token: None,
            tls: None,
            binder_tls: None,
            advertise: None,
            operators: Operators::default(),
            lobby: LobbyOptions::default(),
            limits: Limits::default(),
        }
    }
}

impl ChatServer {
    /// Serves from now on, and registers every procedure with the binder as soon as that is there.
    ///
    /// # Errors
    /// [`StartError`]. A binder that is not there is none: it is waited for.
    pub fn start(options: ServerOptions) -> Result<ChatServer, StartError> {
        let address = options.listen;
        let listener = TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })?;
        ChatServer::start_on(listener, options)
    }

    /// Serves on a socket that listens already, whatever [`ServerOptions::listen`] says.
    ///
    /// # Errors
    /// As [`start`](ChatServer::start).
    pub fn start_on(listener: TcpListener, options: ServerOptions) -> Result<ChatServer, StartError> {
        let ServerOptions {
            listen: address,
            binder,
            token,
            tls,
            binder_tls,
            advertise,
            operators,
            lobby,
            limits,
        } = options;
        let failed = |source| StartError::Listen { address, source };
        let lobby = Arc::new(Lobby::new(lobby));
        let mut services = tls
            .into_iter()
            .fold(Server::builder(), ServerBuilder::tls)
            .limits(limits)
            .service(ChatService::new(lobby.clone()));
        if let Some(service) = operators.service(&lobby, listener.local_addr().map_err(failed)?) {
            services = services.service(service);
        }
        let server = services.serve(listener).map_err(failed)?;
        let address = server.address();
        lobby.note(LogEntry::Listening { address: address.to_string() });
        let sweeper = sweeper(lobby.clone()).map_err(StartError::Thread)?;
        let advertised = advertise.unwrap_or_else(|| Advertised::new(address.ip().to_string(), None));
        let (host, port) = (advertised.host(), advertised.port(address.port()));
        // Rooms are in this server's memory: the last one to start has the procedures.
        let offers = server.procedures().iter().map(|name| Offer::new(*name, host, port));
        let meter = server.meter();
        let calls = Some(CallCounts::of(move || meter.read()));
        let options = RegistrationOptions { token, tls: binder_tls, calls, ..RegistrationOptions::default() };
        let registration = Registration::start_with(binder, offers, options);
        let mut chat =
            ChatServer { lobby, registration: None, server: Some(server), address, _sweeper: sweeper };
        chat.registration = Some(registration?);
        tracing::info!("listening on {address}");
        Ok(chat)
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the chat's metrics, beside it.
    pub fn meter(&self) -> ChatMeter {
        ChatMeter::new(&self.lobby, self.server.as_ref().map(Server::meter))
    }

    /// What operators do, without a connection and a token: for who embeds the server.
    pub fn admin(&self) -> Arc<dyn Admin> {
        self.lobby.clone()
    }

    /// Ends the chat for good: rooms are closed, and clients that are in one are told that it does not come back, where a
    /// [`shutdown`](ChatServer::shutdown) alone leaves them waiting for the server. To be shut down afterwards.
    pub fn end(&self) {
        self.lobby.end();
    }

    /// Waits until clients can find every procedure.
    ///
    /// # Errors
    /// [`NotYetRegistered`] when that takes longer than `timeout`.
    pub fn wait_registered(&self, timeout: Duration) -> Result<(), NotYetRegistered> {
        self.registration.as_ref().map_or(Ok(()), |registration| registration.wait_registered(timeout))
    }

    /// Closes when clients can find every procedure, for `select!`; nothing ever comes out of it.
    pub fn registered(&self) -> Receiver<Infallible> {
        self.registration.as_ref().map_or_else(never, |registration| registration.registered().clone())
    }

    /// Takes the procedures out of the binders, then ends streams, gives calls `grace` to end, and ends. So who turns to a
    /// binder because of this server's end is not sent back to it.
    ///
    /// A binder that does not answer costs half a second, and up to four that pass at the same time as the grace.
    ///
    /// # Errors
    /// When calls were still running after `grace`.
    pub fn shutdown(mut self, grace: Duration) -> Result<(), StillRunning> {
        self.close(grace)
    }

    fn close(&mut self, grace: Duration) -> Result<(), StillRunning> {
        let registration = self.registration.take();
        let (told, farewell_said) = bounded::<Infallible>(0);
        // Without a thread the registration ends here, with the closure.
        let farewell = threads::spawn("chat-farewell", move || {
            drop(registration);
            drop(told);
        });
        // Nothing is ever sent: this ends with the farewell, or by time.
        farewell_said.recv_timeout(FAREWELL_TIME).ok();
        self.lobby.close();
        let outcome = self.server.take().map_or(Ok(()), |server| server.shutdown(grace));
        drop(farewell);
        outcome
    }
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        if let Err(still) = self.close(Server::DROP_GRACE) {
            tracing::warn!("{still}");
        }
    }
}

/// Looks after the lobby once a second, until it closes.
fn sweeper(lobby: Arc<Lobby>) -> io::Result<Thread> {
    threads::spawn("chat-sweeper", move || {
        let closing = lobby.closing();
        while closing.recv_timeout(SWEEP_EVERY) == Err(RecvTimeoutError::Timeout) {
            lobby.sweep();
        }
    })
}

/// How long a binder is waited for before streams and calls are ended.
const FAREWELL_TIME: Duration = Duration::from_millis(500);

/// Others learn of a vanished user at most this long after his time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
