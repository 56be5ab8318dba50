//! Clients that find their servers through binders, while both come, move and die.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use binder::{
    Binder, BinderClient, BinderOptions, BinderServer, INCARNATION_KEY, INSTANCE_KEY, Mode, Offer, Query,
    Question, Resolver, ResolverOptions, State, Target, Terms,
};
use rpc_core::{Client, Code, Resolve, Status};

#[path = "waits/eventually.rs"]
mod eventually;
#[path = "waits/metronome.rs"]
mod metronome;

use eventually::{PATIENCE, eventually};
use metronome::Metronome;

const GRACE: Duration = Duration::from_secs(5);
/// Within this a client follows what its binder knows.
const MOMENT: Duration = Duration::from_millis(100);

#[rpc_core::service]
trait Place {
    /// The port this is served at.
    fn whereabouts(&self) -> Result<u16, Status>;
}

fn binder() -> BinderServer {
    BinderServer::start("127.0.0.1:0").unwrap()
}

/// An address at which nobody listens. No connection of other tests takes its port: they leave from 127.0.0.1.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

fn client(binder: SocketAddr) -> BinderClient {
    BinderClient::new(Client::connect(binder.to_string()).with_deadline(PATIENCE))
}

/// Shares `sum` at this port, as an instance of its own.
fn share(binder: SocketAddr, port: u16) -> BinderClient {
    let id = [u8::try_from(port % 251).unwrap(); 16];
    let server = client(binder).with_metadata(INSTANCE_KEY, id).with_metadata(INCARNATION_KEY, [0; 8]);
    server.register(Offer { mode: Mode::Shared, ..Offer::new("sum", "127.0.0.1", port) }).unwrap();
    server
}

/// In order.
fn ports(resolver: &Resolver) -> Vec<u16> {
    let Ok(list) = resolver.resolve("sum", Instant::now() + PATIENCE) else { return Vec::new() };
    let mut ports: Vec<_> = list.iter().map(|weighted| weighted.endpoint.port()).collect();
    ports.sort_unstable();
    ports
}

/// How long it takes from now until the list is this one.
#[track_caller]
fn time_until(resolver: &Resolver, expected: &[u16]) -> Duration {
    let start = Instant::now();
    loop {
        let found = ports(resolver);
        if found == expected {
            return start.elapsed();
        }
        assert!(start.elapsed() < PATIENCE, "{found:?}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// A resolver that watches `sum`.
fn watching(binders: &str, watched_at: SocketAddr) -> Arc<Resolver> {
    let resolver = Resolver::new(binders);
    resolver.prefetch(&["sum"]).unwrap();
    eventually("it watches", || client(watched_at).stats().unwrap().watchers > 0);
    resolver
}

#[test]
fn a_client_moves_within_a_moment_of_what_a_server_or_its_operator_says() {
    let binder = binder();
    let address = binder.address();
    let server = share(address, 1);
    share(address, 2);
    let resolver = watching(&address.to_string(), address);
    let observer = client(address);
    let found = observer.lookup(Question { name: "sum".into(), ..Question::default() }).unwrap();
    let target = |port: u16| {
        let entry = found.entries.iter().find(|entry| entry.port == port).unwrap();
        vec![Target { name: "sum".into(), epoch: entry.epoch }]
    };
    let metronome = Metronome::start();
    metronome.check(MOMENT, |_| {
        observer.drain_targets(target(2)).unwrap();
        let took = time_until(&resolver, &[1]);
        observer.resume(target(2)).unwrap();
        time_until(&resolver, &[1, 2]);
        took
    });
    metronome.check(MOMENT, |_| {
        server.unregister(vec!["sum".into()]).unwrap();
        let took = time_until(&resolver, &[2]);
        share(address, 1);
        time_until(&resolver, &[1, 2]);
        took
    });
    drop(resolver);
    binder.shutdown(GRACE).unwrap();
}

#[test]
fn a_client_moves_within_a_moment_of_a_death_that_the_binder_knows() {
    let terms = Terms { lease: Duration::from_secs(1), ..Terms::default() };
    let binder =
        BinderServer::start_with("127.0.0.1:0", BinderOptions { terms, ..BinderOptions::default() }).unwrap();
    let address = binder.address();
    let (dies, lives) = (share(address, 1), share(address, 2));
    let resolver = watching(&address.to_string(), address);
    let state_of_the_first = || {
        let entries = lives.list(Query::default()).unwrap().entries;
        entries.iter().find(|entry| entry.port == 1).unwrap().state
    };
    Metronome::start().check(MOMENT, |_| {
        dies.renew().unwrap();
        lives.renew().unwrap();
        time_until(&resolver, &[1, 2]);
        // Nobody renews the first from now on: a second later the binder knows that it is silent.
        let start = Instant::now();
        while state_of_the_first() != State::Suspect {
            assert!(start.elapsed() < PATIENCE, "it lives on");
            lives.renew().unwrap();
            thread::park_timeout(Duration::from_millis(1));
        }
        time_until(&resolver, &[2])
    });
    drop(resolver);
    binder.shutdown(GRACE).unwrap();
}

#[test]
fn one_stream_watches_all_names_that_are_in_use() {
    let binder = binder();
    let servers = client(binder.address());
    let names: Vec<String> = (0..50).map(|number| format!("p{number}")).collect();
    for name in &names {
        servers.register_procedure(name.clone(), "127.0.0.1".into(), 1).unwrap();
    }
    let resolver = Resolver::new(binder.address().to_string());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    resolver.prefetch(&names).unwrap();
    let start = Instant::now();
    let before = servers.stats().unwrap();
    while servers.stats().unwrap().watchers != 1 {
        assert!(start.elapsed() < PATIENCE, "it does not watch");
        thread::park_timeout(Duration::from_millis(1));
    }
    for name in names.iter().cycle().take(1_000) {
        resolver.resolve(name, Instant::now() + PATIENCE).unwrap();
    }
    let after = servers.stats().unwrap();
    assert_eq!((after.watchers, after.counters.lookups), (1, before.counters.lookups), "memory serves");
    drop(resolver);
    eventually("it watches no more", || servers.stats().unwrap().watchers == 0);
}

#[test]
fn without_a_binder_what_is_known_serves_for_as_long_as_was_said() {
    let binder = binder();
    share(binder.address(), 1);
    let stale_for = Duration::from_secs(1);
    let options = ResolverOptions { stale_for, ..ResolverOptions::default() };
    let resolver = Resolver::with_options(binder.address().to_string(), &options);
    resolver.prefetch(&["sum"]).unwrap();
    let confirmed = Instant::now();
    binder.shutdown(GRACE).unwrap();
    eventually("it serves no more", || ports(&resolver).is_empty());
    assert!(confirmed.elapsed() >= stale_for, "{:?}", confirmed.elapsed());
    let why = resolver.resolve("sum", Instant::now() + PATIENCE).unwrap_err();
    assert_eq!(why.code(), Code::Unavailable);
    assert!(why.message().contains("sum cannot be looked up in the binder"), "{why}");
}

/// Story: a registry came back empty after a restart, and its clients dropped every server that lived.
#[test]
fn a_binder_that_comes_back_empty_takes_no_server_away() {
    let address = free_address();
    let first = BinderServer::start(address).unwrap();
    share(address, 1);
    let resolver = watching(&address.to_string(), address);
    first.shutdown(GRACE).unwrap();
    let second = BinderServer::start(address).unwrap();
    let start = Instant::now();
    while client(address).stats().unwrap().watchers == 0 {
        assert!(start.elapsed() < PATIENCE, "it does not come back");
        assert_eq!(ports(&resolver), [1]);
    }
    share(address, 2);
    time_until(&resolver, &[1, 2]);
    drop(resolver);
    second.shutdown(GRACE).unwrap();
}

#[test]
fn any_one_of_several_binders_suffices() {
    let (one, other) = (binder(), binder());
    let (first, second) = (one.address(), other.address());
    share(first, 1);
    share(second, 1);
    // The first of three is not there at all.
    let resolver = watching(&format!("{},{first},{second}", free_address()), first);
    assert_eq!(ports(&resolver), [1]);
    one.shutdown(GRACE).unwrap();
    share(second, 2);
    time_until(&resolver, &[1, 2]);
    // The other one is watched now.
    Metronome::start().check(MOMENT, |round| {
        let found = ports(&resolver);
        share(second, round + 3);
        time_until(&resolver, &[found, vec![round + 3]].concat())
    });
    drop(resolver);
    other.shutdown(GRACE).unwrap();
}

#[test]
fn what_only_another_binder_knows_is_found() {
    let (one, other) = (binder(), binder());
    share(one.address(), 1);
    let resolver = watching(&format!("{},{}", one.address(), other.address()), one.address());
    client(other.address()).register_procedure("only".into(), "127.0.0.1".into(), 7).unwrap();
    for _ in 0..3 {
        let list = resolver.resolve("only", Instant::now() + PATIENCE).unwrap();
        assert_eq!(list.iter().map(|weighted| weighted.endpoint.port()).collect::<Vec<_>>(), [7]);
    }
}

#[test]
fn a_call_that_waits_for_its_server_is_woken_when_that_registers() {
    let binder = binder();
    let resolver = Resolver::new(binder.address().to_string());
    assert!(resolver.resolve("sum", Instant::now() + PATIENCE).is_err());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let until = Instant::now() + PATIENCE;
            resolver.wait_for_change("sum", None, until);
            (Instant::now() < until, ports(&resolver))
        });
        let start = Instant::now();
        while client(binder.address()).stats().unwrap().watchers == 0 {
            assert!(start.elapsed() < PATIENCE, "it does not watch");
            thread::park_timeout(Duration::from_millis(1));
        }
        share(binder.address(), 1);
        assert_eq!(waiting.join().unwrap(), (true, vec![1]));
    });
}

#[test]
fn a_resolver_of_a_binder_that_never_answers_ends_at_once() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let resolver = Resolver::new(deaf.local_addr().unwrap().to_string());
    let why = resolver.resolve("sum", Instant::now() + MOMENT).unwrap_err();
    assert_eq!(why.code(), Code::Unavailable);
    resolver.wait_for_change("sum", None, Instant::now() + MOMENT);
    let start = Instant::now();
    drop(resolver);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_client_calls_servers_of_the_version_and_metadata_that_it_wants_and_no_others() {
    let binder = binder();
    let address = binder.address();
    let offer = |port: u16, version: Option<&str>, zone: &str| Offer {
        mode: Mode::Shared,
        version: version.map(str::to_owned),
        metadata: [("zone".to_owned(), zone.to_owned())].into(),
        ..Offer::new("sum", "127.0.0.1", port)
    };
    let server = |port: u8| {
        client(address).with_metadata(INSTANCE_KEY, [port; 16]).with_metadata(INCARNATION_KEY, [0; 8])
    };
    let options = ResolverOptions {
        version: Some(">=1.2".into()),
        metadata: [("zone".to_owned(), "a".to_owned())].into(),
        ..ResolverOptions::default()
    };
    let resolver = Resolver::with_options(address.to_string(), &options);
    for (port, version, zone) in [(1, Some("1.1.9"), "a"), (2, Some("1.4.0"), "b"), (3, None, "a")] {
        server(port).register(offer(port.into(), version, zone)).unwrap();
    }
    let why = resolver.resolve("sum", Instant::now() + PATIENCE).unwrap_err();
    assert_eq!(why.code(), Code::NotFound);
    assert!(why.message().contains("none of the 3 servers of sum has the version and metadata"), "{why}");
    server(4).register(offer(4, Some("1.2.0"), "a")).unwrap();
    time_until(&resolver, &[4]);
    // From now on it is told.
    server(5).register(offer(5, Some("2.0.0"), "a")).unwrap();
    time_until(&resolver, &[4, 5]);
    server(4).register(offer(4, Some("1.2.0"), "b")).unwrap();
    time_until(&resolver, &[5]);
    server(1).register(offer(1, Some("1.3.0"), "a")).unwrap();
    time_until(&resolver, &[1, 5]);
}

#[test]
fn a_requirement_that_is_none_fails_every_call_in_words() {
    let version = Some("new".to_owned());
    let options = ResolverOptions { version, ..ResolverOptions::default() };
    let resolver = Resolver::with_options("127.0.0.1:5000", &options);
    let why = resolver.resolve("sum", Instant::now() + PATIENCE).unwrap_err();
    assert_eq!(why.code(), Code::InvalidArgument);
    assert!(why.message().contains("is no requirement of versions such as 1.4"), "{why}");
}

#[test]
fn binders_that_are_none_are_told_in_words() {
    let resolver = Resolver::new("127.0.0.1:5000,nowhere");
    let why = resolver.resolve("sum", Instant::now() + PATIENCE).unwrap_err();
    assert!(why.message().contains("\"nowhere\" is no address of a binder: "), "{why}");
}

#[test]
fn a_host_name_that_leads_nowhere_fails_the_call_in_words_and_not_the_binder() {
    let binder = binder();
    let servers = client(binder.address());
    servers.register_procedure("whereabouts".into(), "nowhere.invalid".into(), 4000).unwrap();
    let resolver = Resolver::new(binder.address().to_string());
    let places = PlaceClient::new(Client::resolving(resolver)).with_deadline(Duration::from_secs(5));
    let why = places.whereabouts().unwrap_err();
    assert_eq!(why.code(), Code::Unavailable);
    assert!(why.message().contains("nowhere.invalid"), "{why}");
    servers.register_procedure("whereabouts".into(), "127.0.0.1".into(), 4000).unwrap();
    assert!(servers.lookup_procedure("whereabouts".into()).is_ok());
}
