//! Servers that fail while others live.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::{Choice, Code};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

use crate::fleet::{Fleet, FleetClient, Harbour, SOON, client};
use crate::relay::Relay;
use crate::waits::eventually;

const EVERY: [Choice; 4] = [Choice::PickFirst, Choice::RoundRobin, Choice::Weighted, Choice::LeastBusy];

/// Makes calls from several threads while `strike` happens in their middle; the failures.
fn under_load(fleet: &FleetClient, strike: impl FnOnce()) -> Vec<rpc_core::Status> {
    let (over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let calls = || {
        let mut failures = Vec::new();
        while !over.load(Ordering::SeqCst) {
            failures.extend(fleet.name().err());
            failures.extend(fleet.read().err());
            made.fetch_add(1, Ordering::SeqCst);
        }
        failures
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..6).map(|_| scope.spawn(calls)).collect();
        eventually(&true, || made.load(Ordering::SeqCst) > 200);
        strike();
        let after = made.load(Ordering::SeqCst) + 600;
        eventually(&true, || made.load(Ordering::SeqCst) > after);
        over.store(true, Ordering::SeqCst);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn a_planned_stop_of_one_of_three_fails_no_call() {
    for choice in EVERY {
        let mut harbour = Harbour::quick(3);
        let fleet = harbour.client(choice);
        let failures = under_load(&fleet, || harbour.stop(0));
        assert!(failures.is_empty(), "{choice:?}: {failures:?}");
    }
}

#[test]
fn one_of_three_that_vanishes_fails_only_calls_that_may_have_run() {
    for choice in EVERY {
        let harbour = Harbour::quick(3);
        let mut relay = Relay::before(harbour.addresses()[0]);
        let others = harbour.addresses();
        let fleet = client(&[relay.address, others[1], others[2]], choice);
        let failures = under_load(&fleet, || relay.vanish());
        // Six callers have at most one call each in flight on one connection.
        assert!(failures.len() <= 6, "{choice:?}: {failures:?}");
        for failure in failures {
            assert!(failure.code() == Code::Unavailable && failure.may_have_run(), "{choice:?}: {failure:?}");
        }
    }
}

#[test]
fn a_lost_idempotent_call_is_answered_by_another_server() {
    let harbour = Harbour::quick(2);
    let mut relay = Relay::before(harbour.addresses()[0]);
    let fleet = client(&[relay.address, harbour.addresses()[1]], Choice::PickFirst);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        relay.vanish();
        harbour.ships[1].entered.recv_timeout(SOON).unwrap();
        harbour.ships[1].gate.send(()).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(1));
    });
}

#[test]
fn a_server_that_comes_back_is_used_again() {
    let mut harbour = Harbour::quick(2);
    let (addresses, fleet) = (harbour.addresses(), harbour.client(Choice::RoundRobin));
    harbour.warm_up(&fleet);
    harbour.stop(0);
    (0..20).for_each(|_| assert_eq!(fleet.name(), Ok(1)));
    harbour.servers[0] = Some(harbour.ships[0].open(addresses[0]));
    eventually(&0, || fleet.name().unwrap());
    let turns: Vec<_> = (0..4).map(|_| fleet.name().unwrap()).collect();
    assert!(turns == [1, 0, 1, 0], "{turns:?}");
}

/// The port refuses; gRPC's users met a balancer that sent calls there all the same (grpc-rust issue 643).
#[test]
fn a_server_that_refuses_connections_fails_no_call() {
    for choice in EVERY {
        let mut harbour = Harbour::quick(2);
        let addresses = harbour.addresses();
        harbour.stop(0);
        let fleet = client(&addresses, choice);
        (0..100).for_each(|_| assert_eq!(fleet.name(), Ok(1), "{choice:?}"));
    }
}

/// A listener that takes no connection and refuses none: what a machine without power looks like.
fn black_hole() -> (SocketAddr, impl Sized) {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
    let crowd: Vec<_> = std::iter::from_fn(|| connect().ok()).collect();
    (address, (listener, crowd))
}

#[test]
fn a_server_that_answers_no_connection_takes_half_of_one_calls_time() {
    for choice in EVERY {
        let harbour = Harbour::quick(1);
        let (hole, _held) = black_hole();
        let fleet = client(&[hole, harbour.addresses()[0]], choice).with_deadline(Duration::from_millis(600));
        let begun = Instant::now();
        (0..100).for_each(|_| assert_eq!(fleet.name(), Ok(0), "{choice:?}"));
        assert!(begun.elapsed() < Duration::from_secs(2), "{choice:?}: {:?}", begun.elapsed());
    }
}

/// As gRPC's backoff case, the beginning of it: a server that accepts and closes is tried after 1 s, 1.6 s, 2.6 s.
#[test]
fn a_server_that_accepts_and_closes_is_tried_on_the_curve() {
    let harbour = Harbour::quick(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let fleet = client(&[listener.local_addr().unwrap(), harbour.addresses()[0]], Choice::RoundRobin);
    let (over, tried) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok((mut stream, _)) = listener.accept() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                tried.fetch_add(1, Ordering::SeqCst);
                drop(stream.read(&mut [0; 24]));
            }
        });
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            assert!(fleet.read().is_ok_and(|name| name == 0));
        }
        over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(listener.local_addr().unwrap()));
    });
    // At 0, 0.8 to 1.2 s, 2.1 to 3.1 s, and not before 4.1 s.
    let tried = tried.load(Ordering::SeqCst);
    assert!((2..=4).contains(&tried), "tried {tried} times");
}

#[test]
fn with_every_server_down_calls_fail_at_once_and_go_on_when_one_is_back() {
    let mut harbour = Harbour::quick(2);
    let (addresses, fleet) = (harbour.addresses(), harbour.client(Choice::LeastBusy));
    assert!(fleet.name().is_ok());
    harbour.stop(0);
    harbour.stop(1);
    let begun = Instant::now();
    for _ in 0..20 {
        let failure = fleet.name().unwrap_err();
        assert!(failure.code() == Code::Unavailable && !failure.may_have_run(), "{failure:?}");
    }
    assert!(begun.elapsed() < SOON / 2);
    harbour.servers[1] = Some(harbour.ships[1].open(addresses[1]));
    // Both are set aside: the one whose time is nearest is tried, then the other.
    assert_eq!(fleet.name(), Ok(1));
}

/// Many threads find out at the same time, and each goes elsewhere by itself.
#[test]
fn calls_that_meet_a_dead_server_together_all_find_the_living_one() {
    let mut harbour = Harbour::quick(2);
    let addresses = harbour.addresses();
    harbour.stop(0);
    let (fleet, together) = (Arc::new(client(&addresses, Choice::RoundRobin)), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                together.wait();
                assert_eq!(fleet.name(), Ok(1));
            });
        }
    });
}
