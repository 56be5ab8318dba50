//! Keeps a server's procedures registered for as long as the server lives.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rpc_core::Client;
use rpc_core::threads::{self, Thread};
use thiserror::Error;

use crate::address::{AddressError, Place, Vantage};
use crate::contract::BinderClient;
use crate::error::BinderError;
use crate::identity::{INCARNATION_KEY, INSTANCE_KEY, Instance, Owner};
use crate::name::{NameError, ProcedureName};

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
    /// Begins to register these procedures, served at `address` and `port`, with the binder at `HOST:PORT`.
    ///
    /// Returns at once; [`wait_registered`](Registration::wait_registered) waits. An unspecified address (`0.0.0.0`,
    /// `::`) means the one at which the binder sees this machine. Each registration is an instance of its own to the
    /// binder, with its own lease.
    ///
    /// # Errors
    /// [`RegistrationError`] when a name or the address breaks a rule, or the thread cannot start.
    pub fn start(
        binder: impl AsRef<str>,
        address: &str,
        port: u16,
        procedures: &[&str],
    ) -> Result<Registration, RegistrationError> {
        let names = names(procedures)?;
        check_address(address, port)?;
        let owner = Owner::new().map_err(|error| RegistrationError::Start(io::Error::other(error)))?;
        let binder = binder.as_ref();
        let progress = Arc::new(Progress::new(names.len()));
        let worker = Worker {
            client: client(binder, &owner),
            binder: binder.to_owned(),
            address: address.to_owned(),
            port,
            progress: progress.clone(),
        };
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

    /// The procedures that another server has taken over, in order; this registration leaves them alone.
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

fn names(procedures: &[&str]) -> Result<Vec<ProcedureName>, RegistrationError> {
    let parse = |text: &&str| {
        ProcedureName::parse(text).map_err(|source| RegistrationError::Name { name: beginning(text), source })
    };
    procedures.iter().map(parse).collect()
}

fn check_address(address: &str, port: u16) -> Result<(), RegistrationError> {
    // What depends on where the server is seen is the binder's to say.
    Place::advertised(address, port, Vantage::Beside).map(drop).map_err(|source| RegistrationError::Address {
        address: beginning(address),
        port,
        source,
    })
}

fn beginning(text: &str) -> String {
    text.chars().take(64).collect()
}

fn client(binder: &str, owner: &Owner) -> BinderClient {
    let client = Client::connect(binder).with_metadata(INCARNATION_KEY, owner.incarnation.to_le_bytes());
    match owner.instance {
        Instance::Named(id) => BinderClient::new(client.with_metadata(INSTANCE_KEY, id)),
        Instance::At(_) => BinderClient::new(client),
    }
}
