//! Watchers over real sockets: many, slow ones, and those whose binder was restarted.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use binder::{Binder, BinderClient, BinderOptions, BinderServer, Change, Notice, Offer, Scope};
use rpc_core::{Client, Code, Stream};

const GRACE: Duration = Duration::from_secs(5);
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

fn client(binder: SocketAddr) -> BinderClient {
    BinderClient::new(Client::connect(binder.to_string()).with_deadline(PATIENCE))
}

fn register(binder: &BinderClient, name: &str, port: u16) {
    binder.register(Offer::new(name, "127.0.0.1", port)).unwrap();
}

fn all() -> Scope {
    Scope::Prefix(String::new())
}

/// The ports that the next notice tells of.
fn ports(stream: &mut Stream<Notice>) -> Vec<u16> {
    let port = |change| match change {
        Change::Added(entry) | Change::Changed(entry) => Some(entry.port),
        _ => None,
    };
    stream.next().unwrap().unwrap().changes.into_iter().filter_map(port).collect()
}

#[test]
fn a_thousand_watchers_see_a_change_at_once() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    // A few connections carry them all, so that the test needs no thousand threads.
    let clients: Vec<_> = (0..10).map(|_| client(binder.address())).collect();
    let watch = |number: usize| {
        let scope = if number.is_multiple_of(2) { Scope::Name("chat".into()) } else { all() };
        clients[number % clients.len()].watch(scope, None).unwrap()
    };
    let mut streams: Vec<_> = (0..1_000).map(watch).collect();
    streams.iter_mut().for_each(|stream| assert!(ports(stream).is_empty()));
    assert_eq!(clients[0].stats().unwrap().watchers, 1_000);
    let start = Instant::now();
    register(&clients[0], "chat", 4000);
    streams.iter_mut().for_each(|stream| assert_eq!(ports(stream), [4000]));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(streams);
    binder.shutdown(GRACE).unwrap();
}

#[test]
fn a_watcher_that_never_reads_costs_only_itself() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let servers = client(binder.address());
    for number in 0..500 {
        register(&servers, &format!("many/{number}"), 1);
    }
    // It takes neither what there is nor what changes.
    let silent = client(binder.address()).watch(all(), None).unwrap();
    let mut reading = client(binder.address()).watch(Scope::Name("chat".into()), None).unwrap();
    assert!(ports(&mut reading).is_empty());
    for port in 1..=2_000u16 {
        let start = Instant::now();
        register(&servers, "chat", port);
        assert_eq!(ports(&mut reading), [port]);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    // It is told everything, or that it must begin anew; in both cases it is not waited for at the end.
    let start = Instant::now();
    binder.shutdown(GRACE).unwrap();
    assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
    let last = silent.last().unwrap();
    assert!(matches!(last, Err(why) if [Code::Unavailable, Code::ResourceExhausted].contains(&why.code())));
}

#[test]
fn a_binder_that_stops_tells_its_watchers_and_after_a_restart_they_get_everything_again() {
    let address = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let binder = BinderServer::start(address).unwrap();
    register(&client(address), "chat", 4000);
    let mut stream = client(address).watch(all(), None).unwrap();
    let seen = stream.next().unwrap().unwrap().revision;
    let start = Instant::now();
    binder.shutdown(GRACE).unwrap();
    assert_eq!(stream.next().unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(start.elapsed() < GRACE);
    let binder = BinderServer::start(address).unwrap();
    register(&client(address), "other", 4001);
    let first = client(address).watch(all(), seen).unwrap().next().unwrap().unwrap();
    let [Change::Reset { binder_age_ms, lease_ms: 15_000 }, Change::Added(entry)] = first.changes.as_slice()
    else {
        panic!("{first:?}")
    };
    assert_eq!(entry.name, "other");
    assert!(Duration::from_millis(*binder_age_ms) < PATIENCE);
    binder.shutdown(GRACE).unwrap();
}

#[test]
fn a_watcher_that_was_away_gets_what_it_missed_or_everything_when_that_was_too_much() {
    let binder = BinderServer::start_with("127.0.0.1:0", BinderOptions::default()).unwrap();
    let client = client(binder.address());
    register(&client, "chat", 1);
    let seen = client.watch(all(), None).unwrap().next().unwrap().unwrap().revision;
    register(&client, "chat", 2);
    assert_eq!(ports(&mut client.watch(all(), seen).unwrap()), [2]);
    // Each registration at another place takes the name from the one before: two changes.
    for number in 0..=8_192u16 {
        register(&client, "chat", number + 3);
    }
    let first = client.watch(all(), seen).unwrap().next().unwrap().unwrap();
    assert!(
        matches!(first.changes.as_slice(), [Change::Reset { .. }, Change::Added(entry)] if entry.port == 8_195)
    );
    binder.shutdown(GRACE).unwrap();
}
