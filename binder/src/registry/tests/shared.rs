//! Several servers of one name: states, weights, drains, and mixing modes.

use super::*;

#[test]
fn a_shared_name_has_all_who_share_it_oldest_first() {
    let mut bench = Bench::new();
    for id in [3, 1, 2] {
        bench.share(&owner(id, 1), "sum", 4000 + u16::from(id)).unwrap();
    }
    bench.check("sum", &[(State::Live, 4003), (State::Live, 4001), (State::Live, 4002)]);
    assert_eq!(bench.renew(&owner(3, 1)), renewed(&[]));
    bench.registry.unregister(&owner(3, 1), &[name("sum")], bench.now);
    bench.check("sum", &[(State::Live, 4001), (State::Live, 4002)]);
}

#[test]
fn who_drains_is_given_only_where_nobody_lives_and_who_is_suspect_only_where_nobody_drains() {
    let mut bench = Bench::new();
    for id in 1..=3 {
        bench.share(&owner(id, 1), "sum", u16::from(id)).unwrap();
    }
    bench.run(LEASE / 2);
    bench.renew(&owner(2, 1));
    bench.renew(&owner(3, 1));
    bench.registry.intend(&owner(2, 1), &[name("sum")], Intent::Drain, bench.now);
    bench.run(LEASE / 2);
    bench.check("sum", &[(State::Live, 3)]);
    bench.registry.unregister(&owner(3, 1), &[name("sum")], bench.now);
    bench.check("sum", &[(State::Draining, 2)]);
    bench.registry.unregister(&owner(2, 1), &[name("sum")], bench.now);
    bench.check("sum", &[(State::Suspect, 1)]);
}

#[test]
fn a_drain_lasts_through_renewals_until_it_is_taken_back() {
    let mut bench = Bench::new();
    let epoch = bench.share(&owner(1, 1), "sum", 1).unwrap();
    let target =
        |bench: &mut Bench, intent| bench.registry.intend_target(&name("sum"), epoch, intent, bench.now);
    assert_eq!(target(&mut bench, Intent::Drain), Spot::Found);
    bench.renew(&owner(1, 1));
    assert_eq!(bench.share(&owner(1, 1), "sum", 1), Ok(epoch));
    bench.check("sum", &[(State::Draining, 1)]);
    assert_eq!(target(&mut bench, Intent::Stay), Spot::Found);
    bench.check("sum", &[(State::Live, 1)]);
    assert_eq!(bench.registry.intend_target(&name("sum"), epoch + 1, Intent::Drain, bench.now), Spot::Empty);
}

#[test]
fn a_new_start_of_a_draining_instance_does_not_drain() {
    let mut bench = Bench::new();
    bench.share(&owner(1, 1), "sum", 1).unwrap();
    bench.registry.intend(&owner(1, 1), &[name("sum")], Intent::Drain, bench.now);
    bench.share(&owner(1, 2), "sum", 1).unwrap();
    bench.check("sum", &[(State::Live, 1)]);
}

#[test]
fn living_servers_are_not_mixed_with_one_that_holds_the_name_in_another_way() {
    let mut bench = Bench::new();
    bench.share(&owner(1, 1), "sum", 1).unwrap();
    bench.register(&owner(2, 1), "chat", 2).unwrap();
    let shared = bench.register(&owner(3, 1), "sum", 3).unwrap_err();
    assert_eq!(shared, BinderError::OtherMode { name: "sum".into(), held: Mode::Shared });
    assert!(shared.to_string().starts_with("sum is shared by servers that live: they must leave"));
    let exclusive = bench.share(&owner(3, 1), "chat", 3).unwrap_err();
    assert!(exclusive.to_string().starts_with("chat is held by one server alone, which lives"));
    // Who is alone changes his mind as he likes.
    bench.register(&owner(1, 1), "sum", 1).unwrap();
    bench.share(&owner(1, 1), "sum", 1).unwrap();
    bench.check_live("sum", 1);
}

#[test]
fn a_name_is_taken_in_another_way_from_servers_that_are_suspect() {
    let mut bench = Bench::new();
    bench.share(&owner(1, 1), "sum", 1).unwrap();
    bench.share(&owner(2, 1), "sum", 2).unwrap();
    bench.run(LEASE);
    let epoch = bench.register(&owner(3, 1), "sum", 3).unwrap();
    bench.check_live("sum", 3);
    assert_eq!(bench.renew(&owner(1, 1)), renewed(&[("sum", LossReason::Superseded { epoch })]));
}

#[test]
fn a_name_has_its_limit_of_servers_and_not_one_more() {
    let mut bench = Bench::with(Terms { lease: LEASE, servers_per_name: 2, ..Terms::default() });
    bench.share(&owner(1, 1), "sum", 1).unwrap();
    bench.share(&owner(2, 1), "sum", 2).unwrap();
    assert_eq!(bench.share(&owner(3, 1), "sum", 3), Err(BinderError::NameFull { limit: 2 }));
    assert!(bench.share(&owner(2, 1), "sum", 9).is_ok());
}

#[test]
fn an_exclusive_name_is_taken_over_at_the_limit_of_servers_too() {
    let mut bench = Bench::with(Terms { lease: LEASE, servers_per_name: 1, ..Terms::default() });
    bench.register(&owner(1, 1), "chat", 1).unwrap();
    bench.register(&owner(2, 1), "chat", 2).unwrap();
    bench.check_live("chat", 2);
}

#[test]
fn an_asker_gets_those_who_are_what_he_wants_or_a_sentence() {
    let mut bench = Bench::new();
    for (id, version) in [(1, "1.4.0"), (2, "2.0.0")] {
        let features = Features::parse(5, Some(version), BTreeMap::new()).unwrap();
        bench
            .offer(&owner(id, 1), Offered { features, ..offered("sum", u16::from(id), Mode::Shared) })
            .unwrap();
    }
    let mut ask = |version: &str| {
        let wanted = Wanted::parse(Some(version), BTreeMap::new()).unwrap();
        let held = bench.registry.lookup(&name("sum"), &wanted, bench.now)?;
        Ok(held.iter().map(|held| held.record.place.port()).collect::<Vec<_>>())
    };
    assert_eq!(ask("1"), Ok(vec![1]));
    assert_eq!(ask(">=1"), Ok(vec![1, 2]));
    assert_eq!(ask("3"), Err(BinderError::NoMatch { name: "sum".into(), servers: 2 }));
}

#[test]
fn a_change_of_weight_is_no_new_registration() {
    let mut bench = Bench::new();
    let epoch = bench.share(&owner(1, 1), "sum", 1).unwrap();
    let features = Features::parse(u16::MAX, None, BTreeMap::new()).unwrap();
    assert_eq!(bench.offer(&owner(1, 1), Offered { features, ..offered("sum", 1, Mode::Shared) }), Ok(epoch));
    let held = bench.registry.lookup(&name("sum"), &Wanted::default(), bench.now).unwrap();
    assert_eq!(held[0].record.features.weight, NonZeroU16::MAX);
}

#[test]
fn a_page_may_end_within_a_name() {
    let mut bench = Bench::new();
    for id in 1..=5 {
        bench.share(&owner(id, 1), "sum", u16::from(id)).unwrap();
        bench.register(&owner(id, 1), &format!("own{id}"), 9).unwrap();
    }
    let mut ports = Vec::new();
    let mut after = None;
    loop {
        let slice = bench.list("s", after.as_ref(), 2);
        assert!(slice.held.len() <= 2);
        ports.extend(slice.held.iter().map(|held| held.record.place.port()));
        after = slice.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ports, [1, 2, 3, 4, 5]);
}

/// Story: with 10,000 procedures of ten servers each, the text of every name was kept ten times.
#[test]
fn the_servers_of_a_name_share_its_text_and_a_record_is_small() {
    let mut bench = Bench::new();
    for id in 1..=3 {
        bench.share(&owner(id, 1), "sum", u16::from(id)).unwrap();
    }
    let saved = restart::restarted(&bench, 0);
    for registry in [&bench.registry, &saved.registry] {
        let texts: Vec<_> = registry.book.all().map(|record| record.name.as_str().as_ptr()).collect();
        assert_eq!(texts, [texts[0]; 3]);
    }
    // Ten times what is added here is added to a hundred thousand records: a mebibyte for each ten bytes.
    assert!(size_of::<Record>() <= 144, "{}", size_of::<Record>());
}
