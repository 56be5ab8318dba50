//! Threads that wait on one connection of a client: whoever leaves, the others go on being answered.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;
#[path = "strangers/lab.rs"]
mod lab;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use lab::{Lab as _, SOON, stand, stand_with};
use rpc_core::limits::{LINGER, SPIN_CEILING};
use rpc_core::{Client, Code, Limits};

const BRIEF: Duration = Duration::from_millis(50);

/// A wait that timed out left its thread in the list of those that may inherit the reading. When it did, nobody read, and
/// everyone else slept until his deadline.
#[test]
fn a_wait_that_timed_out_does_not_inherit_the_reading() {
    let stand = stand();
    let lab = &stand.lab;
    thread::scope(|scope| {
        let reader = scope.spawn(|| lab.wait());
        stand.entered.recv_timeout(SOON).unwrap();
        // While the reader reads, this one sleeps, and leaves without an answer.
        let mut left = lab.start().hold();
        assert!(left.wait_timeout(BRIEF).is_none());
        let sleeper = scope.spawn(|| lab.with_deadline(SOON).wait());
        stand.entered.recv_timeout(SOON).unwrap();
        thread::park_timeout(BRIEF);
        let begun = Instant::now();
        stand.gate.send(()).unwrap();
        reader.join().unwrap().unwrap();
        stand.gate.send(()).unwrap();
        sleeper.join().unwrap().unwrap();
        assert!(begun.elapsed() < SOON / 2, "answered only after {:?}", begun.elapsed());
    });
}

/// Places were looked at and not taken: all who waited for one took the same, and the server refused the others.
#[test]
fn one_free_place_is_taken_by_one_call() {
    const CALLERS: usize = 12;
    let stand = stand_with(Limits { calls_in_flight: 1, ..Limits::default() });
    stand.check_serves();
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| stand.lab.wait())).collect();
        for _ in 0..CALLERS {
            stand.entered.recv_timeout(SOON).unwrap();
            thread::park_timeout(BRIEF / 10);
            stand.gate.send(()).unwrap();
        }
        for caller in callers {
            assert_eq!(caller.join().unwrap(), Ok("through".to_owned()));
        }
    });
}

#[test]
fn a_place_that_a_deadline_frees_is_taken_while_others_are_still_awaited() {
    let stand = stand_with(Limits { calls_in_flight: 2, ..Limits::default() });
    stand.check_serves();
    let lab = &stand.lab;
    thread::scope(|scope| {
        let reader = scope.spawn(|| lab.wait());
        stand.entered.recv_timeout(SOON).unwrap();
        let given_up = scope.spawn(|| lab.with_deadline(2 * BRIEF).wait());
        stand.entered.recv_timeout(SOON).unwrap();
        let patient = lab.with_deadline(SOON).wait_for_ready();
        let begun = Instant::now();
        assert_eq!(patient.echo("x".to_owned()), Ok("x".to_owned()));
        assert!(begun.elapsed() < SOON / 2, "a place only after {:?}", begun.elapsed());
        assert_eq!(given_up.join().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
        stand.gate.send(()).unwrap();
        reader.join().unwrap().unwrap();
    });
}

/// Every wait here may end by its deadline at the moment when it inherits the reading.
#[test]
fn answers_reach_their_callers_while_others_give_up_all_the_time() {
    let stand = stand();
    let lab = &stand.lab;
    thread::scope(|scope| {
        for thread in 0..4u64 {
            scope.spawn(move || {
                for round in 0..100 {
                    let mut pending = lab.start().wait();
                    assert!(
                        pending.wait_timeout(Duration::from_micros(100 * (round % 7 + thread))).is_none()
                    );
                }
            });
        }
        for _ in 0..4 {
            scope.spawn(move || {
                let lab = lab.with_deadline(SOON / 2);
                for _ in 0..200 {
                    assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()));
                }
            });
        }
    });
}

#[test]
fn a_shutdown_without_end_and_a_wait_without_end_are_possible() {
    let stand = stand();
    let mut pending = stand.lab.start().echo("x".to_owned());
    assert_eq!(pending.wait_timeout(Duration::MAX), Some(Ok("x".to_owned())));
    stand.server.shutdown(Duration::MAX).unwrap();
}

/// The watcher once left before the calls did: nobody told a procedure during a shutdown that its caller had gone.
#[test]
fn who_gives_up_during_a_shutdown_is_heard() {
    let stand = stand();
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    let (server, lab) = (stand.server, stand.lab);
    thread::scope(|scope| {
        let closing = scope.spawn(move || server.shutdown(SOON));
        while lab.echo("x".to_owned()).is_ok() {
            thread::yield_now();
        }
        drop(pending);
        stand.cancelled.recv_timeout(SOON / 2).unwrap();
        closing.join().unwrap().unwrap();
    });
}

#[test]
fn a_deadline_during_a_shutdown_ends_its_call() {
    let stand = stand();
    let pending = stand.lab.with_deadline(2 * BRIEF).start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    let begun = Instant::now();
    stand.server.shutdown(SOON).unwrap();
    assert!(begun.elapsed() < SOON / 2, "shut down only after {:?}", begun.elapsed());
    stand.cancelled.recv_timeout(SOON).unwrap();
    assert_eq!(pending.wait().unwrap_err().code(), Code::DeadlineExceeded);
}

/// A client that waits for nothing does not read either: it once held every shutdown up for the whole linger time.
#[test]
fn idle_clients_do_not_hold_a_shutdown_up_and_know_of_it_afterwards() {
    // The quickest of a few tells whether anything is waited for that takes the linger time; others may be busy machines.
    let quickest = (0..4).map(|_| shut_down_beside_idle_clients()).min().unwrap();
    assert!(quickest < LINGER / 2, "shut down only after {quickest:?}");
}

fn shut_down_beside_idle_clients() -> Duration {
    let stand = stand();
    let address = stand.server.address().to_string();
    let clients: Vec<_> = (0..50).map(|_| lab::LabClient::new(Client::connect(&address))).collect();
    for client in &clients {
        assert_eq!(client.echo("x".to_owned()), Ok("x".to_owned()));
    }
    let begun = Instant::now();
    stand.server.shutdown(SOON).unwrap();
    let taken = begun.elapsed();
    for client in clients {
        let failure = client.echo("x".to_owned()).unwrap_err();
        assert_eq!((failure.code(), failure.may_have_run()), (Code::Unavailable, false));
    }
    taken
}

/// Calls that cross the goodbye come when the server has closed, or is about to: each is answered, or did not run.
#[test]
fn calls_that_cross_a_goodbye_are_answered_or_did_not_run() {
    for round in 0..20 {
        let stand = stand();
        let address = stand.server.address().to_string();
        let ready = Barrier::new(5);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let client = lab::LabClient::new(Client::connect(&address));
                    assert_eq!(client.echo("x".to_owned()), Ok("x".to_owned()));
                    ready.wait();
                    let failure = (0..).find_map(|_| client.echo("x".to_owned()).err()).unwrap();
                    assert!(!failure.may_have_run(), "round {round}: {failure:?}");
                });
            }
            ready.wait();
            stand.server.shutdown(SOON).unwrap();
        });
    }
}

#[test]
fn who_stays_awake_is_answered_and_leaves_at_his_deadline() {
    let awake = Limits { spin: SPIN_CEILING, ..Limits::default() };
    let stand = stand_with(awake.clone());
    let client = Client::connect(stand.server.address().to_string()).with_limits(awake);
    let lab = lab::LabClient::new(client);
    for round in 0..100 {
        let text = round.to_string();
        assert_eq!(lab.echo(text.clone()), Ok(text));
    }
    // Shorter than the time awake, and longer.
    for time in [SPIN_CEILING / 2, BRIEF] {
        let begun = Instant::now();
        assert_eq!(lab.with_deadline(time).wait().unwrap_err().code(), Code::DeadlineExceeded);
        assert!(begun.elapsed() >= time);
    }
    assert_eq!(lab.echo("still".to_owned()), Ok("still".to_owned()));
}
