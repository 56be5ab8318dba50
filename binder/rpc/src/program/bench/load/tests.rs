use crossbeam_channel::{Sender, unbounded};
use rpc_core::{Server, Status};

use super::*;

fn schedule(pace: Pace, most: u64) -> Schedule {
    let begun = Instant::now();
    let stopped = crossbeam_channel::never();
    Schedule { begun, ends: begun + Duration::from_secs(10), pace, most, next: AtomicU64::new(0), stopped }
}

#[test]
fn calls_are_due_at_fixed_times_however_late_they_are_made() {
    let rate = NonZero::new(1000).unwrap();
    let schedule = schedule(Pace::PerSecond(rate), 3);
    let due: Vec<Duration> =
        std::iter::from_fn(|| schedule.next()).map(|due| due.duration_since(schedule.begun)).collect();
    assert_eq!(due, [0, 1, 2].map(Duration::from_millis));
}

/// A server slower than the rate was called until all that had come due was done, ten times the duration if need be.
#[test]
fn a_call_that_was_due_is_not_made_behind_the_end() {
    let begun = Instant::now() - Duration::from_secs(20);
    let rate = NonZero::new(1000).unwrap();
    let late = Schedule {
        begun,
        ends: begun + Duration::from_secs(10),
        ..schedule(Pace::PerSecond(rate), u64::MAX)
    };
    assert!(late.next().is_none());
}

#[test]
fn who_waits_for_a_call_to_be_due_is_woken_by_the_end() {
    let (life, canceller) = Context::cancellable();
    let slow = Schedule { stopped: life.cancelled(), ..schedule(Pace::PerSecond(NonZero::<u32>::MIN), 9) };
    assert!(slow.next().is_some() && !slow.is_stopped());
    drop(canceller);
    assert!(slow.next().is_none() && slow.is_stopped());
    assert!(slow.begun.elapsed() < Duration::from_millis(900));
}

#[rpc_core::service]
trait Mill {
    fn grind(&self) -> Result<(), Status>;
}

/// Tells that it has begun, and has never done.
struct Stuck(Sender<()>);

impl Mill for Stuck {
    fn grind(&self) -> Result<(), Status> {
        self.0.send(()).map_err(|_| Status::internal("nobody listens"))?;
        Context::current()
            .cancelled()
            .recv()
            .map(|never| match never {})
            .map_err(|_| Status::cancelled("nobody waits"))
    }
}

/// Story: whoever pressed Ctrl-C was told that the server is slower than the rate, for the calls that he had cut off.
#[test]
fn calls_that_the_end_cuts_off_are_not_blamed_on_the_server() {
    let (begun, runs) = unbounded();
    let mill = MillService::new(Arc::new(Stuck(begun)));
    let server = Server::builder().service(mill).serve_in_memory().unwrap();
    let (life, canceller) = Context::cancellable();
    let load = Load {
        life,
        client: Client::over(&server),
        procedure: "grind".to_owned(),
        arguments: String::new(),
        connections: 1,
        in_flight: 2,
        pace: Pace::PerSecond(NonZero::<u32>::MIN),
        duration: Duration::from_secs(3600),
        calls: None,
    };
    let stopping = threads::spawn("stopping", move || {
        runs.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(canceller);
    });
    let measured = load.run().unwrap();
    stopping.unwrap().join();
    assert_eq!((measured.calls(), measured.never_made), (0, 0));
}

#[test]
fn no_call_is_due_behind_the_last_one_or_behind_the_end() {
    assert_eq!(std::iter::from_fn(|| schedule(Pace::AsAnswered, 0).next()).count(), 0);
    let over = Schedule { ends: Instant::now(), ..schedule(Pace::AsAnswered, u64::MAX) };
    assert!(over.next().is_none());
}
