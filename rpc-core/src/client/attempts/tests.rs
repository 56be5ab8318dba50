//! Which failures are worth another attempt, and when it comes.

use super::*;
use crate::limits::{Limits, RETRY_TOKENS};
use crate::resolve::Endpoint;
use crate::service::Kind;

static ONCE: Procedure = Procedure::new("once", Kind::Unary);
static IDEMPOTENT: Procedure = Procedure::new("idempotent", Kind::Unary).idempotent();

const SECOND: Duration = Duration::from_secs(1);

fn core() -> Core {
    Core::new(Arc::new(list(1)), None.into(), Limits::default())
}

fn list(length: u16) -> Endpoints {
    (0..length).map(|port| Endpoint::new("127.0.0.1", port)).collect()
}

fn attempts<'a>(core: &'a Core, procedure: &'static Procedure, readiness: Readiness) -> Attempts<'a> {
    let made = Instant::now();
    let span = Span { made, ends: made + 60 * SECOND };
    let mut attempts = Attempts::new(core, procedure, readiness, span);
    attempts.trail.see(&list(1));
    attempts.trail.fail_at(&link(1));
    attempts.trail.give();
    attempts
}

fn link(host: usize) -> Arc<Link> {
    let endpoint = Endpoint::new(format!("10.0.0.{host}"), 4000);
    Arc::new(Link::new(endpoint, None.into(), Limits::default()))
}

fn lost() -> Status {
    Status::unavailable("lost")
}

#[test]
fn pauses_grow_and_stay_under_their_ceiling() {
    for attempt in 1..100 {
        let pause = pause(attempt);
        assert!(pause >= BACKOFF_FLOOR / 2 && pause <= BACKOFF_CEILING, "{attempt}: {pause:?}");
    }
    assert!(pause(30) >= BACKOFF_CEILING / 2);
}

#[test]
fn only_what_did_not_run_or_may_run_twice_is_tried_again() {
    for readiness in [Readiness::Expected, Readiness::Awaited] {
        let core = core();
        assert_eq!(attempts(&core, &ONCE, readiness).after(&lost()), None);
        assert_eq!(attempts(&core, &IDEMPOTENT, readiness).after(&lost()), Some(Next::Now));
        let late = Status::deadline_exceeded("late");
        assert_eq!(attempts(&core, &IDEMPOTENT, readiness).after(&late), None);
        let wrong = Status::invalid_argument("wrong").not_run();
        assert_eq!(attempts(&core, &IDEMPOTENT, readiness).after(&wrong), None);
        assert_eq!(attempts(&core, &ONCE, readiness).after(&lost().not_run()), Some(Next::Now));
    }
}

#[test]
fn a_call_that_does_not_wait_tries_each_endpoint_once_and_one_endpoint_twice() {
    let core = core();
    let mut single = attempts(&core, &ONCE, Readiness::Expected);
    let made = std::iter::from_fn(|| single.after(&lost().not_run())).count();
    assert_eq!(made, 1);
    let mut many = attempts(&core, &ONCE, Readiness::Expected);
    many.trail.see(&list(9).with_revision(Revision(1)));
    let made = std::iter::from_fn(|| {
        many.trail.fail_at(&link(many.made));
        many.after(&lost().not_run())
    });
    assert_eq!(made.count(), 8);
}

/// Its only server was once asked a second time for a procedure that it did not have.
#[test]
fn a_server_without_the_procedure_is_asked_again_only_if_the_list_has_changed() {
    let lacking = Status::unimplemented("no such procedure").not_run();
    for (seen, next) in [(list(1), None), (list(1).with_revision(Revision(7)), Some(Next::Now))] {
        let core = core();
        let mut call = attempts(&core, &ONCE, Readiness::Awaited);
        call.trail.see(&seen);
        call.trail.fail_at(&link(1));
        assert_eq!(call.after(&lacking), next);
    }
}

#[test]
fn a_call_that_waits_for_its_server_goes_on_until_its_deadline() {
    let core = core();
    let mut patient = attempts(&core, &ONCE, Readiness::Awaited);
    assert_eq!(patient.after(&lost().not_run()), Some(Next::Now));
    for _ in 0..20 {
        assert!(matches!(patient.after(&lost().not_run()), Some(Next::AfterChange(_))));
    }
    patient.span.ends = Instant::now();
    assert_eq!(patient.after(&lost().not_run()), None);
}

#[test]
fn a_call_is_given_to_servers_five_times_at_most() {
    let mut most = 0;
    for _ in 0..20 {
        let core = core();
        // Plenty of answered calls, so that the budget is no reason.
        let mut lossy = attempts(&core, &IDEMPOTENT, Readiness::Awaited);
        let again = std::iter::from_fn(|| {
            (0..100).for_each(|_| core.budget.earn());
            lossy.after(&lost()).inspect(|_| lossy.trail.give())
        });
        most = most.max(1 + again.count());
    }
    assert_eq!(most, 5);
}

/// The last attempt may be refused without having run; one before it may have run all the same.
#[test]
fn the_last_word_of_a_call_is_that_of_all_its_attempts() {
    let core = core();
    let make = |failures: &[Status]| {
        let mut failures = failures.iter().cloned();
        attempts(&core, &IDEMPOTENT, Readiness::Expected).make(|trail| -> Result<(), Status> {
            trail.give();
            Err(failures.next().unwrap())
        })
    };
    let refused = || Status::invalid_argument("wrong").not_run();
    assert!(!make(&[refused()]).unwrap_err().may_have_run());
    assert!(!make(&[lost().not_run(), refused()]).unwrap_err().may_have_run());
    assert!(make(&[lost(), refused()]).unwrap_err().may_have_run());
}

/// What an overloaded server refuses is a failure like others: it once took no token, so that hedges and repetitions of
/// the client went on. A client that waits for its server goes on itself, with pauses.
#[test]
fn refusals_for_want_of_room_take_tokens_and_other_refusals_do_not() {
    let busy = Status::resource_exhausted("busy").not_run();
    for (refusal, allowed) in [(busy, false), (lost().not_run(), true)] {
        let core = core();
        let mut waits = attempts(&core, &ONCE, Readiness::Awaited);
        assert!((0..RETRY_TOKENS).all(|_| waits.after(&refusal).is_some()));
        assert_eq!(core.budget.allows(), allowed, "{refusal}");
        assert!(waits.after(&refusal).is_some());
    }
}

#[test]
fn an_attempt_that_was_not_sent_takes_no_token() {
    let core = core();
    let mut waits = attempts(&core, &ONCE, Readiness::Awaited);
    waits.trail.ask();
    let full = Status::resource_exhausted("the server holds no more connections").not_run();
    assert!((0..RETRY_TOKENS).all(|_| waits.after(&full).is_some()));
    assert!(core.budget.allows());
}

/// Proposal A6: `retry_throttling`. Ten tokens, one a failure, and no retry at half of them or less.
#[test]
fn retry_throttling_ends_repetitions_for_every_clone_of_a_client() {
    let core = core();
    let tried_again = (0..RETRY_TOKENS)
        .filter(|_| attempts(&core, &IDEMPOTENT, Readiness::Expected).after(&lost()).is_some());
    assert_eq!(tried_again.count(), 4);
    // A call that certainly did not run, as one that meets a planned stop, costs nothing and is not throttled.
    assert_eq!(attempts(&core, &ONCE, Readiness::Expected).after(&lost().not_run()), Some(Next::Now));
}

#[test]
fn a_server_that_says_when_to_come_back_is_obeyed() {
    let core = core();
    let busy = Status::resource_exhausted("busy").with_retry_after(SECOND).not_run();
    let Some(Next::After(pause)) = attempts(&core, &ONCE, Readiness::Expected).after(&busy) else {
        panic!("the call was given up")
    };
    assert!(pause >= SECOND && pause <= SECOND.mul_f64(1.1), "{pause:?}");
    let never = Status::resource_exhausted("busy").with_retry_after(90 * SECOND).not_run();
    assert_eq!(attempts(&core, &ONCE, Readiness::Expected).after(&never), None);
    let silent = Status::resource_exhausted("busy").not_run();
    assert_eq!(attempts(&core, &ONCE, Readiness::Expected).after(&silent), None);
    assert!(matches!(attempts(&core, &ONCE, Readiness::Awaited).after(&silent), Some(Next::After(_))));
}

#[test]
fn in_a_new_list_everything_deserves_to_be_tried() {
    let core = core();
    let mut call = attempts(&core, &ONCE, Readiness::Expected);
    call.trail.see(&list(1));
    let again = call.trail.tried()[0].clone();
    call.trail.fail_at(&again);
    assert_eq!(call.trail.tried().len(), 1);
    call.trail.see(&list(1).with_revision(Revision(7)));
    assert!(call.trail.tried().is_empty());
}
