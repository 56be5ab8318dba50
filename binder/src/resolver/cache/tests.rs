//! What a resolver remembers, second by second.

use super::*;

const AGE: Duration = Duration::from_secs(5);

fn location(port: u16) -> Location {
    let max_age_ms = u64::try_from(AGE.as_millis()).unwrap();
    Location { address: "10.0.0.1".into(), port, max_age_ms, epoch: 1 }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint::new("10.0.0.1", port)
}

fn silence() -> BinderError {
    BinderError::Status(Status::unavailable("connection refused"))
}

fn not_registered(binder_age_ms: u64) -> BinderError {
    BinderError::NotRegistered { name: "chat".into(), binder_age_ms, lease_ms: 15_000 }
}

/// A cache that has learned where `chat` is, and when.
fn learned() -> (Cache, Instant) {
    let mut cache = Cache::default();
    let now = Instant::now();
    assert_eq!(cache.advise("chat", now), Advice::Ask(None));
    assert_eq!(cache.learn("chat", &location(4000), now), endpoint(4000));
    (cache, now)
}

#[test]
fn an_answer_is_used_for_its_age_and_then_asked_again() {
    let (cache, now) = learned();
    assert_eq!(cache.advise("chat", now + AGE - Duration::from_nanos(1)), Advice::Use(endpoint(4000)));
    assert_eq!(cache.advise("chat", now + AGE), Advice::Ask(Some(endpoint(4000))));
}

#[test]
fn an_old_answer_serves_for_a_day_while_the_binder_is_silent() {
    let (mut cache, now) = learned();
    let late = now + STALE_FOR - Duration::from_millis(500);
    assert_eq!(cache.fail("chat", &silence(), late), Ok(endpoint(4000)));
    assert_eq!(cache.advise("chat", late + Duration::from_millis(499)), Advice::Use(endpoint(4000)));
    assert_eq!(cache.advise("chat", now + STALE_FOR), Advice::Ask(None));
    let status = cache.fail("chat", &silence(), now + STALE_FOR).unwrap_err();
    assert_eq!(status.code(), rpc_core::Code::Unavailable);
    assert!(!status.may_have_run());
}

/// The story: who first called a procedure ten minutes after he had looked it up found nobody if the binder had died.
#[test]
fn an_answer_that_nobody_used_for_hours_outlives_the_binder() {
    let (mut cache, now) = learned();
    let hours = Duration::from_secs(12 * 60 * 60);
    assert_eq!(cache.fail("chat", &silence(), now + hours), Ok(endpoint(4000)));
}

#[test]
fn a_silent_binder_is_asked_again_after_a_second() {
    let (mut cache, now) = learned();
    let later = now + AGE;
    cache.fail("chat", &silence(), later).unwrap();
    assert_eq!(cache.advise("chat", later + Duration::from_millis(999)), Advice::Use(endpoint(4000)));
    assert_eq!(cache.advise("chat", later + ASK_AGAIN_AFTER), Advice::Ask(Some(endpoint(4000))));
}

#[test]
fn a_rejected_answer_is_dropped_at_once_and_the_last_resort_in_silence() {
    let (mut cache, now) = learned();
    cache.reject("chat", &endpoint(4999));
    assert_eq!(cache.advise("chat", now), Advice::Use(endpoint(4000)));
    cache.reject("chat", &endpoint(4000));
    assert_eq!(cache.advise("chat", now), Advice::Ask(None));
    assert_eq!(cache.fail("chat", &silence(), now), Ok(endpoint(4000)));
    assert_eq!(cache.advise("chat", now), Advice::Ask(None));
    assert_eq!(cache.learn("chat", &location(4001), now), endpoint(4001));
    assert_eq!(cache.advise("chat", now), Advice::Use(endpoint(4001)));
}

#[test]
fn a_binder_that_knows_ends_an_old_answer_and_its_refusal_stands_briefly() {
    let (mut cache, now) = learned();
    let status = cache.fail("chat", &not_registered(15_000), now).unwrap_err();
    assert_eq!(status.code(), rpc_core::Code::NotFound);
    assert!(!status.may_have_run());
    assert_eq!(cache.advise("chat", now), Advice::Refuse(status));
    assert_eq!(cache.advise("chat", now + REFUSED_FOR), Advice::Ask(None));
    assert!(cache.fail("chat", &silence(), now + REFUSED_FOR).is_err());
}

#[test]
fn a_binder_that_has_just_started_does_not_end_an_old_answer() {
    let (mut cache, now) = learned();
    assert_eq!(cache.fail("chat", &not_registered(14_999), now), Ok(endpoint(4000)));
    assert!(cache.fail("never seen", &not_registered(0), now).is_err());
}

#[test]
fn a_silent_binder_is_no_refusal() {
    let mut cache = Cache::default();
    let now = Instant::now();
    cache.fail("chat", &silence(), now).unwrap_err();
    assert_eq!(cache.advise("chat", now), Advice::Ask(None));
}

#[test]
fn a_hostile_age_is_cut_to_the_longest() {
    let mut cache = Cache::default();
    let now = Instant::now();
    cache.learn("chat", &Location { max_age_ms: u64::MAX, ..location(4000) }, now);
    assert_eq!(cache.advise("chat", now + STALE_FOR), Advice::Ask(None));
}

#[test]
fn past_its_limit_the_cache_remembers_nothing_new_until_something_is_over() {
    let mut cache = Cache::default();
    let now = Instant::now();
    for number in 0..ANSWERS {
        cache.learn(&number.to_string(), &location(4000), now);
    }
    assert_eq!(cache.learn("more", &location(4000), now), endpoint(4000));
    assert_eq!(cache.advise("more", now), Advice::Ask(None));
    let later = now + STALE_FOR;
    cache.learn("more", &location(4000), later);
    assert_eq!(cache.advise("more", later), Advice::Use(endpoint(4000)));
    assert_eq!(cache.answers.len(), 1);
}
