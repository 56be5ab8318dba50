//! The guard against mass expiry.

use super::*;

fn crowd(bench: &mut Bench, servers: u8) {
    for id in 0..servers {
        bench.share(&owner(id, 1), "sum", 4000 + u16::from(id)).unwrap();
    }
}

fn suspects(bench: &mut Bench) -> usize {
    bench.registry.census(bench.now).suspects
}

/// Story: a registry that was cut off judged everybody by old heartbeats, and deleted servers that were in good health.
#[test]
fn when_most_of_five_servers_fall_silent_none_is_given_up() {
    let mut bench = Bench::new();
    crowd(&mut bench, 5);
    bench.run(LEASE);
    let on = GuardNews::On { suspects: 5, leases: 5 };
    assert_eq!(bench.sweep(), Sweep { suspects: 5, gone: 0, guard: vec![on] });
    bench.run(LEASE * 20);
    assert_eq!(suspects(&mut bench), 5);
    assert_eq!(bench.sweep(), Sweep::default());
    assert_eq!(bench.find("sum").len(), 5);
}

/// Story: people with three servers switched the guard off, because it kept the dead for ever.
#[test]
fn a_small_installation_is_not_guarded() {
    let mut bench = Bench::new();
    crowd(&mut bench, 4);
    bench.run(LEASE * 2);
    assert_eq!(suspects(&mut bench), 0);
    bench.check("sum", &[]);
}

#[test]
fn half_of_the_servers_may_die_at_once() {
    let mut bench = Bench::new();
    crowd(&mut bench, 6);
    for _ in 0..8 {
        bench.run(TICK);
        for id in 0..3 {
            bench.renew(&owner(id, 1));
        }
    }
    assert_eq!(bench.find("sum").len(), 3);
    assert_eq!(bench.sweep(), Sweep { suspects: 3, gone: 3, guard: Vec::new() });
}

#[test]
fn servers_that_end_in_order_do_not_raise_the_guard() {
    let mut bench = Bench::new();
    crowd(&mut bench, 10);
    for id in 0..9 {
        bench.registry.unregister(&owner(id, 1), &[name("sum")], bench.now);
    }
    bench.run(LEASE * 2);
    assert_eq!(bench.sweep(), Sweep { suspects: 1, gone: 1, guard: Vec::new() });
}

/// Story: a partition healed, three of six servers renewed first, and the three that came a moment later were gone.
#[test]
fn the_guard_ends_when_half_are_heard_of_again_and_the_rest_has_a_full_term_to_follow() {
    let mut bench = Bench::new();
    crowd(&mut bench, 6);
    bench.run(LEASE * 5);
    bench.sweep();
    for id in 0..3 {
        bench.renew(&owner(id, 1));
    }
    assert_eq!(bench.sweep(), Sweep { guard: vec![GuardNews::Recovered], ..Sweep::default() });
    for _ in 0..3 {
        bench.run(TICK);
        for id in 0..3 {
            bench.renew(&owner(id, 1));
        }
    }
    bench.run(TICK - NANO);
    assert_eq!(bench.renew(&owner(3, 1)), renewed(&[]));
    assert_eq!(suspects(&mut bench), 2);
    bench.run(NANO);
    assert_eq!(bench.sweep(), Sweep { gone: 2, ..Sweep::default() });
    assert_eq!(bench.find("sum").len(), 4);
}

/// Story: an emergency that never ended was told in red letters for weeks.
#[test]
fn the_guard_ends_by_itself_after_ten_minutes() {
    let mut bench = Bench::new();
    crowd(&mut bench, 6);
    bench.run(LEASE);
    bench.sweep();
    bench.run(GUARD_TIME - NANO);
    assert_eq!(bench.sweep(), Sweep::default());
    bench.run(NANO);
    assert_eq!(bench.sweep(), Sweep { gone: 6, guard: vec![GuardNews::TimeOver], suspects: 0 });
    bench.check("sum", &[]);
}

/// Story: four servers that had lost their name to a fifth, and ended since, were taken for a crowd that fell silent.
#[test]
fn servers_that_hold_nothing_any_more_raise_no_guard() {
    let mut bench = Bench::new();
    for id in 0..5 {
        bench.register(&owner(id, 1), "chat", 4000 + u16::from(id)).unwrap();
    }
    for _ in 0..8 {
        bench.run(TICK);
        bench.renew(&owner(4, 1));
    }
    assert_eq!(bench.sweep(), Sweep::default());
    assert_eq!(bench.registry.leases.size(), 1);
}

/// Story: the alarm said to remove the dead, and went on when all of them were removed.
#[test]
fn to_remove_the_dead_ends_the_guard() {
    let mut bench = Bench::new();
    let epochs: Vec<u64> =
        (0..6).map(|id| bench.share(&owner(id, 1), "sum", 4000 + u16::from(id)).unwrap()).collect();
    bench.run(LEASE);
    bench.sweep();
    for epoch in epochs {
        assert_eq!(bench.registry.remove_target(&name("sum"), epoch, Whoever::Any, bench.now), Spot::Found);
    }
    assert_eq!(bench.sweep(), Sweep { guard: vec![GuardNews::Recovered], ..Sweep::default() });
    assert_eq!(bench.registry.census(bench.now).guarded_for, None);
}

#[test]
fn a_lease_that_holds_nothing_ends_although_the_guard_is_on() {
    let mut bench = Bench::new();
    crowd(&mut bench, 6);
    let epoch = bench.share(&owner(6, 1), "sum", 5000).unwrap();
    bench.run(LEASE);
    bench.registry.remove_target(&name("sum"), epoch, Whoever::Any, bench.now);
    assert_eq!(bench.registry.leases.size(), 7);
    bench.run(LEASE);
    assert!(bench.registry.census(bench.now).guarded_for.is_some());
    assert_eq!(bench.registry.leases.size(), 6);
}

/// Story: a server was cut off together with most others, and lost its name meanwhile. Its lease held nothing then, ended
/// although the guard was on, and with it the knowledge of the loss.
#[test]
fn who_lost_a_name_while_the_guard_was_on_does_not_take_it_back() {
    let mut bench = Bench::new();
    let first = bench.register(&owner(0, 1), "chat", 4000).unwrap();
    for id in 1..7 {
        bench.register(&owner(id, 1), &format!("p{id}"), 4000).unwrap();
    }
    bench.run(LEASE);
    assert!(bench.registry.census(bench.now).guarded_for.is_some());
    bench.register(&owner(8, 1), "chat", 4008).unwrap();
    bench.run(LEASE * 2);
    bench.register(&owner(8, 1), "chat", 4008).unwrap();
    assert_eq!(bench.renew(&owner(0, 1)), Renewal::UnknownLease);
    let again = Offered { claim: Some(first), ..offered("chat", 4000, Mode::Exclusive) };
    assert!(matches!(bench.offer(&owner(0, 1), again), Err(BinderError::Superseded { .. })));
    bench.check_live("chat", 4008);
}

#[test]
fn procedures_of_one_place_without_an_identity_are_one_server() {
    let mut bench = Bench::new();
    for number in 0..10 {
        register_plainly(&mut bench, &format!("p{number}"), 4000).unwrap();
    }
    for id in 1..=4 {
        bench.register(&owner(id, 1), &format!("own{id}"), 1).unwrap();
    }
    let count = |bench: &mut Bench| {
        let census = bench.registry.census(bench.now);
        (census.leases, census.suspects)
    };
    assert_eq!(count(&mut bench), (5, 0));
    bench.run(LEASE / 2);
    (1..=4).for_each(|id| assert_eq!(bench.renew(&owner(id, 1)), renewed(&[])));
    register_plainly(&mut bench, "p0", 4000).unwrap();
    bench.run(LEASE / 2);
    assert_eq!(count(&mut bench), (5, 0), "one of its procedures is heard of");
    (1..=4).for_each(|id| assert_eq!(bench.renew(&owner(id, 1)), renewed(&[])));
    bench.run(LEASE / 2);
    assert_eq!(count(&mut bench), (5, 1));
    assert_eq!(bench.sweep(), Sweep { suspects: 1, ..Sweep::default() }, "ten leases are no crowd");
    bench.run(LEASE / 4);
    (1..=4).for_each(|id| assert_eq!(bench.renew(&owner(id, 1)), renewed(&[])));
    bench.run(LEASE * 3 / 4);
    assert_eq!(count(&mut bench), (4, 0));
}
