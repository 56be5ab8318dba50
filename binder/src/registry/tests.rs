//! What the registry promises, one sentence at a time; `model` checks it in random orders.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use super::*;
use crate::address::{Place, Vantage};
use crate::contract::{Cursor, PAGE, Scope, State};
use crate::features::{Features, Wanted};
use crate::selection::Selection;

mod claims;
mod crowds;
mod fencing;
mod history;
mod model;
mod names;
mod reached;
mod restart;
mod shared;

const LEASE: Duration = Duration::from_secs(1);
/// As often as a sweeper looks; a renewal's distance too.
const TICK: Duration = Duration::from_millis(250);
const NANO: Duration = Duration::from_nanos(1);

fn owner(id: u8, incarnation: u64) -> Owner {
    Owner { instance: Instance::Named([id; 16].into()), incarnation }
}

fn name(text: &str) -> ProcedureName {
    ProcedureName::parse(text).unwrap()
}

fn place(port: u16) -> Place {
    Place::advertised("127.0.0.1", port, Vantage::Beside).unwrap()
}

fn offered(text: &str, port: u16, mode: Mode) -> Offered {
    Offered { name: name(text), place: place(port), mode, features: Features::default(), claim: None }
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
            self.registry.look(self.now);
        }
    }

    fn register(&mut self, owner: &Owner, text: &str, port: u16) -> Result<u64, BinderError> {
        self.offer(owner, offered(text, port, Mode::Exclusive))
    }

    fn share(&mut self, owner: &Owner, text: &str, port: u16) -> Result<u64, BinderError> {
        self.offer(owner, offered(text, port, Mode::Shared))
    }

    fn offer(&mut self, owner: &Owner, offered: Offered) -> Result<u64, BinderError> {
        self.registry.register(owner, offered, None, self.now).map(|granted| granted.epoch)
    }

    fn renew(&mut self, owner: &Owner) -> Renewal {
        self.registry.renew(owner, None, self.now).unwrap()
    }

    fn sweep(&mut self) -> Sweep {
        self.registry.sweep(self.now)
    }

    /// The state and port of those whom an asker is given.
    fn find(&mut self, text: &str) -> Vec<(State, u16)> {
        let held = self.registry.lookup(&name(text), &Wanted::default(), self.now).unwrap_or_default();
        held.iter().map(|held| (held.record.state(), held.record.place.port())).collect()
    }

    #[track_caller]
    fn check(&mut self, text: &str, found: &[(State, u16)]) {
        assert_eq!(self.find(text), found, "{text}");
    }

    #[track_caller]
    fn check_live(&mut self, text: &str, port: u16) {
        self.check(text, &[(State::Live, port)]);
    }

    fn list(&mut self, prefix: &str, after: Option<&Cursor>, limit: usize) -> queries::Slice {
        self.registry.list(prefix, &Wanted::default(), after, limit, self.now)
    }
}

fn renewed(lost: &[(&str, LossReason)]) -> Renewal {
    let lost = lost.iter().map(|(name, why)| Loss { name: (*name).to_owned(), why: *why }).collect();
    Renewal::Renewed { lease_ms: 1000, lost }
}

#[test]
fn a_lease_that_ends_makes_its_names_suspect_and_as_long_after_it_they_are_gone() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.run(LEASE - NANO);
    bench.check_live("chat", 4000);
    bench.run(NANO);
    bench.check("chat", &[(State::Suspect, 4000)]);
    bench.run(LEASE - NANO);
    bench.check("chat", &[(State::Suspect, 4000)]);
    bench.run(NANO);
    bench.check("chat", &[]);
    assert_eq!(bench.renew(&owner(1, 1)), Renewal::UnknownLease);
}

#[test]
fn a_suspect_that_is_heard_of_lives_again_with_all_its_names() {
    let mut bench = Bench::new();
    let epoch = bench.register(&owner(1, 1), "a", 4000).unwrap();
    bench.register(&owner(1, 1), "b", 4000).unwrap();
    bench.run(LEASE);
    bench.check("b", &[(State::Suspect, 4000)]);
    assert_eq!(bench.renew(&owner(1, 1)), renewed(&[]));
    bench.check_live("b", 4000);
    bench.run(LEASE);
    assert_eq!(bench.register(&owner(1, 1), "a", 4000), Ok(epoch));
    bench.check_live("b", 4000);
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
        bench.check_live(text, 4000);
    }
}

#[test]
fn a_lease_may_be_wished_for_within_bounds() {
    let mut bench = Bench::with(Terms::default());
    let seconds = Duration::from_secs;
    for (wished, granted) in [
        (None, DEFAULT_LEASE),
        (Some(seconds(0)), SHORTEST_WISH),
        (Some(seconds(2)), seconds(2)),
        (Some(seconds(300)), LONGEST_LEASE),
        (Some(Duration::MAX), LONGEST_LEASE),
    ] {
        let answer =
            bench.registry.register(&owner(1, 1), offered("a", 1, Mode::Exclusive), wished, bench.now);
        assert_eq!(answer.unwrap().lease_ms, millis(granted), "{wished:?}");
    }
    bench.registry.renew(&owner(1, 1), Some(seconds(2)), bench.now).unwrap();
    bench.run(seconds(2));
    bench.check("a", &[(State::Suspect, 1)]);
    let short = Terms { lease: Duration::from_millis(300), ..Terms::default() };
    assert_eq!(short.grant(Some(Duration::ZERO)), short.lease);
}

#[test]
fn a_sweep_says_what_has_happened_since_the_last_one() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 4000).unwrap();
    bench.register(&owner(1, 1), "b", 4000).unwrap();
    bench.run(LEASE);
    assert_eq!(bench.sweep(), Sweep { suspects: 1, ..Sweep::default() });
    bench.run(LEASE);
    assert_eq!(bench.sweep(), Sweep { gone: 2, ..Sweep::default() });
    assert_eq!(bench.sweep(), Sweep::default());
}

#[test]
fn after_a_pause_of_the_binder_every_lease_has_a_full_term() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    bench.now += LEASE * 10;
    bench.check_live("chat", 4000);
    bench.run(LEASE - NANO);
    bench.check_live("chat", 4000);
    bench.run(NANO);
    bench.check("chat", &[(State::Suspect, 4000)]);
    bench.now += LEASE * 10;
    bench.check("chat", &[(State::Suspect, 4000)]);
    bench.run(LEASE);
    bench.check("chat", &[]);
}

#[test]
fn a_gap_of_just_the_named_share_is_no_pause_for_a_lease_and_may_be_one_for_a_shorter() {
    let mut bench = Bench::with(Terms { lease: Duration::from_secs(40), ..Terms::default() });
    let short = offered("short", 1, Mode::Exclusive);
    bench.registry.register(&owner(1, 1), short, Some(Duration::from_secs(4)), bench.now).unwrap();
    bench.register(&owner(2, 1), "long", 2).unwrap();
    for _ in 0..PAUSE_SHARE {
        bench.now += Duration::from_secs(40) / PAUSE_SHARE;
        bench.sweep();
    }
    bench.check_live("short", 1);
    bench.check("long", &[(State::Suspect, 2)]);
}

#[test]
fn a_clock_that_runs_backwards_changes_nothing() {
    let mut bench = Bench::new();
    let past = bench.now;
    bench.run(LEASE);
    bench.register(&owner(1, 1), "chat", 4000).unwrap();
    assert!(bench.registry.lookup(&name("chat"), &Wanted::default(), past).is_ok());
    bench.run(LEASE);
    bench.check("chat", &[(State::Suspect, 4000)]);
}

/// Registers a procedure as a client that sends no identity.
fn register_plainly(bench: &mut Bench, text: &str, port: u16) -> Result<u64, BinderError> {
    bench.register(&Owner::at(&place(port), &name(text)), text, port)
}

/// Story: a program without an identity was started again at its port and served less than before. What it did not serve any
/// more was renewed with the rest, for ever.
#[test]
fn a_client_without_identity_is_known_by_its_place_and_each_procedure_ends_by_itself() {
    let mut bench = Bench::new();
    let epoch = register_plainly(&mut bench, "a", 4000).unwrap();
    register_plainly(&mut bench, "b", 4000).unwrap();
    bench.run(LEASE / 2);
    assert_eq!(register_plainly(&mut bench, "a", 4000), Ok(epoch));
    bench.run(LEASE / 2);
    bench.check_live("a", 4000);
    bench.check("b", &[(State::Suspect, 4000)]);
    bench.run(LEASE / 4);
    register_plainly(&mut bench, "a", 4000).unwrap();
    bench.run(LEASE * 3 / 4);
    bench.check_live("a", 4000);
    bench.check("b", &[]);
}

#[test]
fn how_often_a_server_is_called_is_told_for_a_while_and_is_no_change() {
    let mut bench = Bench::with(Terms { lease: HEARD_WITHIN * 2, ..Terms::default() });
    bench.register(&owner(1, 1), "add", 4000).unwrap();
    let number = bench.registry.number();
    let loads = [("add", 10), ("other", 10)].map(|(text, calls)| (name(text), calls, Duration::from_secs(5)));
    let told =
        |bench: &mut Bench| bench.list("", None, 9).held.iter().map(|held| held.calls).collect::<Vec<_>>();
    for stranger in [owner(2, 1), owner(1, 2)] {
        bench.registry.report(&stranger, &loads, bench.now);
        assert_eq!(told(&mut bench), [None]);
    }
    bench.registry.report(&owner(1, 1), &loads, bench.now);
    bench.run(HEARD_WITHIN);
    assert_eq!(told(&mut bench), [Some(120)]);
    bench.run(NANO);
    assert_eq!(told(&mut bench), [None], "an old number says nothing about now");
    bench.registry.report(&owner(1, 1), &loads, bench.now);
    assert_eq!(bench.registry.number(), number, "watchers are not told");
    // Who has the name now has not said anything.
    bench.register(&owner(3, 1), "add", 4001).unwrap();
    assert_eq!(told(&mut bench), [None]);
}
