//! The registry against a model that is too simple to be wrong: lists, scanned from end to end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

mod plain;

use super::reached::Reached;
use plain::Plain;

#[derive(Clone, Debug)]
enum Step {
    Register {
        who: Who,
        name: u8,
        port: u16,
        mode: Mode,
        claim: Claim,
        wish: Option<Duration>,
    },
    Renew {
        id: u8,
        incarnation: u64,
    },
    Unregister {
        id: u8,
        incarnation: u64,
        names: Vec<u8>,
    },
    Intend {
        id: u8,
        incarnation: u64,
        name: u8,
        intent: Intent,
    },
    Remove {
        name: u8,
        which: usize,
        whose: Whoever,
    },
    Pass {
        millis: u64,
    },
    /// So many looks at the clock, none of them a pause, while nobody is heard of.
    Silence {
        looks: u32,
    },
    /// As many servers register a name each as the guard wants.
    Crowd,
    Restart,
    /// It comes back with nothing; its epochs grow on.
    Forget,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Named {
        id: u8,
        incarnation: u64,
    },
    /// Who sends no identity, and is known by his place.
    Plain,
}

/// Which epoch is claimed, seen from the last one that was given.
#[derive(Clone, Copy, Debug)]
enum Claim {
    None,
    Before(u64),
    Beyond(u64),
}

impl Claim {
    fn epoch(self, last: u64) -> Option<u64> {
        match self {
            Claim::None => None,
            Claim::Before(count) => Some(last.saturating_sub(count)),
            Claim::Beyond(count) => Some(last.saturating_add(count)),
        }
    }
}

fn text(name: u8) -> String {
    format!("p{name}")
}

/// What a watcher knows: by name and instance.
type Known = BTreeMap<(String, Instance), Arc<Record>>;

struct Pair {
    bench: Bench,
    plain: Plain,
    watched: Known,
    seen: Option<u64>,
}

impl Pair {
    fn new(terms: Terms) -> Pair {
        let bench = Bench::with(terms);
        let plain = Plain::new(terms, 0, bench.now);
        Pair { bench, plain, watched: Known::new(), seen: None }
    }

    fn step(&mut self, step: &Step, reached: &Reached) -> Result<(), TestCaseError> {
        let now = self.bench.now;
        match *step {
            Step::Pass { millis } => {
                self.bench.now += Duration::from_millis(millis);
                return Ok(());
            }
            Step::Silence { looks } => return self.be_silent(looks, reached),
            Step::Crowd => {
                let mut servers = (0..u8::try_from(GUARD_LEASES).unwrap()).map(|id| {
                    let (who, claim) = (Who::Named { id, incarnation: 2 }, Claim::None);
                    Step::Register { who, name: id, port: 1, mode: Mode::Shared, claim, wish: None }
                });
                return servers.try_for_each(|server| self.step(&server, reached));
            }
            _ => {}
        }
        self.plain.look(now);
        match *step {
            Step::Register { who, name, port, mode, claim, wish } => {
                self.register(who, offered(&text(name), port, mode), claim, wish, reached)?;
            }
            Step::Renew { id, incarnation } => {
                let answer = self.bench.registry.renew(&owner(id, incarnation), None, now).ok();
                reached.note(match &answer {
                    Some(Renewal::Renewed { lost, .. }) if !lost.is_empty() => "renewed, with losses",
                    Some(Renewal::Renewed { .. }) => "renewed",
                    Some(Renewal::UnknownLease) => "unknown lease",
                    None => "ghost",
                });
                prop_assert_eq!(answer, self.plain.renew(&owner(id, incarnation), now));
            }
            Step::Unregister { id, incarnation, ref names } => {
                let texts: Vec<_> = names.iter().map(|number| text(*number)).collect();
                let names: Vec<_> = texts.iter().map(|text| name(text)).collect();
                self.bench.registry.unregister(&owner(id, incarnation), &names, now);
                self.plain.unregister(&owner(id, incarnation), &texts);
            }
            Step::Intend { id, incarnation, name: number, intent } => {
                let names = [name(&text(number))];
                self.bench.registry.intend(&owner(id, incarnation), &names, intent, now);
                self.plain.intend(&owner(id, incarnation), &text(number), intent);
            }
            Step::Remove { name: number, which, whose } => {
                let epoch = self.plain.epoch_of(&text(number), which);
                let spot = self.bench.registry.remove_target(&name(&text(number)), epoch, whose, now);
                let is_there = self.plain.remove(&text(number), epoch, whose, now);
                prop_assert_eq!(spot == Spot::Found, is_there);
                reached.note(match (whose, spot) {
                    (Whoever::Suspect, Spot::Found) => "suspect removed",
                    (Whoever::Suspect, Spot::Empty) => "no suspect to remove",
                    (Whoever::Any, _) => "removed",
                });
            }
            Step::Restart => self.restart(),
            Step::Forget => self.forget(),
            Step::Pass { .. } | Step::Silence { .. } | Step::Crowd => {}
        }
        self.compare(now, reached)
    }

    fn register(
        &mut self,
        who: Who,
        offered: Offered,
        claim: Claim,
        wish: Option<Duration>,
        reached: &Reached,
    ) -> Result<(), TestCaseError> {
        let (now, claim) = (self.bench.now, claim.epoch(self.plain.epoch));
        let owner = match who {
            Who::Named { id, incarnation } => owner(id, incarnation),
            Who::Plain => Owner::at(&offered.place, &offered.name),
        };
        let offered = Offered { claim, ..offered };
        let unproven = claim.is_some_and(|claim| claim > self.plain.epoch);
        let expected = self.plain.register(&owner, &offered, wish, now);
        let answer = self.bench.registry.register(&owner, offered, wish, now);
        reached.note(match &answer {
            Ok(_) if matches!(who, Who::Plain) => "granted without an identity",
            Ok(_) => {
                if claim.is_some() {
                    "granted to a claim"
                } else {
                    "granted"
                }
            }
            Err(BinderError::Superseded { .. }) if unproven => "a claim that proves nothing",
            Err(BinderError::Superseded { .. }) if claim.is_some() => "a claim that is too old",
            Err(BinderError::Superseded { .. }) => "a loss that was not told",
            Err(BinderError::Removed { .. }) => "kept out after a removal",
            Err(BinderError::Restarted { .. }) => "ghost",
            Err(BinderError::OtherMode { .. }) => "another mode",
            Err(BinderError::NameFull { .. }) => "too many servers",
            Err(BinderError::LeaseFull { .. }) => "too many names",
            Err(BinderError::BinderFull { .. }) => "too many registrations",
            Err(_) => "another refusal",
        });
        prop_assert_eq!(answer.ok().map(|granted| granted.epoch), expected);
        Ok(())
    }

    fn be_silent(&mut self, looks: u32, reached: &Reached) -> Result<(), TestCaseError> {
        for _ in 0..looks {
            self.bench.now += TICK;
            self.plain.look(self.bench.now);
            self.bench.registry.look(self.bench.now);
        }
        self.compare(self.bench.now, reached)
    }

    fn forget(&mut self) {
        let (terms, now) = (self.plain.terms, self.bench.now);
        self.bench.registry = Registry::new(terms, self.plain.epoch, now);
        self.plain = Plain::new(terms, self.plain.epoch, now);
        self.seen = None;
    }

    fn restart(&mut self) {
        self.bench.registry.look(self.bench.now);
        let saved = restart::saved(&self.bench.registry.snapshot(self.bench.now));
        let epoch = saved.epoch;
        self.bench.registry = Registry::restore(self.plain.terms, saved, 0, self.bench.now);
        self.plain.restart(epoch, self.bench.now);
        self.seen = None;
    }

    /// Everything that is listed, what a watcher has put together, and the room that is counted.
    fn compare(&mut self, now: Instant, reached: &Reached) -> Result<(), TestCaseError> {
        // Asking looks at the clock too.
        self.plain.look(now);
        self.note_sweep(now, reached);
        let listed = self.bench.list("", None, usize::MAX).held;
        let rows: BTreeSet<_> = listed
            .iter()
            .map(|held| {
                let record = &held.record;
                let port = record.place.port();
                (
                    record.name.to_string(),
                    record.owner.instance.clone(),
                    port,
                    record.epoch,
                    record.state(),
                    held.left,
                )
            })
            .collect();
        prop_assert_eq!(rows, self.plain.rows(now));
        self.watch(now);
        let listed: Known = listed
            .into_iter()
            .map(|held| ((held.record.name.to_string(), held.record.owner.instance.clone()), held.record))
            .collect();
        prop_assert_eq!(&self.watched, &listed);
        prop_assert_eq!(self.bench.registry.leases.size(), self.plain.size());
        let census = self.bench.registry.census(now);
        prop_assert_eq!((census.leases, census.suspects), self.plain.servers());
        prop_assert_eq!(census.guarded_for.is_some(), self.plain.is_guarded());
        prop_assert_eq!(census.registrations, listed.len());
        Ok(())
    }

    fn note_sweep(&mut self, now: Instant, reached: &Reached) {
        let sweep = self.bench.registry.sweep(now);
        for news in sweep.guard {
            reached.note(match news {
                GuardNews::On { .. } => "guard on",
                GuardNews::Recovered => "guard recovered",
                GuardNews::TimeOver => "guard over by time",
            });
        }
        if sweep.gone > 0 {
            reached.note("gone");
        }
        let crowd = self.bench.registry.census(now);
        let plainly = |held: &&Held| matches!(held.record.owner.instance, Instance::At(..));
        let listed = self.bench.list("", None, usize::MAX).held;
        let places: BTreeSet<_> =
            listed.iter().filter(plainly).map(|held| held.record.place.port()).collect();
        if listed.iter().filter(plainly).count() > places.len() && crowd.suspects > 0 {
            reached.note("a place with several leases beside a silent server");
        }
    }

    fn watch(&mut self, now: Instant) {
        let registry = &mut self.bench.registry;
        let onward = self.seen.and_then(|seen| registry.since(seen, |_| true, now));
        let news: Vec<Told> = match onward {
            Some(news) => news.into_iter().map(|news| news.told).collect(),
            None => {
                self.watched.clear();
                let all = Selection::prefix(String::new()).unwrap();
                registry.names_behind(&all, None, usize::MAX, now).held.into_iter().map(Told::Added).collect()
            }
        };
        self.seen = Some(registry.number());
        for told in news {
            match told {
                Told::Added(held) | Told::Changed(held) => {
                    let record = held.record;
                    self.watched.insert((record.name.to_string(), record.owner.instance.clone()), record);
                }
                Told::Removed(record, _) => {
                    let former =
                        self.watched.remove(&(record.name.to_string(), record.owner.instance.clone()));
                    assert!(former.is_some(), "only what was told is told to be gone");
                }
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (id, incarnation, name) = (0..7u8, 1..3u64, 0..6u8);
    let named =
        (id.clone(), incarnation.clone()).prop_map(|(id, incarnation)| Who::Named { id, incarnation });
    let who = prop_oneof![4 => named, 1 => Just(Who::Plain)];
    let mode = prop_oneof![Just(Mode::Exclusive), Just(Mode::Shared)];
    let wish = prop_oneof![3 => Just(None), 1 => Just(Some(Duration::from_secs(3)))];
    let claim = prop_oneof![
        6 => Just(Claim::None),
        2 => (0..20u64).prop_map(Claim::Before),
        1 => prop_oneof![Just(1), Just(u64::MAX)].prop_map(Claim::Beyond),
    ];
    let intent = prop_oneof![Just(Intent::Stay), Just(Intent::Drain)];
    let whose = prop_oneof![Just(Whoever::Any), Just(Whoever::Suspect)];
    prop_oneof![
        48 => (who, name.clone(), 1..5u16, mode, claim, wish).prop_map(
            |(who, name, port, mode, claim, wish)| Step::Register { who, name, port, mode, claim, wish }
        ),
        24 => (id.clone(), incarnation.clone()).prop_map(|(id, incarnation)| Step::Renew { id, incarnation }),
        8 => (id.clone(), incarnation.clone(), prop::collection::vec(name.clone(), 0..3))
            .prop_map(|(id, incarnation, names)| Step::Unregister { id, incarnation, names }),
        8 => (id, incarnation, name.clone(), intent)
            .prop_map(|(id, incarnation, name, intent)| Step::Intend { id, incarnation, name, intent }),
        16 => (name, 0..3usize, whose).prop_map(|(name, which, whose)| Step::Remove { name, which, whose }),
        // A quarter of a lease is the longest gap that is no pause.
        48 => (0..=250u64).prop_map(|millis| Step::Pass { millis }),
        8 => (251..2000u64).prop_map(|millis| Step::Pass { millis }),
        6 => (0..8u32).prop_map(|looks| Step::Silence { looks }),
        // Longer than the guard lasts, and than a removal.
        1 => (2_400..2_420u32).prop_map(|looks| Step::Silence { looks }),
        2 => Just(Step::Crowd),
        6 => Just(Step::Restart),
        1 => Just(Step::Forget),
    ]
}

#[test]
fn the_registry_agrees_with_its_model() {
    const BRANCHES: [&str; 23] = [
        "granted",
        "granted without an identity",
        "granted to a claim",
        "a claim that proves nothing",
        "a claim that is too old",
        "a loss that was not told",
        "kept out after a removal",
        "ghost",
        "another mode",
        "too many servers",
        "too many names",
        "too many registrations",
        "renewed",
        "renewed, with losses",
        "unknown lease",
        "removed",
        "suspect removed",
        "no suspect to remove",
        "gone",
        "guard on",
        "guard recovered",
        "guard over by time",
        "a place with several leases beside a silent server",
    ];
    let terms = Terms { lease: LEASE, names_per_lease: 3, servers_per_name: 3, registrations: 11 };
    let steps = prop::collection::vec(step(), 1..200);
    Reached::check(file!(), steps, &BRANCHES, |steps, reached| {
        let mut pair = Pair::new(terms);
        steps.iter().try_for_each(|step| pair.step(step, reached))
    });
}
