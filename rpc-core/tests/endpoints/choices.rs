//! The four ways to choose, over real sockets.

use std::thread;
use std::time::Duration;

use rpc_core::Choice;

use crate::fleet::{Fleet, Harbour};

/// gRPC's interoperability case: all calls reach one server although several are known.
#[test]
fn pick_first_unary() {
    let harbour = Harbour::quick(3);
    let fleet = harbour.client(Choice::PickFirst);
    for _ in 0..100 {
        assert_eq!(fleet.name(), Ok(0));
    }
    let connections = |server: &rpc_core::Server| server.connections();
    assert_eq!(harbour.servers.iter().flatten().map(connections).collect::<Vec<_>>(), [1, 0, 0]);
}

#[test]
fn the_next_takes_over_when_the_first_is_gone_and_keeps_it() {
    let mut harbour = Harbour::quick(3);
    let address = harbour.addresses()[0];
    let fleet = harbour.client(Choice::PickFirst);
    assert_eq!(fleet.name(), Ok(0));
    harbour.stop(0);
    assert_eq!(fleet.name(), Ok(1));
    harbour.servers[0] = Some(harbour.ships[0].open(address));
    (0..50).for_each(|_| assert_eq!(fleet.name(), Ok(1)));
}

#[test]
fn calls_go_round_evenly() {
    let harbour = Harbour::quick(3);
    let fleet = harbour.client(Choice::RoundRobin);
    harbour.warm_up(&fleet);
    (0..300).for_each(|_| assert!(fleet.read().is_ok()));
    assert_eq!(harbour.served(), [100, 100, 100]);
}

#[test]
fn calls_follow_the_weights() {
    let harbour = Harbour::quick(3);
    let fleet = harbour.weighted(&[6, 3, 1], Choice::Weighted);
    harbour.warm_up(&fleet);
    (0..1000).for_each(|_| assert!(fleet.read().is_ok()));
    for (served, share) in harbour.served().into_iter().zip([600_usize, 300, 100]) {
        assert!(served.abs_diff(share) <= 2, "{:?}", harbour.served());
    }
}

#[test]
fn calls_one_after_the_other_follow_the_weights_by_chance() {
    let harbour = Harbour::quick(2);
    let fleet = harbour.weighted(&[3, 1], Choice::LeastBusy);
    harbour.warm_up(&fleet);
    (0..2000).for_each(|_| assert!(fleet.read().is_ok()));
    // Six standard deviations.
    assert!(harbour.served()[0].abs_diff(1500) < 120, "{:?}", harbour.served());
}

/// A fair third of the calls would be 200.
#[test]
fn the_slow_one_of_three_gets_few_calls() {
    let harbour =
        Harbour::of(&[Duration::from_millis(1), Duration::from_millis(100), Duration::from_millis(1)]);
    let fleet = harbour.client(Choice::LeastBusy);
    harbour.warm_up(&fleet);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..100).for_each(|_| assert!(fleet.name().is_ok())));
        }
    });
    let served = harbour.served();
    assert_eq!(served.iter().sum::<usize>(), 600);
    assert!(served[1] < 60, "{served:?}");
}

#[test]
fn calls_under_way_are_what_makes_a_server_busy() {
    let harbour = Harbour::quick(2);
    let fleet = harbour.client(Choice::LeastBusy);
    harbour.warm_up(&fleet);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| fleet.wait());
        let entered: Vec<_> = harbour.ships.iter().map(|ship| ship.entered.clone()).collect();
        let busy = crossbeam_channel::select! {
            recv(entered[0]) -> _ => 0,
            recv(entered[1]) -> _ => 1,
        };
        (0..50).for_each(|_| assert_eq!(fleet.name(), Ok(1 - busy)));
        harbour.ships[busy].gate.send(()).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(busy));
    });
}
