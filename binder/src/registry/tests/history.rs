//! Revisions, and what a watcher is told from one to another.

use super::*;

/// What a watcher of everything is told, as short texts.
fn missed(bench: &mut Bench, scope: &Scope, seen: Option<u64>) -> (Start, Vec<String>, u64) {
    let Missed { start, news, number } = bench.registry.missed(scope, seen, bench.now);
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
fn a_scope_has_one_name_or_all_that_begin_alike() {
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
    }
}

#[test]
fn who_missed_more_than_is_remembered_or_comes_from_the_future_starts_anew() {
    let mut bench = Bench::new();
    for number in 0..5_000u16 {
        bench.register(&owner(1, 1), "a", number + 1).unwrap();
    }
    let number = bench.registry.number();
    for (seen, start, count) in [
        (0, Start::Anew, 1),
        (number - 4_097, Start::Anew, 1),
        (number - 4_096, Start::Onward, 4_096),
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
    let mut bench = Bench::new();
    for number in 0..5_000 {
        bench.register(&owner(1, 1), &format!("p{number}"), 1).unwrap();
    }
    let seen = bench.registry.number();
    bench.run(LEASE);
    assert_eq!(bench.registry.number(), seen + 1);
    let (start, news, number) = missed(&mut bench, &all(), Some(seen));
    assert_eq!((start, news.len(), number), (Start::Anew, 5_000, seen + 1));
    assert_eq!(missed(&mut bench, &all(), Some(number)).0, Start::Onward);
}
