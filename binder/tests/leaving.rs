//! Servers that come and go while clients call them: several binders, ghosts, drains and a rolling restart.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use binder::{
    Binder, BinderClient, BinderOptions, BinderServer, CallCounts, Entry, InstanceId, Mode, Offer, Query,
    Registration, RegistrationOptions, Resolver, Retirement, State,
};
use rpc_core::{Choice, Client, Server, Status};

#[path = "waits/eventually.rs"]
mod eventually;

use eventually::{PATIENCE, eventually};

#[rpc_core::service]
trait Sum {
    /// Adds two numbers.
    fn add(&self, one: u64, other: u64) -> Result<u64, Status>;
}

/// Counts how often it was asked.
#[derive(Default)]
struct Adder(AtomicU64);

impl Sum for Adder {
    fn add(&self, one: u64, other: u64) -> Result<u64, Status> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(one + other)
    }
}

/// One instance of a service without state.
struct Instance {
    server: Server,
    registration: Registration,
    adder: Arc<Adder>,
}

impl Instance {
    fn start(binders: &str, options: RegistrationOptions) -> Instance {
        let adder = Arc::<Adder>::default();
        let server = Server::builder().service(SumService::new(adder.clone())).bind("127.0.0.1:0").unwrap();
        let offers = server.procedures().to_vec();
        let port = server.address().port();
        let offer = |name: &str| Offer { mode: Mode::Shared, ..Offer::new(name, "127.0.0.1", port) };
        let offers: Vec<Offer> = offers.iter().map(|name| offer(name)).collect();
        let registration = Registration::start_with(binders, offers, options).unwrap();
        registration.wait_registered(PATIENCE).unwrap();
        Instance { server, registration, adder }
    }

    /// How many calls it has had; it is gone then.
    fn retire(self, drain: Duration) -> u64 {
        self.registration.retire(self.server, Retirement { drain, grace: PATIENCE }).unwrap();
        self.adder.0.load(Ordering::Relaxed)
    }
}

fn binder() -> BinderServer {
    BinderServer::start("127.0.0.1:0").unwrap()
}

fn client(binder: SocketAddr) -> BinderClient {
    BinderClient::new(Client::connect(binder.to_string()).with_deadline(PATIENCE))
}

fn entries(binder: SocketAddr) -> Vec<Entry> {
    client(binder).list(Query::default()).unwrap().entries
}

#[test]
fn how_often_a_server_is_called_is_seen_where_it_is_registered() {
    let binder = binder();
    let address = binder.address();
    let server =
        Server::builder().service(SumService::new(Arc::<Adder>::default())).bind("127.0.0.1:0").unwrap();
    let meter = server.meter();
    let options = RegistrationOptions {
        lease: Some(Duration::from_secs(2)),
        calls: Some(CallCounts::of(move || meter.read())),
        ..RegistrationOptions::default()
    };
    let offer = Offer::new("add", "127.0.0.1", server.address().port());
    let registration = Registration::start_with(address.to_string(), [offer], options).unwrap();
    registration.wait_registered(PATIENCE).unwrap();
    let sums = SumClient::new(Client::resolving(Resolver::new(address.to_string())));
    eventually("it is seen to be called", || {
        assert_eq!(sums.add(1, 2), Ok(3));
        entries(address)[0].calls_per_minute > Some(0)
    });
    eventually("it is seen to be idle", || entries(address)[0].calls_per_minute == Some(0));
}

/// The story that every rolling update tells: a server stops before its clients have learned that it does.
#[test]
fn a_rolling_restart_of_two_instances_under_load_loses_no_call() {
    let binder = binder();
    let address = binder.address().to_string();
    let mut instances = vec![
        Instance::start(&address, RegistrationOptions::default()),
        Instance::start(&address, RegistrationOptions::default()),
    ];
    let client = Client::resolving(Resolver::new(&address)).with_choice(Choice::RoundRobin);
    let sums = SumClient::new(client).with_deadline(PATIENCE);
    let (called, restarted) = (AtomicU64::new(0), AtomicU64::new(0));
    let (callers, restarts) = (4, 10);
    thread::scope(|scope| {
        for caller in 0..callers {
            let (sums, called, restarted) = (sums.clone(), &called, &restarted);
            scope.spawn(move || {
                // Until everything was restarted, and 10,000 calls were made meanwhile.
                while restarted.load(Ordering::SeqCst) < restarts || called.load(Ordering::SeqCst) < 10_000 {
                    let number = called.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(sums.add(number, caller), Ok(number + caller));
                }
            });
        }
        for _ in 0..restarts {
            let before = called.load(Ordering::SeqCst);
            eventually("calls go on", || called.load(Ordering::SeqCst) > before + 1_000);
            instances.push(Instance::start(&address, RegistrationOptions::default()));
            let had = instances.remove(0).retire(Duration::from_millis(100));
            assert!(had > 0, "round robin gives everyone calls");
            restarted.fetch_add(1, Ordering::SeqCst);
        }
        assert!(called.load(Ordering::SeqCst) >= 10_000, "before the last of them had ended");
    });
    drop(instances);
    drop(sums);
    binder.shutdown(PATIENCE).unwrap();
}

#[test]
fn who_drains_is_seen_draining_for_as_long_as_clients_need_and_then_gone() {
    let binder = binder();
    let address = binder.address();
    let instance = Instance::start(&address.to_string(), RegistrationOptions::default());
    let start = Instant::now();
    thread::scope(|scope| {
        let leaving = scope.spawn(|| instance.retire(Duration::from_millis(500)));
        eventually("it drains", || entries(address).iter().all(|entry| entry.state == State::Draining));
        leaving.join().unwrap();
    });
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(entries(address), []);
}

/// With the shortest lease that a server may wish for.
fn shortly() -> RegistrationOptions {
    RegistrationOptions { lease: Some(Duration::from_secs(2)), ..RegistrationOptions::default() }
}

#[test]
fn a_drain_tries_a_binder_that_is_gone_for_a_third_of_the_lease_and_says_what_stays_there() {
    let binder = binder();
    let address = binder.address().to_string();
    let Instance { server, registration, .. } = Instance::start(&address, shortly());
    binder.shutdown(PATIENCE).unwrap();
    let start = Instant::now();
    let left = registration.drain(PATIENCE).unwrap_err();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(660) && took < Duration::from_secs(6), "{took:?}");
    let [left] = &left.remainders[..] else { panic!("one binder: {left}") };
    assert_eq!((&left.binder, left.procedures, left.lease), (&address, 1, Duration::from_secs(2)));
    server.shutdown(PATIENCE).unwrap();
}

/// Story: a server was told to end while its binder was started again. It left without a word, and the binder, which had its
/// state back a moment later, sent callers to it for a whole lease.
#[test]
fn a_server_that_leaves_while_its_binder_is_started_again_is_taken_out() {
    let folder = std::env::temp_dir().join(format!("binder-leaving-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let start = |address: SocketAddr| {
        let state = Some(folder.join("state"));
        BinderServer::start_with(address, BinderOptions { state, ..BinderOptions::default() }).unwrap()
    };
    let first = start(SocketAddr::from(([127, 0, 0, 2], 0)));
    let address = first.address();
    let lease = Some(Duration::from_secs(6));
    let options = RegistrationOptions { lease, ..RegistrationOptions::default() };
    let Instance { server, registration, .. } = Instance::start(&address.to_string(), options);
    first.shutdown(PATIENCE).unwrap();
    thread::scope(|scope| {
        let draining = scope.spawn(|| registration.drain(PATIENCE));
        let second = start(address);
        assert_eq!(entries(address).len(), 1, "it has its state back");
        eventually("it is told", || entries(address).iter().all(|entry| entry.state == State::Draining));
        assert_eq!(draining.join().unwrap(), Ok(()));
        assert_eq!(entries(address), []);
        second.shutdown(PATIENCE).unwrap();
    });
    server.shutdown(PATIENCE).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Story: a closure that counts calls panicked. It ended the thread that renews, and the server was gone two leases later.
#[test]
fn a_panic_in_what_counts_the_calls_ends_no_renewing() {
    let binder = binder();
    let address = binder.address();
    let calls = Some(CallCounts::of(|| panic!("no count")));
    let instance = Instance::start(&address.to_string(), RegistrationOptions { calls, ..shortly() });
    let renewals = || client(address).stats().unwrap().counters.renewals;
    eventually("it renews on", || renewals() >= 3);
    assert_eq!(entries(address)[0].state, State::Live);
    instance.retire(Duration::ZERO);
    assert_eq!(entries(address), []);
}

#[test]
fn a_server_registers_with_every_binder_and_one_that_is_not_there_stops_nothing() {
    let (one, other) = (binder(), binder());
    let absent = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let binders = format!("{absent},{},{}", one.address(), other.address());
    let instance = Instance::start(&binders, RegistrationOptions::default());
    let instances = || {
        let all = [&one, &other].map(|binder| entries(binder.address()));
        all.map(|entries| entries.first().map(|entry| entry.instance.clone()))
    };
    eventually("both know it", || instances().iter().all(Option::is_some));
    let [first, second] = instances();
    assert_eq!(first, second, "it is one instance everywhere");
    let late = BinderServer::start(absent).unwrap();
    eventually("the one that comes late knows it too", || !entries(absent).is_empty());
    instance.retire(Duration::from_millis(10));
    for binder in [one, other, late] {
        assert_eq!(entries(binder.address()), []);
        binder.shutdown(PATIENCE).unwrap();
    }
}

/// Story: a server that was killed and started again was refused its own name, because its ghost still held it.
#[test]
fn a_restarted_instance_takes_the_place_of_its_ghost_at_once() {
    let binder = binder();
    let address = binder.address();
    let id = InstanceId::from([7; 16]);
    let options = || RegistrationOptions { instance: Some(id), ..RegistrationOptions::default() };
    let ghost = Instance::start(&address.to_string(), options());
    let before = entries(address);
    // An incarnation is a time in milliseconds.
    thread::park_timeout(Duration::from_millis(2));
    let restarted = Instance::start(&address.to_string(), options());
    let after = entries(address);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(before[0].instance, after[0].instance);
    assert!(after[0].incarnation > before[0].incarnation && after[0].epoch > before[0].epoch);
    // The ghost has no say any more, and takes nothing away when it goes.
    drop(ghost);
    assert_eq!(entries(address).len(), 1);
    drop(restarted);
    assert_eq!(entries(address), []);
}

#[test]
fn binders_that_are_none_are_refused_in_words() {
    let offer = Offer::new("sum", "127.0.0.1", 1);
    let refused = Registration::start_with("nowhere", [offer], RegistrationOptions::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "\"nowhere\" is no address of a binder: expected HOST:PORT, for example 127.0.0.1:5000"
    );
}
