//! A binder, servers and clients over real sockets.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use binder::{
    Binder, BinderClient, BinderError, BinderOptions, BinderServer, Entry, NAMES_PER_LEASE, Query,
    Registration, Renewal, Resolver, Terms,
};
use rpc_core::{Client, Code, Server, Status};

#[path = "waits/eventually.rs"]
mod eventually;

use eventually::{PATIENCE, eventually};

const GRACE: Duration = Duration::from_secs(5);

#[rpc_core::service]
trait Place {
    /// The port this is served at.
    fn whereabouts(&self) -> Result<u16, Status>;
}

/// Answers with a number, which tells one server from another.
struct At(u16);

impl Place for At {
    fn whereabouts(&self) -> Result<u16, Status> {
        Ok(self.0)
    }
}

fn place(number: u16) -> Server {
    Server::builder().service(PlaceService::new(Arc::new(At(number)))).bind("127.0.0.1:0").unwrap()
}

fn binder(lease: Duration) -> BinderServer {
    binder_at(SocketAddr::from(([127, 0, 0, 1], 0)), lease)
}

/// A binder that serves at this address again, or for the first time.
fn binder_at(address: SocketAddr, lease: Duration) -> BinderServer {
    let terms = Terms { lease, ..Terms::default() };
    BinderServer::start_with(address, BinderOptions { terms, ..BinderOptions::default() }).unwrap()
}

/// An address at which nobody listens. No connection of other tests takes its port: they leave from 127.0.0.1.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

fn client(binder: SocketAddr) -> BinderClient {
    BinderClient::new(Client::connect(binder.to_string()).with_deadline(PATIENCE))
}

fn register(binder: SocketAddr, port: u16, names: &[&str]) -> Registration {
    Registration::start(binder.to_string(), "127.0.0.1", port, names).unwrap()
}

fn port_of(binder: SocketAddr, name: &str) -> Option<u16> {
    client(binder).lookup_procedure(name.into()).ok().map(|location| location.port)
}

fn entries(binder: SocketAddr) -> Vec<Entry> {
    client(binder).list(Query::default()).unwrap().entries
}

#[test]
fn a_plain_client_registers_a_procedure_and_another_finds_it() {
    let binder = binder(binder::DEFAULT_LEASE);
    let granted =
        client(binder.address()).register_procedure("create_room".into(), "127.0.0.1".into(), 4000).unwrap();
    assert_eq!(granted.lease_ms, 15_000);
    let location = client(binder.address()).lookup_procedure("create_room".into()).unwrap();
    assert_eq!((location.address.as_str(), location.port), ("127.0.0.1", 4000));
    let unknown = client(binder.address()).lookup_procedure("join_room".into());
    assert!(matches!(unknown, Err(BinderError::NotRegistered { name, .. }) if name == "join_room"));
    binder.shutdown(GRACE).unwrap();
}

#[test]
fn the_last_plain_registration_wins() {
    let binder = binder(binder::DEFAULT_LEASE);
    let client = client(binder.address());
    for port in [4000, 4001] {
        client.register_procedure("chat".into(), "127.0.0.1".into(), port).unwrap();
    }
    assert_eq!(port_of(binder.address(), "chat"), Some(4001));
}

#[test]
fn a_procedure_that_nobody_renews_is_gone_after_two_leases() {
    let binder = binder(Duration::from_millis(200));
    client(binder.address()).register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    eventually("the lease ends twice", || port_of(binder.address(), "chat").is_none());
}

#[test]
fn a_registration_outlives_its_lease_many_times_and_its_drop_ends_it_at_once() {
    let binder = binder(Duration::from_millis(600));
    let registration = register(binder.address(), 4000, &["a", "b"]);
    registration.wait_registered(PATIENCE).unwrap();
    let age = || entries(binder.address()).first().map(|entry| entry.age_ms);
    eventually("two leases pass", || age().expect("it stays registered") > 1_200);
    drop(registration);
    assert_eq!(entries(binder.address()), []);
}

#[test]
fn a_restarted_binder_knows_everyone_again_within_one_renewal() {
    let lease = Duration::from_secs(3);
    let address = free_address();
    let first = binder_at(address, lease);
    let registration = register(address, 4000, &["a", "b", "c"]);
    registration.wait_registered(PATIENCE).unwrap();
    first.shutdown(GRACE).unwrap();
    let second = binder_at(address, lease);
    let restarted = Instant::now();
    eventually("all three are back", || entries(address).len() == 3);
    // A third of the lease, or the longest pause between two attempts; the rest is for a busy machine.
    assert!(restarted.elapsed() < lease, "{:?}", restarted.elapsed());
    drop(registration);
    second.shutdown(GRACE).unwrap();
}

#[test]
fn a_registration_waits_for_a_binder_that_comes_later() {
    let address = free_address();
    let registration = register(address, 4000, &["chat"]);
    let waiting = registration.wait_registered(Duration::ZERO).unwrap_err();
    assert_eq!(waiting.missing, 1);
    let binder = binder_at(address, binder::DEFAULT_LEASE);
    registration.wait_registered(PATIENCE).unwrap();
    assert_eq!(port_of(binder.address(), "chat"), Some(4000));
}

#[test]
fn a_server_that_comes_later_takes_the_names_and_the_former_one_leaves_them_alone() {
    let binder = binder(Duration::from_millis(600));
    let old = register(binder.address(), 4000, &["chat", "old"]);
    old.wait_registered(PATIENCE).unwrap();
    let new = register(binder.address(), 4001, &["chat"]);
    new.wait_registered(PATIENCE).unwrap();
    assert_eq!(port_of(binder.address(), "chat"), Some(4001));
    eventually("the loser is told", || old.superseded() == ["chat"]);
    drop(old);
    assert_eq!(port_of(binder.address(), "chat"), Some(4001));
    assert_eq!(port_of(binder.address(), "old"), None);
    assert!(new.superseded().is_empty());
}

/// Story: a server lost its name to a later one, and did not know it yet when the binder was restarted without a state file.
/// Both told again what they had, and the one that came last had it.
#[test]
fn who_lost_a_name_does_not_have_it_back_because_the_binder_forgot() {
    let lease = Duration::from_secs(3);
    let address = free_address();
    let first = binder_at(address, lease);
    let old = register(address, 4000, &["chat", "old"]);
    old.wait_registered(PATIENCE).unwrap();
    let new = register(address, 4001, &["chat"]);
    new.wait_registered(PATIENCE).unwrap();
    first.shutdown(GRACE).unwrap();
    let second = binder_at(address, lease);
    eventually("both are back", || entries(address).len() == 2);
    eventually("the loser knows it", || old.superseded() == ["chat"]);
    assert_eq!(port_of(address, "chat"), Some(4001));
    assert!(new.superseded().is_empty());
    drop((old, new));
    second.shutdown(GRACE).unwrap();
}

#[test]
fn as_many_procedures_as_one_lease_covers_are_registered_and_one_more_is_refused() {
    let binder = binder(Duration::from_secs(60));
    let names: Vec<String> = (0..=NAMES_PER_LEASE).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (fitting, _) = names.split_at(NAMES_PER_LEASE);
    let registration = register(binder.address(), 4000, fitting);
    registration.wait_registered(PATIENCE).unwrap();
    drop(registration);
    let registration = register(binder.address(), 4001, &names);
    eventually("all but one are registered", || {
        let waiting = registration.wait_registered(Duration::ZERO).unwrap_err();
        waiting.missing == 1 && matches!(waiting.why, Some(BinderError::LeaseFull { limit: 10_000 }))
    });
}

#[test]
fn closing_does_not_wait_for_a_binder_that_never_answers() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let registration = register(deaf.local_addr().unwrap(), 4000, &["a", "b"]);
    let start = Instant::now();
    // Its answer may have been lost, so the binder may have them.
    let left = registration.close();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    if let Err(left) = left {
        assert!(left.remainders.iter().all(|left| left.procedures <= 2 && left.lease.is_zero()), "{left}");
    }
}

#[test]
fn a_renewal_by_a_stranger_renews_nothing() {
    let binder = binder(binder::DEFAULT_LEASE);
    let registration = register(binder.address(), 4000, &["chat"]);
    registration.wait_registered(PATIENCE).unwrap();
    let stranger = client(binder.address())
        .with_metadata(binder::INSTANCE_KEY, [7; 16])
        .with_metadata(binder::INCARNATION_KEY, [0; 8]);
    assert_eq!(stranger.renew(), Ok(Renewal::UnknownLease));
    stranger.unregister(vec!["chat".into()]).unwrap();
    assert_eq!(port_of(binder.address(), "chat"), Some(4000));
}

#[test]
fn a_lease_is_renewed_by_its_own_process_alone_however_often_others_try() {
    let binder = binder(binder::DEFAULT_LEASE);
    let speaking_as = |id: [u8; 16], incarnation: u64| {
        let client = client(binder.address()).with_metadata(binder::INSTANCE_KEY, id);
        client.with_metadata(binder::INCARNATION_KEY, incarnation.to_le_bytes())
    };
    let own = speaking_as([1; 16], 5);
    own.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    // A ghost of it, and strangers that know what lists show of its id.
    assert!(speaking_as([1; 16], 4).renew().is_err());
    let mut beginning = [1; 16];
    beginning[6..].fill(0);
    for stranger in [beginning, [2; 16]] {
        assert_eq!(speaking_as(stranger, 5).renew(), Ok(Renewal::UnknownLease));
        speaking_as(stranger, 5).unregister(vec!["chat".into()]).unwrap();
    }
    assert!(matches!(own.renew(), Ok(Renewal::Renewed { .. })));
    assert_eq!(own.lookup_procedure("chat".into()).unwrap().port, 4000);
}

#[test]
fn a_client_finds_a_server_that_comes_back_at_another_port() {
    let binder = binder(binder::DEFAULT_LEASE);
    let places = PlaceClient::new(Client::resolving(Resolver::new(binder.address().to_string())));
    let first = place(1);
    let registration = register(binder.address(), first.address().port(), &["whereabouts"]);
    registration.wait_registered(PATIENCE).unwrap();
    assert_eq!(places.whereabouts(), Ok(1));
    // Killed rather than closed: nobody unregisters it.
    first.shutdown(GRACE).unwrap();
    let second = place(2);
    let again = register(binder.address(), second.address().port(), &["whereabouts"]);
    again.wait_registered(PATIENCE).unwrap();
    assert_eq!(places.wait_for_ready().whereabouts(), Ok(2));
}

#[test]
fn known_addresses_outlive_a_dead_binder() {
    let binder = binder(Duration::from_millis(300));
    let server = place(1);
    let registration = register(binder.address(), server.address().port(), &["whereabouts"]);
    registration.wait_registered(PATIENCE).unwrap();
    let resolver = Resolver::new(binder.address().to_string());
    resolver.prefetch(&["whereabouts"]).unwrap();
    binder.shutdown(GRACE).unwrap();
    let places = PlaceClient::new(Client::resolving(resolver.clone()));
    let start = Instant::now();
    eventually("the answer's age is over", || {
        assert_eq!(places.whereabouts(), Ok(1));
        start.elapsed() > Duration::from_millis(400)
    });
    assert_eq!(resolver.prefetch(&["never_seen"]).unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_client_waits_for_a_server_and_a_binder_that_come_later() {
    let address = free_address();
    let resolver = Resolver::new(address.to_string());
    let places = PlaceClient::new(Client::resolving(resolver)).with_deadline(PATIENCE).wait_for_ready();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| places.whereabouts());
        let binder = binder_at(address, binder::DEFAULT_LEASE);
        let server = place(3);
        let registration = register(binder.address(), server.address().port(), &["whereabouts"]);
        assert_eq!(waiting.join().unwrap(), Ok(3));
        drop(registration);
    });
}

#[test]
fn lookups_from_many_threads_while_names_change_hands_never_fail() {
    let binder = binder(binder::DEFAULT_LEASE);
    let address = binder.address();
    client(address).register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    thread::scope(|scope| {
        let lookups: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || {
                    let client = client(address);
                    (0..200).all(|_| client.lookup_procedure("chat".into()).is_ok())
                })
            })
            .collect();
        let servers = client(address);
        for port in 4001..4200 {
            servers.register_procedure("chat".into(), "127.0.0.1".into(), port).unwrap();
        }
        for lookup in lookups {
            assert!(lookup.join().unwrap());
        }
    });
}
