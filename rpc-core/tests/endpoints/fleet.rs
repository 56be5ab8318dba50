//! Servers that do the same, each of which counts what it is asked.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Choice, Client, Context, Endpoint, Endpoints, Resolve, Revision, Server, Status, Weighted};

use crate::waits::eventually;

#[rpc_core::service]
pub(crate) trait Fleet {
    /// Which server this is.
    fn name(&self) -> Result<usize, Status>;
    /// The same, as often as one likes.
    #[idempotent]
    fn read(&self) -> Result<usize, Status>;
    /// Answers when the server's gate is opened.
    #[idempotent]
    fn wait(&self) -> Result<usize, Status>;
}

pub(crate) const SOON: Duration = Duration::from_secs(10);

/// One server's side.
pub(crate) struct Ship {
    name: usize,
    /// How long each call takes.
    pace: Duration,
    pub(crate) served: AtomicUsize,
    pub(crate) gate: Sender<()>,
    opened: Receiver<()>,
    pub(crate) entered: Receiver<()>,
    enter: Sender<()>,
    /// Told when a call that waits has been cancelled.
    pub(crate) cancelled: AtomicUsize,
}

impl Ship {
    pub(crate) fn new(name: usize, pace: Duration) -> Arc<Ship> {
        let (gate, opened) = bounded(64);
        let (enter, entered) = bounded(64);
        let (served, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Ship { name, pace, served, gate, opened, entered, enter, cancelled })
    }

    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    pub(crate) fn open(self: &Arc<Self>, address: impl ToSocketAddrs) -> Server {
        Server::builder().service(FleetService::new(self.clone())).bind(address).unwrap()
    }

    fn serve(&self) -> usize {
        self.served.fetch_add(1, Ordering::SeqCst);
        self.name
    }
}

impl Fleet for Ship {
    fn name(&self) -> Result<usize, Status> {
        // Nobody opens this gate: a server that is slow.
        bounded::<()>(0).1.recv_timeout(self.pace).unwrap_err();
        Ok(self.serve())
    }

    fn read(&self) -> Result<usize, Status> {
        Ok(self.serve())
    }

    fn wait(&self) -> Result<usize, Status> {
        self.enter.send(()).unwrap();
        crossbeam_channel::select! {
            recv(self.opened) -> _ => Ok(self.serve()),
            recv(Context::current().cancelled()) -> _ => {
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(Status::cancelled("nobody waits"))
            }
        }
    }
}

/// Servers and what they have seen.
pub(crate) struct Harbour {
    pub(crate) ships: Vec<Arc<Ship>>,
    pub(crate) servers: Vec<Option<Server>>,
}

impl Harbour {
    pub(crate) fn of(paces: &[Duration]) -> Harbour {
        let ships: Vec<_> = paces.iter().enumerate().map(|(name, pace)| Ship::new(name, *pace)).collect();
        let servers = ships.iter().map(|ship| Some(ship.open("127.0.0.1:0"))).collect();
        Harbour { ships, servers }
    }

    pub(crate) fn quick(servers: usize) -> Harbour {
        Harbour::of(&vec![Duration::ZERO; servers])
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().flatten().map(Server::address).collect()
    }

    pub(crate) fn client(&self, choice: Choice) -> FleetClient {
        client(&self.addresses(), choice)
    }

    pub(crate) fn weighted(&self, weights: &[u16], choice: Choice) -> FleetClient {
        let list = self.addresses().into_iter().zip(weights);
        let list = list.map(|(address, weight)| Weighted::new(endpoint(address), *weight));
        let client = Client::resolving(Arc::new(Endpoints::from_iter(list)));
        FleetClient::new(client.with_choice(choice)).with_deadline(SOON)
    }

    pub(crate) fn served(&self) -> Vec<usize> {
        self.ships.iter().map(|ship| ship.served()).collect()
    }

    pub(crate) fn stop(&mut self, index: usize) {
        self.servers[index].take().unwrap().shutdown(SOON).unwrap();
    }

    /// Calls until every server has answered, which all are connected to then; counts from there.
    #[track_caller]
    pub(crate) fn warm_up(&self, fleet: &FleetClient) {
        eventually(&true, || {
            fleet.read().unwrap();
            self.ships.iter().all(|ship| ship.served() > 0)
        });
        self.ships.iter().for_each(|ship| ship.served.store(0, Ordering::SeqCst));
    }
}

pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(address.ip().to_string(), address.port())
}

pub(crate) fn client(addresses: &[SocketAddr], choice: Choice) -> FleetClient {
    let client = Client::connect_any(addresses.iter().map(ToString::to_string)).with_choice(choice);
    FleetClient::new(client).with_deadline(SOON)
}

/// A list that changes, and tells.
#[derive(Default)]
pub(crate) struct Board {
    list: Mutex<(u64, Vec<SocketAddr>)>,
    changed: Condvar,
    pub(crate) rejected: Mutex<Vec<Status>>,
    pub(crate) waiting: AtomicUsize,
    /// Waits that a change has ended before their time.
    pub(crate) alarmed: AtomicUsize,
}

impl Board {
    pub(crate) fn write(&self, addresses: &[SocketAddr]) {
        let mut list = self.list.lock().unwrap();
        *list = (list.0 + 1, addresses.to_vec());
        self.changed.notify_all();
    }
}

impl Resolve for Board {
    fn resolve(&self, procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        let (revision, addresses) = self.list.lock().unwrap().clone();
        if addresses.is_empty() {
            return Err(Status::not_found(format!("nobody serves {procedure}")).not_run());
        }
        Ok(Endpoints::from_iter(addresses.into_iter().map(endpoint)).with_revision(Revision(revision)))
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, why: &Status) {
        self.rejected.lock().unwrap().push(why.clone());
    }

    fn wait_for_change(&self, _procedure: &str, seen: Option<Revision>, until: Instant) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let list = self.list.lock().unwrap();
        let same =
            |list: &mut (u64, Vec<SocketAddr>)| seen.map_or(list.1.is_empty(), |seen| seen.0 == list.0);
        let time = until.saturating_duration_since(Instant::now());
        let (list, waited) = self.changed.wait_timeout_while(list, time, same).unwrap();
        drop(list);
        self.alarmed.fetch_add(usize::from(!waited.timed_out()), Ordering::SeqCst);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
