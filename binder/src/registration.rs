//! Keeps a server's procedures registered for as long as the server lives.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::threads::{self, Thread};
use rpc_core::{Client, ClientTls, Server, StillRunning};
use thiserror::Error;

use crate::access::Token;
use crate::address::{AddressError, Place, Vantage};
use crate::binders::{Binders, BindersError, connect};
use crate::contract::Offer;
use crate::error::BinderError;
use crate::features::{FeatureError, Features};
use crate::identity::{INCARNATION_KEY, INSTANCE_KEY, Instance, InstanceId, LEASE_KEY, Owner};
use crate::name::{NameError, ProcedureName};
use crate::registry::millis;

mod calls;
mod keeper;
mod progress;
mod standing;
mod worker;

pub use calls::CallCounts;
use calls::Gauge;
use keeper::Keeper;
use progress::{Progress, State};
pub use standing::{LostTo, Remainder, Standing, StillRegistered};
use worker::{Order, Worker};

/// The registration of one server's procedures; dropping it takes them out of the binder again.
///
/// A thread for each binder, `registration`, registers them, renews their lease at a third of it, every five seconds at
/// least, and registers them again when the binder has forgotten them. A binder that is not there is waited for, however
/// long. A procedure that another server has registered since, or an operator removed, is left alone with that binder for
/// good, and kept up with the others. What happens is told by `tracing`, each thing once.
#[derive(Debug)]
pub struct Registration {
    progress: Arc<Progress>,
    /// Their drop ends the threads, whose drops join them.
    orders: Vec<Sender<Order>>,
    threads: Vec<Thread>,
}

/// How a registration is kept.
#[derive(Clone, Debug, Default)]
pub struct RegistrationOptions {
    /// What opens the binder, if it wants a token.
    pub token: Option<Token>,
    /// What to connect to the binder with, if it is reached over TLS.
    pub tls: Option<ClientTls>,
    /// How long the binder is to believe in this server without hearing of it; the binder's own time if `None`.
    pub lease: Option<Duration>,
    /// Which instance this server is, across its restarts; a new one if `None`.
    pub instance: Option<InstanceId>,
    /// How often its procedures are called, for the binder to show; not shown if `None`.
    pub calls: Option<CallCounts>,
}

/// How much time a server takes to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// For clients to go elsewhere: those that watch need a moment, those that only looked up a third of the lease.
    pub drain: Duration,
    /// For its calls to end.
    pub grace: Duration,
}

/// Five seconds, which is a third of the usual lease, and five more.
impl Default for Retirement {
    fn default() -> Retirement {
        Retirement { drain: Duration::from_secs(5), grace: Duration::from_secs(5) }
    }
}

/// A registration cannot even begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The text names no binders.
    #[error(transparent)]
    Binders(#[from] BindersError),
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

impl Registration {
    /// Begins to register these procedures, served at `address` and `port`, with the binder at `HOST:PORT`, or with each of
    /// several with commas between them ([`Binders`]); exclusive: the last server to register has them.
    ///
    /// [`start_with`](Registration::start_with) an [`Offer::new`] for each of them.
    ///
    /// # Errors
    /// [`RegistrationError`] when a name or the address breaks a rule, or the thread cannot start.
    pub fn start(
        binders: impl AsRef<str>,
        address: &str,
        port: u16,
        procedures: &[&str],
    ) -> Result<Registration, RegistrationError> {
        let offers = procedures.iter().map(|name| Offer::new(*name, address, port));
        Registration::start_with(binders, offers, RegistrationOptions::default())
    }

    /// Begins to register what is offered with these binders; of a name that comes twice the last offer counts.
    ///
    /// Returns at once; [`wait_registered`](Registration::wait_registered) waits. An unspecified address (`0.0.0.0`,
    /// `::`) means the one at which the binder sees this machine. Each registration is an instance of its own to the
    /// binder, with its own lease.
    ///
    /// # Errors
    /// [`RegistrationError`] when an offer breaks a rule, or the thread cannot start.
    pub fn start_with(
        binders: impl AsRef<str>,
        offers: impl IntoIterator<Item = Offer>,
        options: RegistrationOptions,
    ) -> Result<Registration, RegistrationError> {
        let offers: BTreeMap<_, _> = offers.into_iter().map(checked).collect::<Result<_, _>>()?;
        let binders: Binders = binders.as_ref().parse()?;
        let RegistrationOptions { token, tls, lease, instance, calls } = options;
        let id = instance.map_or_else(InstanceId::random, Ok).map_err(RegistrationError::Start)?;
        let owner = Owner::started_now(id);
        let started = (Instant::now(), owner.incarnation);
        let addresses = binders.iter().map(ToString::to_string).collect();
        let progress = Arc::new(Progress::new(addresses, offers.len()));
        // Where a thread cannot be had, its drop ends those that run already.
        let mut registration = Registration { progress, orders: Vec::new(), threads: Vec::new() };
        for (index, binder) in binders.iter().map(ToString::to_string).enumerate() {
            let keeper = Keeper::new(offers.keys().cloned().collect(), started, fastrand::Rng::new());
            let client = client(&connect(&binder, tls.as_ref()), &owner, lease, token.as_ref());
            let (offers, progress) = (offers.clone(), registration.progress.clone());
            let worker = Worker { client, binder, offers, progress, index };
            let (order, ordered) = bounded(1);
            let gauge = calls.clone().map(Gauge::new);
            let run = move || worker.run(keeper, gauge, &ordered);
            registration.orders.push(order);
            registration.threads.push(threads::spawn("registration", run).map_err(RegistrationError::Start)?);
        }
        Ok(registration)
    }

    /// Waits until every procedure is registered with one binder, or was and is another server's now.
    ///
    /// # Errors
    /// [`NotYetRegistered`] when that takes longer than `timeout`.
    pub fn wait_registered(&self, timeout: Duration) -> Result<(), NotYetRegistered> {
        self.progress.wait_registered(Instant::now() + timeout)
    }

    /// Closes when every procedure has been registered with one binder, for `select!`; nothing ever comes out of it.
    pub fn registered(&self) -> &Receiver<Infallible> {
        self.progress.registered()
    }

    /// The procedures that are left alone with one binder at least, since another server has taken them over there or an
    /// operator removed them; in order. [`standings`](Registration::standings) says with which, and why.
    pub fn superseded(&self) -> Vec<String> {
        self.progress.superseded()
    }

    /// How it stands with each binder, in the order in which they were given.
    pub fn standings(&self) -> Vec<Standing> {
        self.progress.standings()
    }

    /// Says that the server is about to end, waits until clients have gone elsewhere, and takes its procedures out of the
    /// binders.
    ///
    /// Clients that watch are gone within a moment, and those that only looked up with their answers, after a third of
    /// the lease; it is waited for the latter, for `bound` at most. A procedure that nobody else serves keeps its clients
    /// until then. A binder that does not answer is asked on for just as long.
    ///
    /// # Errors
    /// As [`close`](Registration::close).
    pub fn drain(mut self, bound: Duration) -> Result<(), StillRegistered> {
        let until = Instant::now() + bound;
        for order in &self.orders {
            // Nobody else orders anything: there is room, unless the thread is gone.
            order.try_send(Order::Drain).ok();
        }
        self.progress.wait_parted(until);
        self.end()
    }

    /// Ends a server so that no call is lost: [drains](Registration::drain) it, then shuts it down, which ends its calls. A
    /// binder that could not be told is logged.
    ///
    /// # Errors
    /// When calls were still running after the grace.
    pub fn retire(self, server: Server, times: Retirement) -> Result<(), StillRunning> {
        if let Err(left) = self.drain(times.drain) {
            tracing::warn!("{left}");
        }
        server.shutdown(times.grace)
    }

    /// Takes the procedures out of the binders and ends, as dropping does; within three seconds, whatever the binders do.
    ///
    /// # Errors
    /// [`StillRegistered`] when a binder that may have some could not be told; dropping logs it.
    pub fn close(mut self) -> Result<(), StillRegistered> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StillRegistered> {
        self.orders.clear();
        self.threads.clear();
        self.progress.left()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.threads.is_empty() {
            return;
        }
        if let Err(left) = self.end() {
            tracing::warn!("{left}");
        }
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

fn client(reached: &Client, owner: &Owner, lease: Option<Duration>, token: Option<&Token>) -> Client {
    let mut client = reached.with_metadata(INCARNATION_KEY, owner.incarnation.to_le_bytes());
    if let Instance::Named(id) = owner.instance {
        client = client.with_metadata(INSTANCE_KEY, id.bytes());
    }
    if let Some(lease) = lease {
        client = client.with_metadata(LEASE_KEY, millis(lease).to_le_bytes());
    }
    token.into_iter().fold(client, |client, token| token.beside(&client))
}
