//! Servers that say when to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rpc_core::service::{Arguments, Procedure, Reply};
use rpc_core::{Client, Code, Server, Service, Status};

use crate::fleet::{Fleet, FleetClient, FleetService, SOON, Ship};

const LATER: Duration = Duration::from_millis(200);

/// Refuses so many calls before it serves.
struct Busy {
    /// Whether it says when to come back.
    later: Option<Duration>,
    inner: FleetService<Ship>,
    refusals: AtomicUsize,
    asked: AtomicUsize,
}

impl Service for Busy {
    fn procedures(&self) -> &'static [Procedure] {
        self.inner.procedures()
    }

    fn call(&self, number: usize, arguments: Arguments<'_>, reply: &mut Reply<'_>) -> Result<(), Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let less = |left: usize| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            let refusal = Status::resource_exhausted("not so fast").not_run();
            return Err(match self.later {
                Some(later) => refusal.with_retry_after(later),
                None => refusal,
            });
        }
        self.inner.call(number, arguments, reply)
    }
}

fn busy(refusals: usize) -> (Server, Arc<Busy>, FleetClient) {
    busy_until(refusals, Some(LATER))
}

fn busy_until(refusals: usize, later: Option<Duration>) -> (Server, Arc<Busy>, FleetClient) {
    let inner = FleetService::new(Ship::new(0, Duration::ZERO));
    let busy =
        Arc::new(Busy { later, inner, refusals: AtomicUsize::new(refusals), asked: AtomicUsize::new(0) });
    let server = Server::builder().service(Shared(busy.clone())).bind("127.0.0.1:0").unwrap();
    let fleet = FleetClient::new(Client::connect(server.address().to_string()));
    (server, busy, fleet)
}

struct Shared(Arc<Busy>);

impl Service for Shared {
    fn procedures(&self) -> &'static [Procedure] {
        self.0.procedures()
    }

    fn call(&self, number: usize, arguments: Arguments<'_>, reply: &mut Reply<'_>) -> Result<(), Status> {
        self.0.call(number, arguments, reply)
    }
}

#[test]
fn a_call_comes_back_when_it_was_told_to() {
    let (_server, busy, fleet) = busy(1);
    let begun = Instant::now();
    assert_eq!(fleet.name(), Ok(0));
    assert!(begun.elapsed() >= LATER);
    assert_eq!(busy.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_call_without_the_time_to_come_back_fails_at_once_and_says_why() {
    let (_server, busy, fleet) = busy_until(1, Some(SOON));
    let begun = Instant::now();
    let refused = fleet.with_deadline(SOON / 2).name().unwrap_err();
    assert_eq!((refused.code(), refused.retry_after()), (Code::ResourceExhausted, Some(SOON)));
    assert!(begun.elapsed() < SOON / 4, "{:?}", begun.elapsed());
    assert_eq!(busy.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_server_that_goes_on_refusing_is_asked_five_times_at_most() {
    let (_server, busy, fleet) = busy(usize::MAX);
    assert_eq!(fleet.name().unwrap_err().code(), Code::ResourceExhausted);
    assert!(busy.asked.load(Ordering::SeqCst) <= 5);
}

/// It waits for its server whatever that says, as long as the call did not run: 20 ms, then 1.6 times as long each time.
#[test]
fn a_call_that_waits_for_a_busy_server_asks_with_growing_pauses_until_its_deadline() {
    let (_server, busy, fleet) = busy_until(usize::MAX, None);
    let begun = Instant::now();
    let refused = fleet.wait_for_ready().with_deadline(Duration::from_secs(1)).name().unwrap_err();
    let asked = busy.asked.load(Ordering::SeqCst);
    assert!(!refused.may_have_run() && begun.elapsed() < SOON / 2, "{refused:?}");
    // The shortest pauses, half of each, are 1.1 s together after eight of them.
    assert!((3..=9).contains(&asked), "asked {asked} times");
    let (_server, busy, fleet) = busy_until(6, None);
    assert_eq!(fleet.wait_for_ready().with_deadline(SOON).name(), Ok(0));
    assert_eq!(busy.asked.load(Ordering::SeqCst), 7);
}

/// Retry throttling: ten tokens, and no repetition while five or less are left.
#[test]
fn refused_calls_of_all_clones_use_up_one_budget() {
    let (_server, busy, fleet) = busy(usize::MAX);
    for _ in 0..6 {
        assert!(fleet.with_deadline(Duration::from_secs(5)).name().is_err());
    }
    // Five tokens are spent by five attempts; after that each call is one.
    let asked = busy.asked.load(Ordering::SeqCst);
    assert!(asked <= 5 + 6, "{asked}");
}
