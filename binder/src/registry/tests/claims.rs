//! Who does not have a name again: losers that repeat themselves, and starts that an operator took out. `fencing` checks the
//! former in random orders.

use super::*;

/// A start that tells again what it was given before.
fn claim(bench: &mut Bench, id: u8, epoch: u64) -> Result<u64, BinderError> {
    let claimed = Offered { claim: Some(epoch), ..offered("chat", u16::from(id), Mode::Exclusive) };
    bench.offer(&owner(id, 1), claimed)
}

/// Story: the answer to a registration was lost. Another server took the name, and the first one, which repeated its call,
/// had it again: of two chat servers the older one won.
#[test]
fn a_registration_that_is_repeated_takes_nothing_back_until_its_server_says_that_it_knows() {
    let mut bench = Bench::new();
    let (old, new) = (owner(1, 1), owner(2, 1));
    let first = bench.register(&old, "chat", 4000).unwrap();
    let second = bench.register(&new, "chat", 4001).unwrap();
    let refused = Err(BinderError::Superseded { name: "chat".into(), epoch: second });
    assert_eq!(bench.register(&old, "chat", 4000), refused);
    assert_eq!(claim(&mut bench, 1, first), refused);
    assert_eq!(claim(&mut bench, 1, u64::MAX), refused);
    // So it is when the later one has left, and where the binder comes back with its state.
    bench.registry.unregister(&new, &[name("chat")], bench.now);
    assert_eq!(bench.register(&old, "chat", 4000), refused);
    let mut bench = restart::restarted(&bench, 0);
    assert_eq!(bench.register(&old, "chat", 4000), refused);
    bench.registry.unregister(&old, &[name("chat")], bench.now);
    let third = bench.register(&old, "chat", 4000).unwrap();
    assert!(third > second);
    assert_eq!(bench.renew(&old), renewed(&[]));
}

/// Without an id it cannot say that it knows, and registering is how it renews.
#[test]
fn a_loser_without_an_identity_that_registers_again_has_the_name_again() {
    let mut bench = Bench::new();
    let first = register_plainly(&mut bench, "chat", 4000).unwrap();
    let second = register_plainly(&mut bench, "chat", 4001).unwrap();
    let third = register_plainly(&mut bench, "chat", 4000).unwrap();
    assert!(first < second && second < third);
    bench.check_live("chat", 4000);
}

/// Story: an instance was started again. Before it had come to its second name, another server took that from its ghost, and
/// the new start was told that it had lost what it never had.
#[test]
fn what_is_taken_from_a_former_start_is_no_loss_of_the_present_one() {
    let mut bench = Bench::new();
    for text in ["a", "b"] {
        bench.register(&owner(1, 10), text, 4000).unwrap();
    }
    bench.register(&owner(1, 11), "a", 4001).unwrap();
    bench.register(&owner(2, 1), "b", 4002).unwrap();
    assert!(bench.register(&owner(1, 11), "b", 4001).is_ok(), "the last to register has it");
    assert_eq!(bench.renew(&owner(1, 11)), renewed(&[]));
    bench.check_live("b", 4001);
}

/// Story: a server lost its name to a later one. Before it was told, its binder was restarted and had forgotten both. It
/// registered everything again, and had the name again.
#[test]
fn of_two_that_tell_again_what_they_had_the_later_one_has_the_name_in_whichever_order() {
    for order in [[1, 2], [2, 1]] {
        let mut before = Bench::new();
        let first = before.register(&owner(1, 1), "chat", 1).unwrap();
        let second = before.register(&owner(2, 1), "chat", 2).unwrap();
        let mut bench = Bench::new();
        bench.registry.last_epoch = 1_000;
        for id in order {
            let _ = claim(&mut bench, id, if id == 1 { first } else { second });
        }
        bench.check_live("chat", 2);
        let again = claim(&mut bench, 1, first);
        assert!(matches!(again, Err(BinderError::Superseded { epoch, .. }) if epoch > 1_000), "{again:?}");
        // Who takes the name now has it before all who had it once.
        bench.register(&owner(3, 1), "chat", 3).unwrap();
        assert!(claim(&mut bench, 2, second).is_err());
        bench.check_live("chat", 3);
    }
}

#[test]
fn a_claim_gives_nobody_a_higher_place_than_he_had() {
    let mut bench = Bench::new();
    let first = bench.register(&owner(1, 1), "chat", 1).unwrap();
    let second = bench.register(&owner(2, 1), "chat", 2).unwrap();
    bench.registry.unregister(&owner(2, 1), &[name("chat")], bench.now);
    // The later one has left, and the former one knows that it lost: it may have it, and keeps the place that it had.
    bench.registry.unregister(&owner(1, 1), &[name("chat")], bench.now);
    assert!(claim(&mut bench, 1, first).unwrap() > second);
    bench.check_live("chat", 1);
    assert!(claim(&mut bench, 2, second).is_ok());
    bench.check_live("chat", 2);
}

/// Story: one claim of the highest number there is locked a name for ever: no server that had it before could have it again.
#[test]
fn a_claim_gives_nothing_that_registering_for_the_first_time_would_not() {
    let mut bench = Bench::new();
    let first = bench.register(&owner(1, 1), "chat", 1).unwrap();
    // Nobody was given that, so it proves nothing about who has the name now.
    for unproven in [bench.registry.last_epoch + 1, u64::MAX] {
        assert!(matches!(claim(&mut bench, 2, unproven), Err(BinderError::Superseded { .. })));
    }
    bench.registry.unregister(&owner(1, 1), &[name("chat")], bench.now);
    let liar = claim(&mut bench, 2, u64::MAX).unwrap();
    let later = bench.register(&owner(3, 1), "chat", 3).unwrap();
    assert!(first < liar && liar < later);
    bench.check_live("chat", 3);
    // The highest claim there is comes behind who registered later, and takes nothing from him.
    bench.run(LEASE / 2);
    bench.register(&owner(3, 1), "chat", 3).unwrap();
    bench.run(LEASE / 2);
    assert!(bench.registry.leases.of(&owner(2, 1)).is_none(), "the registry has forgotten who had it");
    assert!(matches!(claim(&mut bench, 2, u64::MAX), Err(BinderError::Superseded { .. })));
    assert!(matches!(claim(&mut bench, 2, liar), Err(BinderError::Superseded { .. })));
    bench.check_live("chat", 3);
}

/// Story: an operator removed a server by force. It was cut off just then for a little longer than its lease, was forgotten,
/// and registered again when it was back.
#[test]
fn what_was_removed_is_refused_to_the_start_that_had_it_for_ten_minutes_and_to_nobody_else() {
    let mut bench = Bench::new();
    let removed = bench.register(&owner(1, 1), "chat", 1).unwrap();
    bench.register(&owner(1, 1), "kept", 1).unwrap();
    bench.registry.remove_target(&name("chat"), removed, Whoever::Any, bench.now);
    let is_refused = |answer: Result<u64, BinderError>| matches!(answer, Err(BinderError::Removed { .. }));
    assert!(is_refused(bench.register(&owner(1, 1), "chat", 1)));
    // It knows it now, and yet: how long it lasts does not hang on when it was told.
    bench.registry.unregister(&owner(1, 1), &[name("chat")], bench.now);
    assert!(is_refused(claim(&mut bench, 1, removed)));
    bench.run(LEASE * 2);
    assert_eq!(bench.renew(&owner(1, 1)), Renewal::UnknownLease);
    assert!(bench.register(&owner(1, 1), "kept", 1).is_ok());
    assert!(is_refused(bench.register(&owner(1, 1), "chat", 1)));
    bench.register(&owner(2, 1), "chat", 2).unwrap();
    bench.registry.unregister(&owner(2, 1), &[name("chat")], bench.now);
    bench.run(REMOVED_FOR - LEASE * 2 - NANO);
    assert!(is_refused(bench.register(&owner(1, 1), "chat", 1)));
    // A later start is another server, and so is the same one ten minutes later.
    assert!(bench.register(&owner(1, 2), "chat", 1).is_ok());
    let mut bench = Bench::new();
    let removed = bench.register(&owner(1, 1), "chat", 1).unwrap();
    bench.registry.remove_target(&name("chat"), removed, Whoever::Any, bench.now);
    bench.run(REMOVED_FOR);
    assert!(bench.register(&owner(1, 1), "chat", 1).is_ok());
}

#[test]
fn without_an_identity_what_was_removed_is_back_with_the_next_call() {
    let mut bench = Bench::new();
    let epoch = register_plainly(&mut bench, "chat", 4000).unwrap();
    bench.registry.remove_target(&name("chat"), epoch, Whoever::Any, bench.now);
    bench.check("chat", &[]);
    assert!(register_plainly(&mut bench, "chat", 4000).is_ok());
}

#[test]
fn no_more_removals_are_remembered_than_there_may_be_registrations() {
    let mut bench = Bench::with(Terms { lease: LEASE, registrations: 2, ..Terms::default() });
    for text in ["a", "b", "c"] {
        let epoch = bench.register(&owner(1, 1), text, 1).unwrap();
        bench.registry.remove_target(&name(text), epoch, Whoever::Any, bench.now);
        bench.registry.unregister(&owner(1, 1), &[name(text)], bench.now);
        bench.run(NANO);
    }
    assert!(bench.register(&owner(1, 1), "a", 1).is_ok(), "the oldest is forgotten");
    assert!(bench.register(&owner(1, 1), "b", 1).is_err() && bench.register(&owner(1, 1), "c", 1).is_err());
}
