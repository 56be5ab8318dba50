//! The registry against a model that is too simple to be wrong: lists, scanned from end to end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

mod plain;

use plain::Plain;

#[derive(Clone, Debug)]
enum Step {
    Register {
        id: u8,
        incarnation: u64,
        name: u8,
        port: u16,
        mode: Mode,
        claim: Option<u64>,
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
    },
    Pass {
        millis: u64,
    },
    Restart,
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
        let plain = Plain::new(terms, bench.now);
        Pair { bench, plain, watched: Known::new(), seen: None }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.bench.now;
        if let Step::Pass { millis } = step {
            self.bench.now += Duration::from_millis(*millis);
            return Ok(());
        }
        self.plain.look(now);
        match *step {
            Step::Register { id, incarnation, name, port, mode, claim, wish } => {
                let owner = owner(id, incarnation);
                let offered = Offered { claim, ..offered(&text(name), port, mode) };
                let expected = self.plain.register(&owner, &text(name), port, &offered, wish, now);
                let answer = self.bench.registry.register(&owner, offered, wish, now);
                prop_assert_eq!(answer.ok().map(|granted| granted.epoch), expected);
            }
            Step::Renew { id, incarnation } => {
                let answer = self.bench.registry.renew(&owner(id, incarnation), None, now).ok();
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
            Step::Remove { name: number, which } => {
                let epoch = self.plain.epoch_of(&text(number), which);
                self.bench.registry.remove_target(&name(&text(number)), epoch, Whoever::Any, now);
                self.plain.remove(&text(number), epoch);
            }
            Step::Restart => self.restart(),
            Step::Pass { .. } => {}
        }
        self.compare(now)
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
    fn compare(&mut self, now: Instant) -> Result<(), TestCaseError> {
        // Asking looks at the clock too.
        self.plain.look(now);
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
        prop_assert_eq!((census.leases, census.suspects), self.plain.leases());
        prop_assert_eq!(census.guarded_for.is_some(), self.plain.is_guarded());
        prop_assert_eq!(census.registrations, listed.len());
        Ok(())
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
    let mode = prop_oneof![Just(Mode::Exclusive), Just(Mode::Shared)];
    let wish = prop_oneof![3 => Just(None), 1 => Just(Some(Duration::from_secs(3)))];
    let claim = prop_oneof![3 => Just(None), 1 => (0..20u64).prop_map(Some)];
    let intent = prop_oneof![Just(Intent::Stay), Just(Intent::Drain)];
    prop_oneof![
        6 => (id.clone(), incarnation.clone(), name.clone(), 1..5u16, mode, claim, wish).prop_map(
            |(id, incarnation, name, port, mode, claim, wish)| {
                Step::Register { id, incarnation, name, port, mode, claim, wish }
            }
        ),
        3 => (id.clone(), incarnation.clone()).prop_map(|(id, incarnation)| Step::Renew { id, incarnation }),
        1 => (id.clone(), incarnation.clone(), prop::collection::vec(name.clone(), 0..3))
            .prop_map(|(id, incarnation, names)| Step::Unregister { id, incarnation, names }),
        1 => (id, incarnation, name.clone(), intent)
            .prop_map(|(id, incarnation, name, intent)| Step::Intend { id, incarnation, name, intent }),
        1 => (name, 0..3usize).prop_map(|(name, which)| Step::Remove { name, which }),
        // A quarter of a lease is the longest gap that is no pause.
        6 => (0..=250u64).prop_map(|millis| Step::Pass { millis }),
        1 => (251..2000u64).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn the_registry_agrees_with_its_model(steps in prop::collection::vec(step(), 1..150)) {
        let terms = Terms { lease: LEASE, names_per_lease: 4, servers_per_name: 3, registrations: 14 };
        let mut pair = Pair::new(terms);
        for step in &steps {
            pair.step(step)?;
        }
    }
}
