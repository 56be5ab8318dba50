//! Calls that are sent twice against the tail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::{Choice, Client, Code, Endpoint, Endpoints, Resolve, Status, threads};

use crate::fleet::{Board, Fleet, FleetClient, Harbour, SOON, client};
use crate::relay::Relay;
use crate::waits::eventually;

const AFTER: Duration = Duration::from_millis(30);

fn hedging(harbour: &Harbour, choice: Choice) -> FleetClient {
    let addresses = harbour.addresses();
    let client = Client::connect_any(addresses.iter().map(ToString::to_string)).with_choice(choice);
    FleetClient::new(client.with_hedging(AFTER)).with_deadline(SOON)
}

#[test]
fn a_late_call_is_sent_to_another_server_and_the_first_answer_wins() {
    let harbour = Harbour::quick(2);
    let fleet = hedging(&harbour, Choice::PickFirst);
    thread::scope(|scope| {
        let call = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        harbour.ships[1].entered.recv_timeout(SOON).unwrap();
        harbour.ships[1].gate.send(()).unwrap();
        assert_eq!(call.join().unwrap(), Ok(1));
    });
    // The loser is told: its procedure sees that nobody waits.
    eventually(&1, || harbour.ships[0].cancelled.load(Ordering::SeqCst));
    assert_eq!(harbour.ships[1].cancelled.load(Ordering::SeqCst), 0);
}

#[test]
fn the_first_call_may_win_after_it_was_hedged_and_the_hedge_is_cancelled() {
    let harbour = Harbour::quick(2);
    let fleet = hedging(&harbour, Choice::PickFirst);
    thread::scope(|scope| {
        let call = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        harbour.ships[1].entered.recv_timeout(SOON).unwrap();
        harbour.ships[0].gate.send(()).unwrap();
        assert_eq!(call.join().unwrap(), Ok(0));
    });
    eventually(&1, || harbour.ships[1].cancelled.load(Ordering::SeqCst));
}

#[test]
fn a_call_that_is_answered_in_time_is_sent_once() {
    let harbour = Harbour::quick(2);
    let addresses = harbour.addresses().into_iter().map(|address| address.to_string());
    let fleet = FleetClient::new(Client::connect_any(addresses).with_hedging(SOON / 2));
    (0..200).for_each(|_| assert!(fleet.read().is_ok()));
    assert_eq!(harbour.served().iter().sum::<usize>(), 200);
}

/// The name says that it may not run twice, and it is slow enough.
#[test]
fn a_procedure_that_is_not_idempotent_is_never_hedged() {
    let harbour = Harbour::of(&[AFTER * 4, AFTER * 4]);
    let fleet = hedging(&harbour, Choice::PickFirst);
    assert_eq!(fleet.name(), Ok(0));
    assert_eq!(harbour.served(), [1, 0]);
}

#[test]
fn of_one_server_the_same_is_asked_twice() {
    let harbour = Harbour::quick(1);
    let fleet = hedging(&harbour, Choice::LeastBusy);
    thread::scope(|scope| {
        let call = scope.spawn(|| fleet.wait());
        (0..2).for_each(|_| harbour.ships[0].entered.recv_timeout(SOON).unwrap());
        harbour.ships[0].gate.send(()).unwrap();
        assert_eq!(call.join().unwrap(), Ok(0));
    });
    eventually(&1, || harbour.ships[0].cancelled.load(Ordering::SeqCst));
}

#[test]
fn a_hedge_goes_on_when_the_first_call_is_lost() {
    let harbour = Harbour::quick(2);
    let mut relay = Relay::before(harbour.addresses()[0]);
    let addresses = [relay.address, harbour.addresses()[1]].map(|address| address.to_string());
    let client = Client::connect_any(addresses).with_choice(Choice::PickFirst).with_hedging(AFTER);
    let fleet = FleetClient::new(client).with_deadline(SOON);
    thread::scope(|scope| {
        let call = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        harbour.ships[1].entered.recv_timeout(SOON).unwrap();
        relay.vanish();
        harbour.ships[1].gate.send(()).unwrap();
        assert_eq!(call.join().unwrap(), Ok(1));
    });
}

/// A board that knows nothing more once it was asked.
struct Forgetful(Board, AtomicUsize);

impl Resolve for Forgetful {
    fn resolve(&self, procedure: &str, deadline: Instant) -> Result<Endpoints, Status> {
        match self.1.fetch_add(1, Ordering::SeqCst) {
            0 => self.0.resolve(procedure, deadline),
            _ => Err(Status::internal("the board has fallen down").not_run()),
        }
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, _why: &Status) {}
}

/// What the resolver said to the hedge once ended the call, though its first attempt was well.
#[test]
fn a_hedge_that_finds_no_server_leaves_the_first_call_alone() {
    let harbour = Harbour::quick(1);
    let board = Arc::new(Forgetful(Board::default(), AtomicUsize::new(0)));
    board.0.write(&harbour.addresses());
    let client = Client::resolving(board.clone()).with_hedging(AFTER);
    let fleet = FleetClient::new(client).with_deadline(SOON);
    thread::scope(|scope| {
        let call = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        eventually(&2, || board.1.load(Ordering::SeqCst));
        thread::park_timeout(AFTER);
        harbour.ships[0].gate.send(()).unwrap();
        assert_eq!(call.join().unwrap(), Ok(0));
    });
}

/// The last to fail once spoke for both: a hedge that reached nobody said that the call did not run.
#[test]
fn a_hedged_call_that_one_server_has_read_may_have_run() {
    let harbour = Harbour::quick(1);
    let mut relay = Relay::before(harbour.addresses()[0]);
    let board = Arc::new(Forgetful(Board::default(), AtomicUsize::new(0)));
    board.0.write(&[relay.address]);
    let client = Client::resolving(board.clone()).with_hedging(AFTER);
    let fleet = FleetClient::new(client).with_deadline(SOON);
    thread::scope(|scope| {
        let call = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        eventually(&2, || board.1.load(Ordering::SeqCst));
        relay.vanish();
        let failure = call.join().unwrap().unwrap_err();
        assert!(failure.may_have_run(), "{failure:?}");
    });
}

/// Ten tokens, one a hedge, and none at half of them or less: the budget is that of retries.
#[test]
fn hedges_end_with_the_budget() {
    let harbour = Harbour::quick(2);
    let fleet = hedging(&harbour, Choice::PickFirst).with_deadline(AFTER * 5);
    for _ in 0..12 {
        assert_eq!(fleet.wait().unwrap_err().code(), Code::DeadlineExceeded);
    }
    // On a busy machine a hedge may come too late to be run.
    let hedged = harbour.ships[1].entered.try_iter().count();
    assert!((1..=5).contains(&hedged), "{hedged} hedges");
}

#[test]
fn a_hedged_call_ends_at_its_deadline_and_both_servers_are_told() {
    let harbour = Harbour::quick(2);
    let fleet = hedging(&harbour, Choice::PickFirst).with_deadline(AFTER * 4);
    let begun = Instant::now();
    let late = fleet.wait().unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < SOON / 2);
    eventually(&true, || harbour.ships.iter().all(|ship| ship.cancelled.load(Ordering::SeqCst) == 1));
}

/// Many threads hedge at once against a server that answers nothing, and each gets its answer.
#[test]
fn calls_from_many_threads_pass_a_server_that_hangs() {
    let harbour = Harbour::quick(2);
    let fleet = client(&harbour.addresses(), Choice::RoundRobin);
    harbour.warm_up(&fleet);
    let fleet = hedging(&harbour, Choice::PickFirst);
    harbour.ships.iter().skip(1).for_each(|ship| (0..4).for_each(|_| ship.gate.send(()).unwrap()));
    thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| fleet.wait())).collect();
        for call in calls {
            assert_eq!(call.join().unwrap(), Ok(1));
        }
    });
    eventually(&4, || harbour.ships[0].cancelled.load(Ordering::SeqCst));
}

#[test]
fn a_client_that_hedged_is_dropped_at_once() {
    let harbour = Harbour::quick(2);
    let fleet = hedging(&harbour, Choice::PickFirst).with_deadline(AFTER * 2);
    assert!(fleet.wait().is_err());
    let begun = Instant::now();
    // On a thread of its own, as a program might.
    threads::spawn("dropper", move || drop(fleet)).unwrap().join();
    assert!(begun.elapsed() < SOON / 5, "{:?}", begun.elapsed());
}
