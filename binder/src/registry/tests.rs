//! What the registry promises, one sentence at a time; `model` checks it in random orders.

use rpc_core::Metadata;

use super::*;
use crate::address::Vantage;

mod model;

const LEASE: Duration = Duration::from_secs(1);
/// As often as a sweeper looks; a renewal's distance too.
const TICK: Duration = Duration::from_millis(250);

fn owner(id: u8, incarnation: u64) -> Owner {
    Owner { instance: Instance::Named([id; 16]), incarnation }
}

fn name(text: &str) -> ProcedureName {
    ProcedureName::parse(text).unwrap()
}

fn place(port: u16) -> Place {
    Place::advertised("127.0.0.1", port, Vantage::Beside).unwrap()
}

/// A registry and its clock, which is looked at every [`TICK`] while it runs.
struct Bench {
    registry: Registry,
    now: Instant,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Terms { lease: LEASE, ..Terms::default() })
    }

    fn with(terms: Terms) -> Bench {
        let now = Instant::now();
        Bench { registry: Registry::new(terms, 0, now), now }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = (self.now + TICK).min(end);
            self.registry.sweep(self.now);
        }
    }

    fn register(&mut self, owner: &Owner, text: &str, port: u16) -> Result<u64, BinderError> {
        self.registry.register(owner, &name(text), place(port), self.now).map(|granted| granted.epoch)
    }

    fn renew(&mut self, owner: &Owner) -> Renewal {
        self.registry.renew(owner, self.now).unwrap()
    }

    #[track_caller]
    fn check(&mut self, text: &str, port: Option<u16>) {
        let found = self.registry.lookup(&name(text), self.now).ok().map(|held| held.holding.place.port());
        assert_eq!(found, port, "{text}");
    }
}

fn renewed(superseded: &[&str]) -> Renewal {
    Renewal::Renewed { lease_ms: 1000, superseded: superseded.iter().map(ToString::to_string).collect() }
}

#[test]
fn a_lease_ends_exactly_when_its_time_is_over() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.run(LEASE - Duration::from_nanos(1));
    bench.check("chat", Some(4000));
    bench.run(Duration::from_nanos(1));
    bench.check("chat", None);
    assert_eq!(bench.renew(&owner(1, 1)), Renewal::UnknownLease);
}

#[test]
fn one_renewal_covers_all_names_of_a_process() {
    let mut bench = Bench::new();
    for text in ["a", "b", "c"] {
        bench.register(&owner(1, 1), text, 4000).unwrap();
    }
    bench.run(LEASE / 2);
    assert_eq!(bench.renew(&owner(1, 1)), renewed(&[]));
    bench.run(LEASE / 2);
    for text in ["a", "b", "c"] {
        bench.check(text, Some(4000));
    }
    bench.run(LEASE / 2);
    assert_eq!(bench.registry.sweep(bench.now), 0);
    bench.check("a", None);
}

#[test]
fn a_sweep_counts_what_has_gone() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 4000).unwrap();
    bench.register(&owner(1, 1), "b", 4000).unwrap();
    for _ in 0..3 {
        bench.now += TICK;
        assert_eq!(bench.registry.sweep(bench.now), 0);
    }
    bench.now += TICK;
    assert_eq!(bench.registry.sweep(bench.now), 2);
}

#[test]
fn the_last_to_register_has_the_name_and_the_loser_is_told_until_he_unregisters() {
    let mut bench = Bench::new();
    let (old, new) = (owner(1, 1), owner(2, 1));
    let first = bench.register(&old, "chat", 4000).unwrap();
    bench.register(&old, "kept", 4000).unwrap();
    let second = bench.register(&new, "chat", 4001).unwrap();
    assert!(second > first);
    bench.check("chat", Some(4001));
    assert_eq!(bench.renew(&old), renewed(&["chat"]));
    // The answer may have been lost: it is told again.
    assert_eq!(bench.renew(&old), renewed(&["chat"]));
    bench.registry.unregister(&old, &[name("chat")], bench.now);
    bench.check("chat", Some(4001));
    assert_eq!(bench.renew(&old), renewed(&[]));
    assert_eq!(bench.renew(&new), renewed(&[]));
}

#[test]
fn a_loser_that_registers_again_has_the_name_again() {
    let mut bench = Bench::new();
    let (old, new) = (owner(1, 1), owner(2, 1));
    bench.register(&old, "chat", 4000).unwrap();
    let second = bench.register(&new, "chat", 4001).unwrap();
    assert!(bench.register(&old, "chat", 4000).unwrap() > second);
    assert_eq!(bench.renew(&old), renewed(&[]));
    assert_eq!(bench.renew(&new), renewed(&["chat"]));
}

#[test]
fn registering_again_renews_and_keeps_the_epoch() {
    let mut bench = Bench::new();
    let epoch = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.run(LEASE / 2);
    assert_eq!(bench.register(&owner(1, 1), "chat", 4009), Ok(epoch));
    bench.run(LEASE / 2);
    bench.check("chat", Some(4009));
}

#[test]
fn a_name_that_was_gone_comes_back_with_a_higher_epoch() {
    let mut bench = Bench::new();
    let first = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.registry.unregister(&owner(1, 1), &[name("chat")], bench.now);
    let second = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.run(LEASE);
    let third = bench.register(&owner(1, 1), "chat", 4000).unwrap();
    assert!(first < second && second < third);
}

#[test]
fn a_restarted_instance_replaces_its_ghost_and_the_ghost_is_refused() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 10), "chat", 4000).unwrap();
    bench.register(&owner(1, 10), "old", 4000).unwrap();
    assert_eq!(bench.renew(&owner(1, 11)), Renewal::UnknownLease);
    bench.register(&owner(1, 11), "chat", 4001).unwrap();
    bench.check("chat", Some(4001));
    bench.check("old", None);
    let refused = BinderError::Restarted { incarnation: 10, later: 11 };
    assert_eq!(bench.register(&owner(1, 10), "chat", 4000), Err(refused.clone()));
    assert_eq!(bench.registry.renew(&owner(1, 10), bench.now), Err(refused));
    bench.registry.unregister(&owner(1, 10), &[name("chat")], bench.now);
    bench.check("chat", Some(4001));
}

#[test]
fn nobody_unregisters_what_another_holds() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.register(&owner(2, 1), "other", 4001).unwrap();
    bench.registry.unregister(&owner(2, 1), &[name("chat"), name("nobody")], bench.now);
    bench.check("chat", Some(4000));
}

#[test]
fn after_a_pause_of_the_binder_every_lease_has_a_full_term() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.now += LEASE * 10;
    bench.check("chat", Some(4000));
    bench.run(LEASE - Duration::from_nanos(1));
    bench.check("chat", Some(4000));
    bench.run(Duration::from_nanos(1));
    bench.check("chat", None);
}

#[test]
fn a_gap_of_just_the_named_share_is_no_pause() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    for _ in 0..PAUSE_SHARE {
        bench.now += LEASE / PAUSE_SHARE;
        bench.registry.sweep(bench.now);
    }
    bench.check("chat", None);
}

#[test]
fn a_clock_that_runs_backwards_changes_nothing() {
    let mut bench = Bench::new();
    let past = bench.now;
    bench.run(LEASE);
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    assert!(bench.registry.lookup(&name("chat"), past).is_ok());
    bench.run(LEASE);
    bench.check("chat", None);
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
    let mut bench = Bench::with(Terms { lease: LEASE, names: 3, ..Terms::default() });
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
    let page = bench.registry.list("", bench.now);
    assert_eq!(page.len(), PAGE);
    let last = page.last().unwrap().name.to_string();
    let rest: Vec<String> =
        bench.registry.list(&last, bench.now).iter().map(|held| held.name.to_string()).collect();
    assert_eq!(rest, names[PAGE..]);
    assert!(bench.registry.list(&"z".repeat(1000), bench.now).is_empty());
}

#[test]
fn a_client_without_identity_is_known_by_its_place() {
    let mut bench = Bench::new();
    assert_eq!(Owner::of(&Metadata::new()), Ok(None));
    let plain = Owner::at(&place(4000));
    let epoch = bench.register(&plain, "a", 4000).unwrap();
    bench.run(LEASE / 2);
    bench.register(&plain, "b", 4000).unwrap();
    bench.run(LEASE / 2);
    bench.check("a", Some(4000));
    assert_eq!(bench.register(&plain, "a", 4000), Ok(epoch));
}
