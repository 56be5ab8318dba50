//! The registry against a model that is too simple to be wrong: lists, scanned from end to end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Register { id: u8, incarnation: u64, name: u8, port: u16 },
    Renew { id: u8, incarnation: u64 },
    Unregister { id: u8, incarnation: u64, names: Vec<u8> },
    Lookup { name: u8 },
    Pass { millis: u64 },
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    id: u8,
    port: u16,
    epoch: u64,
}

#[derive(Clone, Debug)]
struct Term {
    incarnation: u64,
    ends: Instant,
    lost: BTreeSet<u8>,
}

#[derive(Debug)]
struct Model {
    terms: Terms,
    rows: BTreeMap<u8, Row>,
    leases: BTreeMap<u8, Term>,
    epoch: u64,
    looked: Instant,
}

impl Model {
    fn look(&mut self, now: Instant) {
        if now - self.looked > self.terms.lease / PAUSE_SHARE {
            self.leases.values_mut().for_each(|term| term.ends = now + self.terms.lease);
        }
        self.looked = now;
        self.leases.retain(|_, term| term.ends > now);
        self.drop_orphans();
    }

    fn drop_orphans(&mut self) {
        self.rows.retain(|_, row| self.leases.contains_key(&row.id));
    }

    fn size_of(&self, id: u8) -> usize {
        let lost = self.leases.get(&id).map_or(0, |term| term.lost.len());
        lost + self.rows.values().filter(|row| row.id == id).count()
    }

    fn is_ghost(&self, id: u8, incarnation: u64) -> bool {
        self.leases.get(&id).is_some_and(|term| term.incarnation > incarnation)
    }

    /// The epoch, or nothing where the registry refuses.
    fn register(&mut self, id: u8, incarnation: u64, name: u8, port: u16, now: Instant) -> Option<u64> {
        if self.is_ghost(id, incarnation) {
            return None;
        }
        if self.leases.get(&id).is_some_and(|term| term.incarnation < incarnation) {
            self.leases.remove(&id);
            self.drop_orphans();
        }
        let holds = self.rows.get(&name).is_some_and(|row| row.id == id);
        let lost = self.leases.get(&id).is_some_and(|term| term.lost.contains(&name));
        let total: usize = self.leases.keys().map(|id| self.size_of(*id)).sum();
        if !holds && !lost && (self.size_of(id) >= self.terms.names_per_lease || total >= self.terms.names) {
            return None;
        }
        let ends = now + self.terms.lease;
        let term = self.leases.entry(id).or_insert(Term { incarnation, ends, lost: BTreeSet::new() });
        term.ends = ends;
        term.lost.remove(&name);
        if !holds {
            self.epoch += 1;
            if let Some(loser) = self.rows.remove(&name).and_then(|row| self.leases.get_mut(&row.id)) {
                loser.lost.insert(name);
            }
        }
        let epoch = if holds { self.rows[&name].epoch } else { self.epoch };
        self.rows.insert(name, Row { id, port, epoch });
        Some(epoch)
    }

    /// What is lost; nothing for an unknown lease; no answer for a ghost.
    fn renew(&mut self, id: u8, incarnation: u64, now: Instant) -> Option<Option<BTreeSet<u8>>> {
        if self.is_ghost(id, incarnation) {
            return None;
        }
        let ends = now + self.terms.lease;
        let term = self.leases.get_mut(&id).filter(|term| term.incarnation == incarnation);
        Some(term.map(|term| {
            term.ends = ends;
            term.lost.clone()
        }))
    }

    fn unregister(&mut self, id: u8, incarnation: u64, names: &[u8]) {
        for name in names {
            let Some(term) = self.leases.get_mut(&id).filter(|term| term.incarnation == incarnation) else {
                continue;
            };
            term.lost.remove(name);
            if self.rows.get(name).is_some_and(|row| row.id == id) {
                self.rows.remove(name);
            }
            if self.size_of(id) == 0 {
                self.leases.remove(&id);
            }
        }
    }
}

fn text(name: u8) -> String {
    format!("p{name}")
}

struct Pair {
    bench: Bench,
    model: Model,
}

impl Pair {
    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.bench.now;
        if let Step::Pass { millis } = step {
            self.bench.now += Duration::from_millis(*millis);
            return Ok(());
        }
        self.model.look(now);
        match *step {
            Step::Register { id, incarnation, name, port } => {
                let epoch = self.bench.register(&owner(id, incarnation), &text(name), port).ok();
                prop_assert_eq!(epoch, self.model.register(id, incarnation, name, port, now));
            }
            Step::Renew { id, incarnation } => {
                let answer = self.bench.registry.renew(&owner(id, incarnation), now).ok();
                let expected = self.model.renew(id, incarnation, now).map(|term| {
                    let lost = |lost: BTreeSet<u8>| lost.into_iter().map(text).collect();
                    term.map_or(Renewal::UnknownLease, |names| Renewal::Renewed {
                        lease_ms: 1000,
                        superseded: lost(names),
                    })
                });
                prop_assert_eq!(answer, expected);
            }
            Step::Unregister { id, incarnation, ref names } => {
                let parsed: Vec<_> = names.iter().map(|number| name(&text(*number))).collect();
                self.bench.registry.unregister(&owner(id, incarnation), &parsed, now);
                self.model.unregister(id, incarnation, names);
            }
            Step::Lookup { name: number } => {
                let found = self.bench.registry.lookup(&name(&text(number)), now).ok();
                let found = found.map(|held| (held.holding.place.port(), held.holding.epoch));
                prop_assert_eq!(found, self.model.rows.get(&number).map(|row| (row.port, row.epoch)));
            }
            Step::Pass { .. } => {}
        }
        self.compare(now)
    }

    /// Everything that is listed, and the room that is counted.
    fn compare(&mut self, now: Instant) -> Result<(), TestCaseError> {
        let held = self.bench.registry.list("", now);
        let rows: Vec<_> = held
            .iter()
            .map(|held| {
                let instance = held.holding.instance.clone();
                (held.name.to_string(), instance, held.incarnation, held.holding.epoch, now + held.left)
            })
            .collect();
        let expected = self.model.rows.iter().map(|(name, row)| {
            let term = &self.model.leases[&row.id];
            (text(*name), owner(row.id, 0).instance, term.incarnation, row.epoch, term.ends)
        });
        prop_assert_eq!(rows, expected.collect::<Vec<_>>());
        let size: usize = self.model.leases.keys().map(|id| self.model.size_of(*id)).sum();
        prop_assert_eq!(self.bench.registry.leases.size(), size);
        Ok(())
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (id, incarnation, name) = (0..4u8, 1..4u64, 0..8u8);
    prop_oneof![
        4 => (id.clone(), incarnation.clone(), name.clone(), 1..5u16)
            .prop_map(|(id, incarnation, name, port)| Step::Register { id, incarnation, name, port }),
        2 => (id.clone(), incarnation.clone()).prop_map(|(id, incarnation)| Step::Renew { id, incarnation }),
        1 => (id, incarnation, prop::collection::vec(name.clone(), 0..3))
            .prop_map(|(id, incarnation, names)| Step::Unregister { id, incarnation, names }),
        1 => name.prop_map(|name| Step::Lookup { name }),
        // A quarter of a lease is the longest gap that is no pause.
        4 => (0..=250u64).prop_map(|millis| Step::Pass { millis }),
        1 => (251..2000u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

proptest! {
    #[test]
    fn the_registry_agrees_with_its_model(steps in prop::collection::vec(step(), 1..120)) {
        let terms = Terms { lease: LEASE, names_per_lease: 4, names: 9 };
        let bench = Bench::with(terms);
        let (rows, leases, looked) = (BTreeMap::new(), BTreeMap::new(), bench.now);
        let mut pair = Pair { bench, model: Model { terms, rows, leases, epoch: 0, looked } };
        for step in &steps {
            pair.step(step)?;
        }
    }
}
