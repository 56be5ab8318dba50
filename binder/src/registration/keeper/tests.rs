//! A keeper and a binder that answers as the test says.

use super::outage::{FIRST_PAUSE, LONGEST_PAUSE};
use super::*;
use crate::contract::LossReason;
use crate::registry::millis;

const LEASE: Duration = Duration::from_secs(15);

/// A keeper, the time, and what it has told.
struct Bench {
    keeper: Keeper,
    now: Instant,
}

impl Bench {
    fn new(names: &[&str]) -> Bench {
        let names = names.iter().map(|text| name(text)).collect();
        let now = Instant::now();
        Bench { keeper: Keeper::new(names, (now, 1), fastrand::Rng::with_seed(7)), now }
    }

    /// A keeper that holds all its names.
    fn registered(names: &[&str]) -> Bench {
        let mut bench = Bench::new(names);
        bench.grant_all();
        bench.keeper.take_news();
        bench
    }

    fn step(&self) -> Step {
        self.keeper.step(self.now)
    }

    fn parting(&self) -> Option<Duration> {
        self.keeper.parting(self.now)
    }

    /// Grants whatever the keeper asks for; how many names that were.
    fn grant_all(&mut self) -> usize {
        let mut count = 0;
        while let Step::Register(names) = self.step() {
            for name in names {
                self.keeper.registered(&name, Ok(Granted { epoch: 1, lease_ms: 15_000 }), self.now);
                count += 1;
            }
        }
        count
    }

    /// Goes to the next time the keeper has something to do.
    #[track_caller]
    fn wait(&mut self) -> Duration {
        let Step::Wait(until) = self.step() else { panic!("it does not wait but {:?}", self.step()) };
        let waited = until - self.now;
        self.now = until;
        waited
    }

    fn renew(&mut self, superseded: &[&str]) {
        let why = LossReason::Superseded { epoch: 2 };
        let lost = superseded.iter().map(|name| Loss { name: name.to_string(), why }).collect();
        self.keeper.renewed(Ok(Renewal::Renewed { lease_ms: 15_000, lost }), self.now);
    }

    fn be_silent(&mut self) {
        match self.step() {
            Step::Register(names) => {
                for name in names {
                    self.keeper.registered(&name, Err(silence().into()), self.now);
                }
            }
            Step::Renew => self.keeper.renewed(Err(silence().into()), self.now),
            Step::Acknowledge(_) => self.keeper.acknowledged(Err(silence().into()), self.now),
            Step::Drain(_) => self.keeper.drained(Err(silence().into()), self.now),
            step => panic!("nothing to be silent to: {step:?}"),
        }
    }
}

fn silence() -> Status {
    Status::unavailable("connection refused")
}

fn name(text: &str) -> ProcedureName {
    ProcedureName::parse(text).unwrap()
}

#[test]
fn everything_is_registered_and_then_renewed_a_little_before_a_third_of_the_lease() {
    let mut bench = Bench::new(&["a", "b"]);
    assert_eq!(bench.keeper.missing(), 2);
    assert_eq!(bench.grant_all(), 2);
    assert_eq!(bench.keeper.missing(), 0);
    assert_eq!(bench.keeper.take_news(), [News::Complete(2)]);
    for _ in 0..50 {
        let waited = bench.wait();
        assert!(waited >= (LEASE / 3).mul_f64(0.8) && waited <= LEASE / 3, "{waited:?}");
        assert_eq!(bench.step(), Step::Renew);
        bench.renew(&[]);
    }
    assert_eq!(bench.keeper.take_news(), []);
}

#[test]
fn a_binder_is_tried_with_one_call_before_many() {
    let names: Vec<String> = (0..200).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&names);
    let sizes = |step| if let Step::Register(names) = step { names.len() } else { 0 };
    assert_eq!(sizes(bench.step()), 1);
    bench.keeper.registered(&name("p0"), Ok(Granted { epoch: 1, lease_ms: 15_000 }), bench.now);
    assert_eq!(sizes(bench.step()), WINDOW);
    assert_eq!(bench.grant_all(), 199);
}

#[test]
fn a_binder_that_is_down_is_told_once_and_asked_with_growing_pauses() {
    let mut bench = Bench::new(&["a", "b"]);
    for attempt in 0..20 {
        bench.be_silent();
        assert!(bench.keeper.is_out_of_contact());
        assert!(bench.keeper.trouble().is_some());
        let waited = bench.wait();
        assert!(waited <= LONGEST_PAUSE && waited >= FIRST_PAUSE / 2, "{waited:?}");
        assert!(attempt < 6 || waited >= LONGEST_PAUSE / 2, "{waited:?}");
    }
    assert_eq!(bench.keeper.take_news(), [News::Silent(silence())]);
    bench.grant_all();
    assert_eq!(bench.keeper.take_news(), [News::Back, News::Complete(2)]);
    assert_eq!(bench.keeper.trouble(), None);
}

#[test]
fn a_binder_that_dies_is_asked_to_renew_until_it_is_back() {
    let mut bench = Bench::registered(&["a"]);
    bench.wait();
    bench.be_silent();
    bench.wait();
    assert_eq!(bench.step(), Step::Renew);
    bench.renew(&[]);
    assert_eq!(bench.keeper.take_news(), [News::Silent(silence()), News::Back]);
    assert_eq!(bench.keeper.missing(), 0);
}

#[test]
fn a_binder_that_has_forgotten_everything_is_told_everything_again() {
    let mut bench = Bench::registered(&["a", "b", "c"]);
    bench.wait();
    bench.keeper.renewed(Ok(Renewal::UnknownLease), bench.now);
    assert_eq!(bench.keeper.missing(), 3);
    assert_eq!(bench.grant_all(), 3);
    assert_eq!(bench.keeper.take_news(), [News::Forgotten, News::Complete(3)]);
}

#[test]
fn a_lost_name_is_told_acknowledged_and_never_registered_again() {
    let mut bench = Bench::registered(&["a", "b"]);
    bench.wait();
    bench.renew(&["a"]);
    assert_eq!(bench.keeper.take_news(), [News::Lost(LostTo::AnotherServer, vec![name("a")])]);
    assert_eq!(bench.step(), Step::Acknowledge(vec![name("a")]));
    bench.keeper.acknowledged(Ok(()), bench.now);
    assert_eq!(bench.keeper.lost(), &BTreeMap::from([(name("a"), LostTo::AnotherServer)]));
    assert_eq!(bench.keeper.held(), &BTreeSet::from([name("b")]));
    bench.wait();
    bench.keeper.renewed(Ok(Renewal::UnknownLease), bench.now);
    assert_eq!(bench.step(), Step::Register(vec![name("b")]));
}

#[test]
fn an_acknowledgement_that_fails_is_repeated_and_told_once() {
    let mut bench = Bench::registered(&["a", "b"]);
    bench.wait();
    bench.renew(&["a"]);
    bench.be_silent();
    bench.wait();
    assert_eq!(bench.step(), Step::Acknowledge(vec![name("a")]));
    bench.keeper.acknowledged(Ok(()), bench.now);
    let news = [News::Lost(LostTo::AnotherServer, vec![name("a")]), News::Silent(silence()), News::Back];
    assert_eq!(bench.keeper.take_news(), news);
}

#[test]
fn a_keeper_that_has_lost_everything_rests() {
    let mut bench = Bench::registered(&["a"]);
    bench.wait();
    bench.renew(&["a"]);
    bench.keeper.acknowledged(Ok(()), bench.now);
    assert_eq!(bench.step(), Step::Rest);
    assert_eq!(Bench::new(&[]).step(), Step::Rest);
}

#[test]
fn the_ghost_of_a_restarted_instance_leaves_everything_to_it() {
    let mut bench = Bench::registered(&["a", "b"]);
    bench.wait();
    bench.keeper.renewed(Err(BinderError::Restarted { incarnation: 1, later: 2 }), bench.now);
    assert_eq!(bench.keeper.take_news(), [News::Lost(LostTo::LaterStart, vec![name("a"), name("b")])]);
    assert_eq!(bench.step(), Step::Rest);
}

/// Story: a server whose clock was set back since its last start took itself for its own ghost, and never registered.
#[test]
fn a_start_that_was_never_granted_anything_comes_behind_the_one_that_is_known() {
    let mut bench = Bench::new(&["a"]);
    for later in [7, 9, u64::MAX] {
        assert_eq!(bench.step(), Step::Register(vec![name("a")]));
        bench.keeper.registered(&name("a"), Err(BinderError::Restarted { incarnation: 1, later }), bench.now);
        assert_eq!(bench.keeper.incarnation(), Some(later.saturating_add(1)));
        if later > 7 {
            assert_eq!(bench.wait(), ASK_AGAIN_AFTER, "a binder that says so again is asked later");
        }
    }
    assert_eq!(bench.grant_all(), 1);
    assert_eq!(bench.keeper.take_news(), [News::Succeeds(7), News::Complete(1)]);
    bench.keeper.renewed(Err(BinderError::Restarted { incarnation: 1, later: u64::MAX }), bench.now);
    assert_eq!(bench.step(), Step::Rest);
}

/// Story: the binder was away while a server ran and was replaced. Its successor registered first when it was back, and was
/// displaced by the ghost, which came behind it.
#[test]
fn a_ghost_that_was_never_granted_anything_leaves_everything_to_the_start_behind_it() {
    let mut bench = Bench::new(&["a"]);
    bench.now += Duration::from_secs(10);
    bench.keeper.registered(
        &name("a"),
        Err(BinderError::Restarted { incarnation: 1, later: 9_000 }),
        bench.now,
    );
    assert_eq!(bench.keeper.take_news(), [News::Lost(LostTo::LaterStart, vec![name("a")])]);
    assert_eq!(bench.step(), Step::Rest);
}

#[test]
fn a_refused_procedure_is_told_once_tried_again_later_and_stops_no_other() {
    let mut bench = Bench::new(&["a", "b"]);
    let refusal = BinderError::BinderFull { limit: 1 };
    bench.keeper.registered(&name("a"), Err(refusal.clone()), bench.now);
    assert_eq!(bench.grant_all(), 1);
    assert_eq!(bench.keeper.take_news(), [News::Refused(name("a"), refusal.clone())]);
    assert_eq!(bench.keeper.trouble(), Some(refusal.clone()));
    for _ in 0..4 {
        while bench.wait() > Duration::ZERO && bench.step() == Step::Renew {
            bench.renew(&[]);
        }
        assert_eq!(bench.step(), Step::Register(vec![name("a")]));
        bench.keeper.registered(&name("a"), Err(refusal.clone()), bench.now);
    }
    assert_eq!(bench.keeper.take_news(), []);
    bench.now += ASK_AGAIN_AFTER;
    bench.grant_all();
    assert_eq!(bench.keeper.take_news(), [News::Complete(2)]);
    assert_eq!(bench.keeper.trouble(), None);
}

#[test]
fn a_server_that_leaves_says_so_until_the_binder_knows_and_then_only_renews() {
    let mut bench = Bench::registered(&["a", "b"]);
    assert_eq!(bench.parting(), None);
    bench.keeper.drain(bench.now);
    assert_eq!(bench.step(), Step::Drain(vec![name("a"), name("b")]));
    bench.keeper.drained(Err(silence().into()), bench.now);
    assert_eq!(bench.parting(), None, "it may be told yet");
    bench.wait();
    assert_eq!(bench.step(), Step::Drain(vec![name("a"), name("b")]));
    bench.keeper.drained(Ok(()), bench.now);
    assert_eq!(bench.parting(), Some(LEASE / 3));
    bench.wait();
    assert_eq!(bench.step(), Step::Renew);
    // A binder that has forgotten it hears no more of it.
    bench.keeper.renewed(Ok(Renewal::UnknownLease), bench.now);
    assert_eq!((bench.step(), bench.parting()), (Step::Rest, Some(Duration::ZERO)));
}

/// Story: a server was told to end while its binder was away. It ended without a further word, and the binder, which was back
/// a moment later, gave it to clients for a whole lease.
#[test]
fn a_binder_that_is_away_is_told_at_once_that_a_server_leaves_and_tried_for_a_third_of_the_lease() {
    let mut bench = Bench::registered(&["a"]);
    for _ in 0..10 {
        bench.wait();
        bench.be_silent();
    }
    let start = bench.now;
    bench.keeper.drain(start);
    let mut attempts = 0;
    while bench.parting().is_none() {
        if bench.step() == Step::Drain(vec![name("a")]) {
            attempts += 1;
            bench.be_silent();
        }
        bench.wait();
    }
    assert_eq!((bench.now - start, bench.parting()), (LEASE / 3, Some(Duration::ZERO)));
    assert!(attempts > 3, "{attempts}");
    // Who is told at last has the time that his clients need.
    bench.wait();
    bench.keeper.drained(Ok(()), bench.now);
    assert_eq!(bench.parting(), Some(LEASE / 3));
}

/// Story: the answer to a registration was lost, and the server ended. It did not know that it was registered, and nobody took
/// it out.
#[test]
fn what_may_be_registered_is_taken_out_at_the_end_too() {
    let mut bench = Bench::new(&["a", "b"]);
    let owed = |bench: &Bench| bench.keeper.owed().into_iter().cloned().collect::<Vec<_>>();
    bench.keeper.registered(&name("a"), Err(silence().not_run().into()), bench.now);
    assert_eq!(owed(&bench), []);
    bench.keeper.registered(&name("a"), Err(silence().into()), bench.now);
    assert_eq!(owed(&bench), [name("a")]);
    bench.wait();
    bench.grant_all();
    assert_eq!(owed(&bench), [name("a"), name("b")]);
    bench.renew(&["a"]);
    assert_eq!(owed(&bench), [name("b")]);
}

#[test]
fn a_hostile_lease_does_not_make_the_keeper_spin_or_sleep_for_ever() {
    for (lease_ms, longest) in [(0, crate::SHORTEST_LEASE / 3), (u64::MAX, crate::HEARD_WITHIN / 3)] {
        let mut bench = Bench::new(&["a"]);
        bench.keeper.registered(&name("a"), Ok(Granted { epoch: 1, lease_ms }), bench.now);
        let waited = bench.wait();
        assert!(waited <= longest && waited >= longest.mul_f64(0.8));
    }
}

/// Story: a binder was restarted without a state file. A server with a lease of five minutes renewed two minutes later, and
/// was taken for dead by all clients in between.
#[test]
fn a_long_lease_is_renewed_as_often_as_a_binder_that_forgot_it_must_hear_of_it() {
    for (lease, longest) in [(300, 5), (16, 5), (15, 5), (6, 2)]
        .map(|(lease, longest)| (Duration::from_secs(lease), Duration::from_secs(longest)))
    {
        let mut bench = Bench::new(&["a"]);
        let granted = Granted { epoch: 1, lease_ms: millis(lease) };
        bench.keeper.registered(&name("a"), Ok(granted), bench.now);
        let waited = bench.wait();
        assert!(waited <= longest && waited >= longest.mul_f64(0.8), "{lease:?}: {waited:?}");
        // Clients may use old answers for as long as the lease makes them.
        bench.keeper.drain(bench.now);
        bench.keeper.drained(Ok(()), bench.now);
        assert_eq!(bench.parting(), Some(lease / 3));
    }
}

#[test]
fn what_a_binder_has_forgotten_is_claimed_by_the_epoch_under_which_it_was_had_first() {
    let mut bench = Bench::registered(&["a", "b"]);
    for epoch in [5, 6] {
        bench.wait();
        bench.keeper.renewed(Ok(Renewal::UnknownLease), bench.now);
        assert_eq!(bench.keeper.claim(&name("a")), Some(1));
        bench.keeper.registered(&name("a"), Ok(Granted { epoch, lease_ms: 15_000 }), bench.now);
        bench.keeper.registered(&name("b"), Ok(Granted { epoch, lease_ms: 15_000 }), bench.now);
    }
    bench.wait();
    bench.keeper.renewed(Ok(Renewal::UnknownLease), bench.now);
    let later = BinderError::Superseded { name: "b".into(), epoch: 7 };
    bench.keeper.registered(&name("b"), Err(later), bench.now);
    assert_eq!(bench.keeper.lost().keys().collect::<Vec<_>>(), [&name("b")]);
    assert_eq!(bench.step(), Step::Register(vec![name("a")]));
}
