//! Many threads and one binder, which is a closure here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rpc_core::Code;

use crossbeam_channel::bounded;
use rpc_core::Stream;

use super::*;
use crate::contract::{self, Entry, Found, Mode, Notice, State};
use crate::error::BinderError;

mod following;

type Answer = Result<Found, BinderError>;

struct Fake<F>(F);

impl<F: Fn(&str, Instant) -> Answer + Send + Sync> Outside for Fake<F> {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn lookup(&self, procedure: &str, until: Instant) -> Answer {
        (self.0)(procedure, until)
    }

    fn watch(
        &self,
        _procedures: &[String],
        _seen: Option<contract::Revision>,
    ) -> Result<Stream<Notice>, BinderError> {
        Err(Status::unimplemented("not watched here").into())
    }

    fn turn(&self) -> usize {
        1
    }
}

fn resolver(answer: impl Fn(&str, Instant) -> Answer + Send + Sync + 'static) -> Resolver {
    Resolver::with(Box::new(Fake(answer)), Wanted::default(), STALE_FOR)
}

pub(super) fn found(ports: &[u16], max_age_ms: u64) -> Found {
    let entry = |port: &u16| Entry {
        name: "chat".into(),
        address: "10.0.0.1".into(),
        port: *port,
        out_of_reach: None,
        state: State::Live,
        mode: Mode::Shared,
        epoch: 1,
        instance: format!("i{port}"),
        incarnation: 1,
        weight: 1,
        version: None,
        metadata: BTreeMap::new(),
        age_ms: 0,
        lease_ms: 15_000,
        lease_left_ms: 15_000,
        calls_per_minute: None,
    };
    let revision = contract::Revision { binder: 7, number: 1 };
    Found { entries: ports.iter().map(entry).collect(), max_age_ms, revision }
}

fn location(port: u16) -> Answer {
    Ok(found(&[port], 60_000))
}

#[track_caller]
fn check(outcome: Result<Endpoints, Status>, port: u16) {
    let ports: Vec<_> = outcome.unwrap().iter().map(|weighted| weighted.endpoint.port()).collect();
    assert_eq!(ports, [port]);
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Waits until this many threads have a hand on the question for `chat`: the map's, the asker's and the followers'.
#[track_caller]
fn wait_for_hands(resolver: &Resolver, hands: usize) {
    let deadline = soon();
    while resolver.shared.lock().flights.get("chat").is_none_or(|flight| Arc::strong_count(flight) < hands) {
        assert!(Instant::now() < deadline, "nobody waits for the answer");
        thread::yield_now();
    }
}

#[test]
fn lookups_of_one_name_at_once_ask_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (answer, answers) = bounded(1);
    let counted = asked.clone();
    let resolver = resolver(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        answers.recv().unwrap()
    });
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| resolver.find("chat", soon()))).collect();
        wait_for_hands(&resolver, 9);
        answer.send(location(4000)).unwrap();
        for thread in threads {
            check(thread.join().unwrap(), 4000);
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// It was watched with the others, whose watch was refused with it from then on.
#[test]
fn a_name_that_can_be_none_is_refused_unasked_and_never_watched() {
    let resolver = resolver(|procedure, _| panic!("asked for {procedure:?}"));
    for name in ["a b", "", "line\nfeed"] {
        let refused = resolver.find(name, soon()).unwrap_err();
        assert_eq!((refused.code(), refused.may_have_run()), (Code::InvalidArgument, false));
        resolver.wait_for_change(name, None, Instant::now());
    }
    assert!(resolver.shared.lock().table.names().is_empty());
    assert!(resolver.follower.get().is_none());
}

#[test]
fn a_failure_is_shared_by_those_who_wait_for_it() {
    let (answer, answers) = bounded(1);
    let resolver = resolver(move |_, _| answers.recv().unwrap());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| resolver.find("chat", soon()))).collect();
        wait_for_hands(&resolver, 5);
        answer.send(Err(Status::unavailable("refused").into())).unwrap();
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap_err().code(), Code::Unavailable);
        }
    });
}

#[test]
fn different_names_do_not_wait_for_each_other() {
    let (answer, answers) = bounded::<Answer>(1);
    let resolver = resolver(move |procedure, _| match procedure {
        "chat" => answers.recv().unwrap(),
        _ => location(4001),
    });
    thread::scope(|scope| {
        let slow = scope.spawn(|| resolver.find("chat", soon()));
        wait_for_hands(&resolver, 2);
        assert!(resolver.find("other", soon()).is_ok());
        answer.send(location(4000)).unwrap();
        assert!(slow.join().unwrap().is_ok());
    });
}

#[test]
fn who_waits_for_anothers_question_waits_until_his_own_deadline() {
    let (answer, answers) = bounded(1);
    let resolver = resolver(move |_, _| answers.recv().unwrap());
    thread::scope(|scope| {
        let asker = scope.spawn(|| resolver.find("chat", soon()));
        wait_for_hands(&resolver, 2);
        let status = resolver.find("chat", Instant::now()).unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(!status.may_have_run());
        answer.send(location(4000)).unwrap();
        assert!(asker.join().unwrap().is_ok());
    });
}

#[test]
fn a_failure_of_one_in_haste_is_not_that_of_one_with_time() {
    let (answer, answers) = bounded(2);
    let resolver = resolver(move |_, _| answers.recv().unwrap());
    thread::scope(|scope| {
        let hasty = scope.spawn(|| resolver.find("chat", Instant::now()));
        wait_for_hands(&resolver, 2);
        let patient = scope.spawn(|| resolver.find("chat", soon()));
        wait_for_hands(&resolver, 3);
        answer.send(Err(Status::deadline_exceeded("too late").into())).unwrap();
        answer.send(location(4000)).unwrap();
        assert!(hasty.join().unwrap().is_err());
        assert!(patient.join().unwrap().is_ok());
    });
}

#[test]
fn a_panic_of_the_asker_leaves_nobody_waiting() {
    let first = AtomicUsize::new(0);
    let (go, gone) = bounded::<()>(0);
    let resolver = resolver(move |_, _| {
        if first.fetch_add(1, Ordering::SeqCst) == 0 {
            gone.recv().unwrap();
            panic!("the asker breaks");
        }
        location(4000)
    });
    thread::scope(|scope| {
        let asker = scope.spawn(|| resolver.find("chat", soon()));
        wait_for_hands(&resolver, 2);
        let follower = scope.spawn(|| resolver.find("chat", soon()));
        wait_for_hands(&resolver, 3);
        go.send(()).unwrap();
        assert!(asker.join().is_err());
        assert!(follower.join().unwrap().is_ok());
    });
}

#[test]
fn a_binder_that_cannot_be_watched_is_asked_again_when_its_answer_is_old() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let resolver = resolver(move |_, _| {
        let port = 4000 + u16::try_from(counted.fetch_add(1, Ordering::SeqCst)).unwrap();
        Ok(found(&[port], if port == 4000 { 0 } else { 60_000 }))
    });
    for port in [4000, 4001, 4001] {
        check(resolver.find("chat", soon()), port);
    }
}

#[test]
fn prefetched_procedures_outlive_the_binder() {
    let dead = Arc::new(AtomicUsize::new(0));
    let state = dead.clone();
    let resolver = resolver(move |_, _| match state.load(Ordering::SeqCst) {
        0 => location(4000),
        _ => Err(Status::unavailable("dead").into()),
    });
    resolver.prefetch(&["a", "b"]).unwrap();
    dead.store(1, Ordering::SeqCst);
    assert!(resolver.find("a", soon()).is_ok());
    assert!(resolver.find("b", soon()).is_ok());
    assert_eq!(resolver.prefetch(&["a", "c"]).unwrap_err().code(), Code::Unavailable);
}
