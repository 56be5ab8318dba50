//! Keeps a server's procedures registered for as long as the server lives.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rpc_core::Client;
use rpc_core::threads::{self, Thread};
use thiserror::Error;

use crate::access::Token;
use crate::address::{AddressError, Place, Vantage};
use crate::contract::{BinderClient, Offer};
use crate::error::BinderError;
use crate::features::{FeatureError, Features};
use crate::identity::{INCARNATION_KEY, INSTANCE_KEY, Instance, LEASE_KEY, Owner};
use crate::name::{NameError, ProcedureName};
use crate::registry::millis;

mod keeper;
mod worker;

use keeper::Keeper;
use worker::Worker;

/// The registration of one server's procedures; dropping it takes them out of the binder again.
///
/// A thread of its own, `registration`, registers them, renews their lease at a third of it, and registers them again
/// when the binder has forgotten them. A binder that is not there is waited for, however long. A procedure that another
/// server has registered since is left to that server, for good. What happens is told by `tracing`, each thing once.
#[derive(Debug)]
pub struct Registration {
    progress: Arc<Progress>,
    /// Its drop ends the thread, whose drop joins it: the order of the fields matters.
    _closing: Sender<Infallible>,
    _thread: Thread,
}

/// How a registration is kept.
#[derive(Clone, Debug, Default)]
pub struct RegistrationOptions {
    /// What opens the binder, if it wants a token.
    pub token: Option<Token>,
    /// How long the binder is to believe in this server without hearing of it; the binder's own time if `None`.
    pub lease: Option<Duration>,
}

/// A registration cannot even begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// A procedure's name breaks a rule.
    #[error("{name:?} cannot be registered")]
    Name {
        /// The name, cut to its first 64 characters.
        name: String,
        /// The rule.
        source: NameError,
    },
    /// The address or port breaks a rule.
    #[error("{address:?} port {port} cannot be registered")]
    Address {
        /// The address, cut to its first 64 characters.
        address: String,
        /// The port.
        port: u16,
        /// The rule.
        source: AddressError,
    },
    /// The weight, version or metadata breaks a rule.
    #[error("{name:?} cannot be registered")]
    Feature {
        /// The name, cut to its first 64 characters.
        name: String,
        /// The rule.
        source: FeatureError,
    },
    /// The system gives no thread or no random numbers.
    #[error("the registration cannot start")]
    Start(#[source] io::Error),
}

/// Not all procedures are registered yet; the registration goes on.
#[derive(Debug, Error)]
#[error("{missing} procedures are not registered with the binder yet")]
pub struct NotYetRegistered {
    /// How many.
    pub missing: usize,
    /// The last thing that went wrong, if something did.
    #[source]
    pub why: Option<BinderError>,
}

/// How far the thread has come; guards plain data, and is never locked across a call.
#[derive(Debug, Default)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
struct State {
    missing: usize,
    superseded: Vec<String>,
    trouble: Option<BinderError>,
}

impl Registration {
    /// Begins to register these procedures, served at `address` and `port`, with the binder at `HOST:PORT`; exclusive:
    /// the last server to register has them.
    ///
    /// [`start_with`](Registration::start_with) an [`Offer::new`] for each of them.
    ///
    /// # Errors
    /// [`RegistrationError`] when a name or the address breaks a rule, or the thread cannot start.
    pub fn start(
        binder: impl AsRef<str>,
        address: &str,
        port: u16,
        procedures: &[&str],
    ) -> Result<Registration, RegistrationError> {
        let offers = procedures.iter().map(|name| Offer::new(*name, address, port));
        Registration::start_with(binder, offers, RegistrationOptions::default())
    }

    /// Begins to register what is offered with the binder at `HOST:PORT`; of a name that comes twice the last offer counts.
    ///
    /// Returns at once; [`wait_registered`](Registration::wait_registered) waits. An unspecified address (`0.0.0.0`,
    /// `::`) means the one at which the binder sees this machine. Each registration is an instance of its own to the
    /// binder, with its own lease.
    ///
    /// # Errors
    /// [`RegistrationError`] when an offer breaks a rule, or the thread cannot start.
    pub fn start_with(
        binder: impl AsRef<str>,
        offers: impl IntoIterator<Item = Offer>,
        options: RegistrationOptions,
    ) -> Result<Registration, RegistrationError> {
        let offers: BTreeMap<_, _> = offers.into_iter().map(checked).collect::<Result<_, _>>()?;
        let names: Vec<_> = offers.keys().cloned().collect();
        let owner = Owner::new().map_err(|error| RegistrationError::Start(io::Error::other(error)))?;
        let binder = binder.as_ref();
        let progress = Arc::new(Progress::new(names.len()));
        let client = client(binder, &owner, options);
        let worker = Worker { client, binder: binder.to_owned(), offers, progress: progress.clone() };
        let keeper = Keeper::new(names, fastrand::Rng::new());
        let (closing, closed) = bounded(0);
        let thread = threads::spawn("registration", move || worker.run(keeper, &closed))
            .map_err(RegistrationError::Start)?;
        Ok(Registration { progress, _closing: closing, _thread: thread })
    }

    /// Waits until every procedure is registered, or was and is another server's now.
    ///
    /// # Errors
    /// [`NotYetRegistered`] when that takes longer than `timeout`.
    pub fn wait_registered(&self, timeout: Duration) -> Result<(), NotYetRegistered> {
        let state = self.progress.lock();
        let waited = self.progress.changed.wait_timeout_while(state, timeout, |state| state.missing > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.missing == 0 {
            return Ok(());
        }
        Err(NotYetRegistered { missing: state.missing, why: state.trouble.clone() })
    }

    /// The procedures that another server has taken over or somebody removed, in order; this registration leaves them
    /// alone.
    pub fn superseded(&self) -> Vec<String> {
        self.progress.lock().superseded.clone()
    }

    /// Takes the procedures out of the binder and ends, as dropping does; within about four seconds, whatever the binder
    /// does.
    pub fn close(self) {}
}

impl Progress {
    fn new(missing: usize) -> Progress {
        Progress { state: Mutex::new(State { missing, ..State::default() }), changed: Condvar::new() }
    }

    fn set(&self, state: State) {
        *self.lock() = state;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What depends on where the server is seen is the binder's to say.
fn checked(offer: Offer) -> Result<(ProcedureName, Offer), RegistrationError> {
    let name = ProcedureName::parse(&offer.name)
        .map_err(|source| RegistrationError::Name { name: beginning(&offer.name), source })?;
    Place::advertised(&offer.address, offer.port, Vantage::Beside).map_err(|source| {
        RegistrationError::Address { address: beginning(&offer.address), port: offer.port, source }
    })?;
    Features::parse(offer.weight, offer.version.as_deref(), offer.metadata.clone())
        .map_err(|source| RegistrationError::Feature { name: beginning(&offer.name), source })?;
    Ok((name, offer))
}

fn beginning(text: &str) -> String {
    text.chars().take(64).collect()
}

fn client(binder: &str, owner: &Owner, options: RegistrationOptions) -> BinderClient {
    let RegistrationOptions { token, lease } = options;
    let mut client = Client::connect(binder).with_metadata(INCARNATION_KEY, owner.incarnation.to_le_bytes());
    if let Instance::Named(id) = owner.instance {
        client = client.with_metadata(INSTANCE_KEY, id);
    }
    if let Some(lease) = lease {
        client = client.with_metadata(LEASE_KEY, millis(lease).to_le_bytes());
    }
    BinderClient::new(token.into_iter().fold(client, |client, token| token.beside(&client)))
}
