//! Revisions, and what a watcher is told from one to another.

use super::*;

/// Whether a watcher keeps what he knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Onward,
    Anew,
}

/// What a watcher is told, as short texts.
fn missed(bench: &mut Bench, scope: &Scope, seen: Option<u64>) -> (Start, Vec<String>, u64) {
    let selection = Selection::parse(scope.clone()).unwrap();
    let onward = seen.and_then(|seen| bench.registry.since(seen, |name| selection.has(name), bench.now));
    let start = if onward.is_some() { Start::Onward } else { Start::Anew };
    let all = |bench: &mut Bench| {
        let names = bench.registry.names_behind(&selection, None, usize::MAX, bench.now);
        assert_eq!(names.to, Extent::End);
        names.held.into_iter().map(Told::Added).collect()
    };
    let onward: Option<Vec<Told>> = onward.map(|news| news.into_iter().map(|news| news.told).collect());
    let news: Vec<Told> = onward.unwrap_or_else(|| all(bench));
    let number = bench.registry.number();
    let text = |told: &Told| match told {
        Told::Added(held) => {
            format!("+{} {} {}", held.record.name, held.record.place.port(), held.record.state())
        }
        Told::Changed(held) => {
            format!("~{} {} {}", held.record.name, held.record.place.port(), held.record.state())
        }
        Told::Removed(record, why) => format!("-{} {} {why:?}", record.name, record.place.port()),
    };
    (start, news.iter().map(text).collect(), number)
}

fn all() -> Scope {
    Scope::Prefix(String::new())
}

#[track_caller]
fn check(bench: &mut Bench, seen: u64, expected: &[&str]) -> u64 {
    let (start, news, number) = missed(bench, &all(), Some(seen));
    assert_eq!(start, Start::Onward);
    assert_eq!(news, expected);
    number
}

#[test]
fn a_watcher_first_gets_all_there_is_and_then_what_changes() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 1).unwrap();
    let (start, news, seen) = missed(&mut bench, &all(), None);
    assert_eq!((start, news), (Start::Anew, vec!["+a 1 live".to_owned()]));
    bench.register(&owner(1, 1), "b", 1).unwrap();
    bench.register(&owner(1, 1), "a", 2).unwrap();
    bench.registry.intend(&owner(1, 1), &[name("b")], Intent::Drain, bench.now);
    let seen = check(&mut bench, seen, &["+b 1 live", "~a 2 live", "~b 1 draining"]);
    bench.registry.unregister(&owner(1, 1), &[name("a")], bench.now);
    let seen = check(&mut bench, seen, &["-a 2 Unregistered"]);
    bench.run(LEASE);
    let seen = check(&mut bench, seen, &["~b 1 suspect"]);
    bench.renew(&owner(1, 1));
    let seen = check(&mut bench, seen, &["~b 1 draining"]);
    bench.run(LEASE * 2);
    let seen = check(&mut bench, seen, &["~b 1 suspect", "-b 1 Expired"]);
    check(&mut bench, seen, &[]);
}

#[test]
fn what_changes_nothing_is_no_revision() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 1).unwrap();
    let number = bench.registry.number();
    bench.register(&owner(1, 1), "a", 1).unwrap();
    bench.renew(&owner(1, 1));
    bench.registry.unregister(&owner(1, 1), &[name("b")], bench.now);
    bench.run(LEASE / 2);
    assert_eq!(bench.registry.number(), number);
}

#[test]
fn a_take_over_is_told_at_once_as_one_revision() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 1).unwrap();
    let seen = bench.registry.number();
    bench.register(&owner(2, 1), "a", 2).unwrap();
    assert_eq!(check(&mut bench, seen, &["-a 1 Superseded", "+a 2 live"]), seen + 1);
}

/// Story: a registry that deleted and created at each reconnection told its watchers of deaths that were none.
#[test]
fn a_restart_is_told_as_one_change_of_each_name() {
    let mut bench = Bench::new();
    bench.register(&owner(1, 1), "a", 1).unwrap();
    bench.register(&owner(1, 1), "b", 1).unwrap();
    let seen = bench.registry.number();
    bench.register(&owner(1, 2), "a", 2).unwrap();
    let seen = check(&mut bench, seen, &["~b 1 suspect", "~a 2 live"]);
    bench.register(&owner(1, 2), "b", 2).unwrap();
    bench.renew(&owner(1, 2));
    check(&mut bench, seen, &["~b 2 live"]);
}

#[test]
fn a_scope_has_some_names_or_all_that_begin_alike() {
    let mut bench = Bench::new();
    for text in ["chat", "chat/a", "chat/b", "char"] {
        bench.register(&owner(1, 1), text, 1).unwrap();
    }
    for seen in [None, Some(0)] {
        let mut count = |scope: Scope| missed(&mut bench, &scope, seen).1.len();
        assert_eq!(count(Scope::Name("chat".into())), 1);
        assert_eq!(count(Scope::Prefix("chat".into())), 3);
        assert_eq!(count(Scope::Prefix("chat/".into())), 2);
        assert_eq!(count(Scope::Prefix(String::new())), 4);
        assert_eq!(count(Scope::Name("ch".into())), 0);
        assert_eq!(count(Scope::Names(vec!["ch".into(), "char".into(), "chat/b".into(), "char".into()])), 2);
    }
}

#[test]
fn names_come_whole_and_in_order_however_few_are_asked_for() {
    let mut bench = Bench::new();
    for (id, text) in [(1, "a"), (1, "b"), (2, "b"), (3, "b"), (1, "c")] {
        bench.share(&owner(id, 1), text, u16::from(id)).unwrap();
    }
    for selection in
        [Selection::prefix(String::new()).unwrap(), Selection::Names(["a", "b", "c", "d"].map(name).into())]
    {
        let mut after = None;
        let mut pages = Vec::new();
        loop {
            let page = bench.registry.names_behind(&selection, after.as_ref(), 2, bench.now);
            pages.push(page.held.len());
            match page.to {
                Extent::Name(name) => after = Some(name),
                Extent::End => break,
            }
        }
        assert_eq!(pages, [4, 1]);
    }
}

#[test]
fn who_missed_more_than_is_remembered_or_comes_from_the_future_starts_anew() {
    let mut bench = Bench::new();
    for number in 0..20_000u16 {
        bench.register(&owner(1, 1), "a", number + 1).unwrap();
    }
    let number = bench.registry.number();
    for (seen, start, count) in [
        (0, Start::Anew, 1),
        (number - 16_385, Start::Anew, 1),
        (number - 16_384, Start::Onward, 16_384),
        (number, Start::Onward, 0),
        (number + 1, Start::Anew, 1),
        (u64::MAX, Start::Anew, 1),
    ] {
        let (found, news, _) = missed(&mut bench, &all(), Some(seen));
        assert_eq!((found, news.len()), (start, count), "{seen}");
    }
}

#[test]
fn a_revision_of_more_events_than_are_remembered_is_not_remembered_in_part() {
    let mut bench = Bench::with(Terms { lease: LEASE, names_per_lease: 20_000, ..Terms::default() });
    for number in 0..17_000 {
        bench.register(&owner(1, 1), &format!("p{number}"), 1).unwrap();
    }
    let seen = bench.registry.number();
    bench.run(LEASE);
    assert_eq!(bench.registry.number(), seen + 1);
    let (start, news, number) = missed(&mut bench, &all(), Some(seen));
    assert_eq!((start, news.len(), number), (Start::Anew, 17_000, seen + 1));
    assert_eq!(missed(&mut bench, &all(), Some(number)).0, Start::Onward);
}
