//! A registry that was saved and comes back.

use super::*;

/// What is read back of what is written.
pub(super) fn saved(snapshot: &Snapshot) -> Saved {
    let (leases, removals) = (snapshot.leases().collect(), snapshot.removals().to_vec());
    Saved { epoch: snapshot.epoch, leases, removals }
}

pub(super) fn restarted(bench: &Bench, epoch: u64) -> Bench {
    let terms = Terms { lease: LEASE, ..Terms::default() };
    let now = bench.now + LEASE * 100;
    Bench { registry: Registry::restore(terms, saved(&bench.registry.snapshot(bench.now)), epoch, now), now }
}

#[test]
fn everything_is_known_at_once_after_a_restart_and_has_a_full_term() {
    let mut bench = Bench::new();
    let epoch = bench.register(&owner(1, 1), "chat", 1).unwrap();
    bench.share(&owner(1, 1), "sum", 1).unwrap();
    bench.share(&owner(2, 1), "sum", 2).unwrap();
    bench.registry.intend(&owner(2, 1), &[name("sum")], Intent::Drain, bench.now);
    bench.run(LEASE - NANO);
    let mut bench = restarted(&bench, 0);
    bench.check_live("chat", 1);
    bench.check("sum", &[(State::Live, 1)]);
    bench.run(LEASE - NANO);
    bench.check_live("chat", 1);
    assert_eq!(bench.renew(&owner(1, 1)), renewed(&[]));
    assert_eq!(bench.register(&owner(1, 1), "chat", 1), Ok(epoch));
    bench.run(NANO);
    bench.check("sum", &[(State::Live, 1)]);
    assert_eq!(bench.registry.census(bench.now).suspects, 1);
}

#[test]
fn a_loser_is_still_told_after_a_restart() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 1).unwrap();
    let epoch = bench.register(&owner(2, 1), "chat", 2).unwrap();
    let mut bench = restarted(&bench, 0);
    assert_eq!(bench.renew(&owner(1, 1)), renewed(&[("chat", LossReason::Superseded { epoch })]));
    bench.check_live("chat", 2);
}

#[test]
fn what_was_removed_is_refused_after_a_restart_for_as_long_as_was_left() {
    let mut bench = Bench::new();
    let epoch = bench.register(&owner(1, 1), "chat", 1).unwrap();
    bench.registry.remove_target(&name("chat"), epoch, Whoever::Any, bench.now);
    bench.run(REMOVED_FOR - LEASE);
    let mut bench = restarted(&bench, 0);
    bench.run(LEASE - NANO);
    assert!(matches!(bench.register(&owner(1, 1), "chat", 1), Err(BinderError::Removed { left_ms: 0, .. })));
    bench.run(NANO);
    assert!(bench.register(&owner(1, 1), "chat", 1).is_ok());
}

#[test]
fn a_ghost_stays_a_ghost_after_a_restart() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 1).unwrap();
    bench.register(&owner(1, 1), "b", 1).unwrap();
    bench.register(&owner(1, 2), "a", 2).unwrap();
    let mut bench = restarted(&bench, 0);
    assert!(matches!(bench.register(&owner(1, 1), "a", 1), Err(BinderError::Restarted { .. })));
    bench.check("b", &[(State::Suspect, 1)]);
    bench.renew(&owner(1, 2));
    bench.check("b", &[]);
    bench.check_live("a", 2);
}

#[test]
fn epochs_grow_over_restarts_although_the_last_ones_were_not_saved() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 1).unwrap();
    let mut again = restarted(&bench, 0);
    // After the save the former binder went on for a while.
    let mut last = 0;
    for id in 2..200 {
        last = bench.register(&owner(id, 1), "chat", 1).unwrap();
    }
    assert!(again.register(&owner(200, 1), "chat", 1).unwrap() > last);
    let mut later = restarted(&bench, 1 << 60);
    assert_eq!(later.register(&owner(200, 1), "chat", 1), Ok((1 << 60) + 1));
}

#[test]
fn an_empty_registry_comes_back_empty() {
    let mut bench = restarted(&Bench::new(), 0);
    assert_eq!(bench.registry.number(), 0);
    bench.check("chat", &[]);
}

#[test]
fn a_binder_knows_everybody_when_the_longest_time_between_two_renewals_has_passed() {
    for (lease, settled) in
        [(LEASE, HEARD_WITHIN), (HEARD_WITHIN, HEARD_WITHIN), (LONGEST_LEASE, LONGEST_LEASE)]
    {
        let mut bench = Bench::with(Terms { lease, ..Terms::default() });
        let age = Duration::from_secs(2);
        bench.run(age);
        assert_eq!(bench.registry.footing(bench.now), (age, settled));
        let unknown = bench.registry.lookup(&name("chat"), &Wanted::default(), bench.now).unwrap_err();
        assert!(unknown.is_unsure());
    }
}

/// Story: while a hundred procedures of a thousand servers each were copied to be saved, nobody could ask for three seconds.
#[test]
fn a_snapshot_copies_no_record_and_goes_through_them_once() {
    let mut bench = Bench::new();
    for id in 1..=3 {
        bench.share(&owner(id, 1), "sum", u16::from(id)).unwrap();
        bench.share(&owner(id, 1), &format!("own{id}"), u16::from(id)).unwrap();
    }
    let snapshot = bench.registry.snapshot(bench.now);
    let held: usize = snapshot.leases().map(|lease| lease.held.len()).sum();
    assert_eq!(held, 6);
    for held in bench.list("", None, usize::MAX).held {
        // The book's, the history's, the snapshot's and this one.
        assert_eq!(Arc::strong_count(&held.record), 4);
    }
    // What happens now is no part of it.
    bench.registry.unregister(&owner(1, 1), &[name("sum")], bench.now);
    assert_eq!(saved(&snapshot).leases.iter().map(|lease| lease.held.len()).sum::<usize>(), 6);
}
