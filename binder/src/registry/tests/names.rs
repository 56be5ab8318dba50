//! Who has a name: taking over, losing, restarting, removing, and the limits.

use super::*;

#[test]
fn the_last_to_register_has_the_name_and_the_loser_is_told_until_he_unregisters() {
    let mut bench = Bench::new();
    let (old, new) = (owner(1, 1), owner(2, 1));
    let first = bench.register(&old, "chat", 4000).unwrap();
    bench.register(&old, "kept", 4000).unwrap();
    let second = bench.register(&new, "chat", 4001).unwrap();
    assert!(second > first);
    bench.check_live("chat", 4001);
    let lost = renewed(&[("chat", LossReason::Superseded { epoch: second })]);
    assert_eq!(bench.renew(&old), lost);
    // The answer may have been lost: it is told again.
    assert_eq!(bench.renew(&old), lost);
    bench.registry.unregister(&old, &[name("chat")], bench.now);
    bench.check_live("chat", 4001);
    assert_eq!(bench.renew(&old), renewed(&[]));
    assert_eq!(bench.renew(&new), renewed(&[]));
}

#[test]
fn a_lease_of_lost_names_alone_goes_when_it_ends() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.register(&owner(2, 1), "chat", 4001).unwrap();
    bench.run(LEASE / 2);
    bench.renew(&owner(2, 1));
    bench.run(LEASE / 2);
    assert_eq!(bench.registry.census(bench.now).leases, 1);
}

#[test]
fn registering_again_renews_and_keeps_the_epoch() {
    let mut bench = Bench::new();
    let epoch = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.run(LEASE / 2);
    assert_eq!(bench.register(&owner(1, 1), "chat", 4009), Ok(epoch));
    bench.run(LEASE / 2);
    bench.check_live("chat", 4009);
}

#[test]
fn a_name_that_was_gone_comes_back_with_a_higher_epoch() {
    let mut bench = Bench::new();
    let first = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.registry.unregister(&owner(1, 1), &[name("chat")], bench.now);
    let second = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.run(LEASE * 2);
    let third = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    assert!(first < second && second < third);
}

/// Story: a broker that was started again was refused, because its own former registration had not lapsed yet.
#[test]
fn a_restarted_instance_replaces_its_ghost_and_the_ghost_is_refused() {
    let mut bench = Bench::new();
    let first = bench.register(&owner(1, 10), "chat", 4000).unwrap();
    assert_eq!(bench.renew(&owner(1, 11)), Renewal::UnknownLease);
    assert!(bench.register(&owner(1, 11), "chat", 4001).unwrap() > first);
    bench.check_live("chat", 4001);
    let refused = BinderError::Restarted { incarnation: 10, later: 11 };
    assert_eq!(bench.register(&owner(1, 10), "chat", 4000), Err(refused.clone()));
    assert_eq!(bench.registry.renew(&owner(1, 10), None, bench.now), Err(refused));
    bench.registry.unregister(&owner(1, 10), &[name("chat")], bench.now);
    bench.check_live("chat", 4001);
}

#[test]
fn what_a_restarted_instance_does_not_register_is_suspect_and_goes_with_its_first_renewal() {
    let mut bench = Bench::new();
    for text in ["a", "b", "c"] {
        bench.register(&owner(1, 10), text, 4000).unwrap();
    }
    bench.register(&owner(1, 11), "a", 4001).unwrap();
    bench.check("b", &[(State::Suspect, 4000)]);
    bench.register(&owner(1, 11), "b", 4001).unwrap();
    bench.check_live("b", 4001);
    bench.check("c", &[(State::Suspect, 4000)]);
    assert_eq!(bench.renew(&owner(1, 11)), renewed(&[]));
    bench.check("c", &[]);
    bench.check_live("a", 4001);
}

#[test]
fn nobody_unregisters_or_drains_what_another_holds() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.register(&owner(2, 1), "other", 4001).unwrap();
    let names = [name("chat"), name("nobody")];
    bench.registry.unregister(&owner(2, 1), &names, bench.now);
    bench.registry.intend(&owner(2, 1), &names, Intent::Drain, bench.now);
    bench.check_live("chat", 4000);
}

/// Story: a prober removed by name what it had found dead, and deleted the server that had registered in between.
#[test]
fn a_target_is_removed_only_if_it_is_that_very_registration() {
    let mut bench = Bench::new();
    let old = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    let new = bench.register(&owner(2, 1), "chat", 4001).unwrap();
    assert_eq!(bench.registry.remove_target(&name("chat"), old, Whoever::Any, bench.now), Spot::Empty);
    bench.check_live("chat", 4001);
    assert_eq!(bench.registry.remove_target(&name("chat"), new, Whoever::Any, bench.now), Spot::Found);
    bench.check("chat", &[]);
    assert_eq!(bench.renew(&owner(2, 1)), renewed(&[("chat", LossReason::Removed)]));
}

#[test]
fn a_lease_covers_its_limit_of_names_and_not_one_more() {
    let mut bench = Bench::new();
    for number in 0..NAMES_PER_LEASE {
        bench.register(&owner(1, 1), &format!("p{number}"), 4000).unwrap();
    }
    let full = BinderError::LeaseFull { limit: 10_000 };
    assert_eq!(full.to_string(), "one lease covers at most 10000 names, and this one has that many");
    assert_eq!(bench.register(&owner(1, 1), "more", 4000), Err(full));
    assert!(bench.register(&owner(1, 1), "p0", 4001).is_ok());
    assert!(bench.register(&owner(2, 1), "more", 4000).is_ok());
}

#[test]
fn the_binder_holds_its_limit_of_names_lost_ones_included() {
    let mut bench = Bench::with(Terms { lease: LEASE, registrations: 3, ..Terms::default() });
    bench.register(&owner(1, 1), "a", 4000).unwrap();
    bench.register(&owner(2, 1), "a", 4001).unwrap();
    bench.register(&owner(2, 1), "b", 4001).unwrap();
    assert_eq!(bench.register(&owner(3, 1), "c", 4002), Err(BinderError::BinderFull { limit: 3 }));
    assert_eq!(bench.register(&owner(3, 1), "a", 4002), Err(BinderError::BinderFull { limit: 3 }));
    bench.registry.unregister(&owner(1, 1), &[name("a")], bench.now);
    assert!(bench.register(&owner(3, 1), "c", 4002).is_ok());
}

#[test]
fn a_list_comes_in_pages_in_the_order_of_names() {
    let mut bench = Bench::new();
    let names: Vec<String> = (0..PAGE + 2).map(|number| format!("p{number:05}")).collect();
    for text in names.iter().rev() {
        bench.register(&owner(1, 1), text, 4000).unwrap();
    }
    bench.register(&owner(1, 1), "q", 4000).unwrap();
    let first = bench.list("p", None, PAGE);
    assert_eq!(first.held.len(), PAGE);
    let rest = bench.list("p", first.next.as_ref(), PAGE);
    let texts: Vec<String> = rest.held.iter().map(|held| held.record.name.to_string()).collect();
    assert_eq!(texts, names[PAGE..]);
    assert_eq!(rest.next, None);
    let behind = Cursor { name: "z".repeat(1000), epoch: 0 };
    assert!(bench.list("", Some(&behind), PAGE).held.is_empty());
}

#[test]
fn a_page_ends_after_a_bounded_search_and_the_next_one_goes_on() {
    let mut bench = Bench::new();
    for id in 0..2 {
        for number in 0..NAMES_PER_LEASE {
            bench.register(&owner(id, 1), &format!("p{id}{number:05}"), 4000).unwrap();
        }
    }
    let wanted = Wanted::parse(None, BTreeMap::from([("zone".to_owned(), "a".to_owned())])).unwrap();
    let mut after = None;
    let mut pages = 0;
    loop {
        let slice = bench.registry.list("", &wanted, after.as_ref(), PAGE, bench.now);
        assert!(slice.held.is_empty());
        pages += 1;
        after = slice.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, 2);
}

/// Story: an operator saw a suspect and removed it. It had come back in between, and was told to stay away.
#[test]
fn a_suspect_that_is_back_is_not_removed_as_one() {
    let mut bench = Bench::new();
    let epoch = bench.share(&owner(1, 1), "sum", 4000).unwrap();
    let remove =
        |bench: &mut Bench| bench.registry.remove_target(&name("sum"), epoch, Whoever::Suspect, bench.now);
    bench.run(LEASE);
    bench.check("sum", &[(State::Suspect, 4000)]);
    bench.renew(&owner(1, 1));
    assert_eq!(remove(&mut bench), Spot::Empty);
    bench.check_live("sum", 4000);
    bench.run(LEASE);
    assert_eq!(remove(&mut bench), Spot::Found);
    bench.check("sum", &[]);
}
