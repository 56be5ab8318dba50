//! What watchers are told, announced when the test says so.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rpc_core::Code;

use super::*;
use crate::contract::{Change, Departure};

/// What a watcher knows, by name and instance, and as of which revision.
#[derive(Debug, Default)]
struct Known {
    entries: BTreeMap<(String, String), (u64, u16, State)>,
    revision: Option<Revision>,
}

impl Known {
    fn take(&mut self, notice: Notice) {
        for change in notice.changes {
            match change {
                Change::Reset { .. } => self.entries.clear(),
                Change::Added(entry) => assert_eq!(self.put(entry), None, "it was not there before"),
                Change::Changed(entry) => assert!(self.put(entry).is_some(), "it was there before"),
                Change::Removed(gone) => {
                    let held = self.entries.remove(&(gone.name, gone.instance));
                    assert_eq!(held.map(|(epoch, ..)| epoch), Some(gone.epoch));
                }
            }
        }
        self.revision = notice.revision.or(self.revision);
    }

    fn put(&mut self, entry: Entry) -> Option<(u64, u16, State)> {
        self.entries.insert((entry.name, entry.instance), (entry.epoch, entry.port, entry.state))
    }
}

fn all() -> Scope {
    Scope::Prefix(String::new())
}

fn take(stream: &mut Stream<Notice>) -> Notice {
    stream.next().unwrap().unwrap()
}

fn listed(service: &NameService) -> BTreeMap<(String, String), (u64, u16, State)> {
    let mut known = Known::default();
    let mut query = Query::default();
    loop {
        let page = service.list(query.clone()).unwrap();
        page.entries.into_iter().for_each(|entry| assert_eq!(known.put(entry), None));
        query.after = page.next;
        if query.after.is_none() {
            return known.entries;
        }
    }
}

#[test]
fn a_watcher_gets_all_there_is_and_then_each_change_and_goes_on_where_it_stopped() {
    let service = service();
    share(&service, 1, "sum", 1);
    let mut stream = service.watch(all(), None).unwrap();
    let first = take(&mut stream);
    let [Change::Reset { lease_ms: 15_000, .. }, Change::Added(entry)] = first.changes.as_slice() else {
        panic!("{first:?}")
    };
    assert_eq!(entry.port, 1);
    share(&service, 1, "sum", 2);
    service.announce(0);
    let changed = take(&mut stream);
    assert!(matches!(changed.changes.as_slice(), [Change::Changed(entry)] if entry.port == 2));
    drop(stream);
    named(1).scope(|| service.unregister(vec!["sum".into()])).unwrap();
    let mut again = service.watch(all(), changed.revision).unwrap();
    let gone = take(&mut again);
    assert!(
        matches!(gone.changes.as_slice(), [Change::Removed(gone)] if gone.why == Departure::Unregistered)
    );
    let nothing = take(&mut service.watch(all(), gone.revision).unwrap());
    assert_eq!((nothing.changes, nothing.revision), (Vec::new(), gone.revision));
    let elsewhere = gone.revision.map(|seen| Revision { binder: seen.binder ^ 1, ..seen });
    let reset = take(&mut service.watch(all(), elsewhere).unwrap());
    assert!(matches!(reset.changes.as_slice(), [Change::Reset { .. }]));
}

#[test]
fn a_large_scope_comes_in_notices_of_a_bounded_size_of_which_the_last_names_the_revision() {
    let service = service();
    for number in 0..1_000 {
        register(&service, &format!("p{number}"), "127.0.0.1").unwrap();
    }
    let mut stream = service.watch(Scope::Prefix("p".into()), None).unwrap();
    let mut changes = 0;
    loop {
        let notice = take(&mut stream);
        assert!(notice.changes.len() <= 128);
        changes += notice.changes.len();
        if notice.revision.is_some() {
            break;
        }
    }
    assert_eq!(changes, 1_001);
}

#[test]
fn everyone_is_told_what_concerns_him_as_he_can_reach_it() {
    let service = service();
    let mut here = service.watch(Scope::Names(vec!["a".into(), "b".into()]), None).unwrap();
    let mut there = afar().scope(|| service.watch(Scope::Prefix("a".into()), None)).unwrap();
    let mut elsewhere = service.watch(Scope::Name("c".into()), None).unwrap();
    for stream in [&mut here, &mut there, &mut elsewhere] {
        take(stream);
    }
    named(1).scope(|| {
        register(&service, "a", "0.0.0.0").unwrap();
        register(&service, "b", "0.0.0.0").unwrap();
    });
    let told = service.announce(0);
    let address = |stream: &mut Stream<Notice>| match take(stream).changes.as_slice() {
        [Change::Added(entry)] => (entry.name.clone(), entry.address.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(address(&mut here), ("a".into(), "127.0.0.1".into()));
    assert_eq!(address(&mut here), ("b".into(), "127.0.0.1".into()));
    assert_eq!(address(&mut there), ("a".into(), "192.168.1.5".into()));
    // Both go in one revision, which is known behind the last of them.
    named(1).scope(|| service.unregister(vec!["a".into(), "b".into()])).unwrap();
    service.announce(told);
    let up_to_a_revision = |stream: &mut Stream<Notice>| {
        let mut changes = 0;
        loop {
            let notice = take(stream);
            changes += notice.changes.len();
            if let Some(revision) = notice.revision {
                return (changes, revision.number);
            }
        }
    };
    assert_eq!(up_to_a_revision(&mut here), (2, 3));
    assert_eq!(up_to_a_revision(&mut there), (1, 3));
    register(&service, "c", "127.0.0.1").unwrap();
    service.announce(3);
    assert_eq!(address(&mut elsewhere), ("c".into(), "127.0.0.1".into()));
}

#[test]
fn who_cannot_be_told_everything_in_between_begins_anew() {
    let service = service();
    let mut stream = service.watch(all(), None).unwrap();
    take(&mut stream);
    for number in 0..=16_384u16 {
        share(&service, 1, "sum", number + 1);
    }
    service.announce(0);
    let why = stream.next().unwrap().unwrap_err();
    assert_eq!(why.code(), Code::ResourceExhausted);
    assert_eq!(service.stats().unwrap().watchers, 0);
}

#[test]
fn watchers_are_counted_and_gone_when_their_streams_are() {
    let service = service();
    let stream = service.watch(Scope::Name("chat".into()), None).unwrap();
    assert_eq!(service.stats().unwrap().watchers, 1);
    drop(stream);
    assert_eq!(service.stats().unwrap().watchers, 0);
    let refused = service.watch(Scope::Name(String::new()), None);
    assert!(matches!(refused, Err(BinderError::Name(_))));
}

#[test]
fn as_many_as_may_watch_do_and_one_more_is_refused_in_words() {
    let service = service();
    let watch = || service.watch(Scope::Name("chat".into()), None);
    let mut streams: Vec<_> = (0..10_000).map(|_| watch().unwrap()).collect();
    let refused = watch().map(drop).unwrap_err();
    assert_eq!(refused.to_string(), "too many watch: 0 of 10000 places are left, and 1 are wanted");
    streams.pop();
    assert!(watch().is_ok());
}

fn at(address: &str) -> Context {
    let peer = SocketAddr::new(address.parse().unwrap(), 40_000);
    Context::background().with_addresses(peer, "192.168.1.5:5000".parse().unwrap())
}

/// Story: ten connections of one stranger took all ten thousand places, and no client learned of anything any more.
#[test]
fn one_address_has_half_of_all_places_and_others_find_theirs() {
    let service = service();
    let watch = |from: &str, scope| at(from).scope(|| service.watch(scope, None));
    let chat = || Scope::Name("chat".into());
    let mut greedy: Vec<_> = (0..5_000).map(|_| watch("10.0.0.1", chat()).unwrap()).collect();
    let refused = watch("10.0.0.1", chat()).map(drop).unwrap_err().to_string();
    let why = "too many watch: 10.0.0.1 has 5000 of 10000 places and wants 1 more: nobody may have more than are left \
               for all others, and 5000 are left";
    assert_eq!(refused, why);
    let second: Vec<_> = (0..2_500).map(|_| watch("10.0.0.2", chat()).unwrap()).collect();
    assert!(watch("10.0.0.2", chat()).is_err());
    drop(watch("10.0.0.3", chat()).unwrap());
    drop(second);
    greedy.pop();
    drop(watch("10.0.0.1", chat()).expect("his own place is his again"));
}

/// Story: a stranger who named what nobody has left no room for the names of others.
#[test]
fn one_address_names_half_of_what_all_may_watch() {
    let service = service();
    let watch = |from: &str| at(from).scope(|| service.watch(names(0..1_000), None));
    let greedy: Vec<_> = (0..100).map(|_| watch("2001:db8::1").unwrap()).collect();
    let refused = watch("2001:db8::2").map(drop).unwrap_err().to_string();
    let why = "too many names are watched: 2001:db8::/64 has 100000 of 200000 places and wants 1000 more: nobody may have \
               more than are left for all others, and 100000 are left";
    assert_eq!(refused, why);
    drop(watch("2001:db8:0:1::2").unwrap());
    drop(greedy);
    drop(watch("2001:db8::2").unwrap());
}

#[test]
fn a_binder_that_stops_ends_all_watching_and_takes_nobody_new() {
    let service = service();
    let mut stream = service.watch(all(), None).unwrap();
    take(&mut stream);
    service.close();
    assert_eq!(stream.next().unwrap().unwrap_err().code(), Code::Unavailable);
    let Err(BinderError::Status(refused)) = service.watch(all(), None).map(drop) else { panic!("it stops") };
    assert_eq!(refused.code(), Code::Unavailable);
}

#[derive(Clone, Debug)]
enum Step {
    Register {
        id: u8,
        name: u16,
        port: u16,
    },
    Unregister {
        id: u8,
        name: u16,
    },
    Announce,
    /// Takes a notice of the beginning.
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    let (id, name) = (0..4u8, 0..600u16);
    prop_oneof![
        4 => (id.clone(), name.clone(), 1..9u16).prop_map(|(id, name, port)| Step::Register { id, name, port }),
        3 => (id, name).prop_map(|(id, name)| Step::Unregister { id, name }),
        1 => Just(Step::Announce),
        2 => Just(Step::Take),
    ]
}

fn names(range: std::ops::Range<u32>) -> Scope {
    Scope::Names(range.map(|number| format!("p{number}")).collect())
}

/// Story: ten thousand strangers watched a thousand names each that nobody has, and a binder with open lookups had no memory.
#[test]
fn all_watchers_together_name_200_000_procedures_and_one_more_is_refused_until_some_leave() {
    let service = service();
    let watch = |scope| service.watch(scope, None);
    let mut streams: Vec<_> = (0..199).map(|_| watch(names(0..1_000)).unwrap()).collect();
    streams.push(watch(names(0..999)).unwrap());
    streams.push(watch(Scope::Prefix("p".into())).unwrap());
    let full = BinderError::Status(
        Status::resource_exhausted(
            "too many names are watched: 0 of 200000 places are left, and 1 are wanted",
        )
        .not_run(),
    );
    for scope in [all(), Scope::Name("chat".into()), names(0..1)] {
        assert_eq!(watch(scope).unwrap_err(), full);
    }
    assert!(watch(names(0..0)).is_ok(), "who names nothing takes no room");
    streams.truncate(200);
    assert!(watch(all()).is_ok());
    drop(streams);
    let rest: Vec<_> = (0..200).map(|_| watch(names(0..1_000)).unwrap()).collect();
    assert_eq!(service.stats().unwrap().watchers, 200);
    drop(rest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However slowly a watcher takes what there is, and whatever changes meanwhile, he ends up knowing what there is, and
    /// is told nothing that contradicts what he was told before.
    #[test]
    fn a_watcher_that_begins_slowly_misses_nothing(steps in prop::collection::vec(step(), 1..120)) {
        let service = service();
        let text = |name: u16| format!("p{name:03}");
        for name in 0..400 {
            share(&service, 0, &text(name), 1);
        }
        let mut told = service.announce(0);
        let mut stream = service.watch(all(), None).unwrap();
        let mut known = Known::default();
        for step in steps {
            match step {
                Step::Register { id, name, port } => drop(share(&service, id, &text(name), port)),
                Step::Unregister { id, name } => {
                    named(id).scope(|| service.unregister(vec![text(name)])).unwrap();
                }
                Step::Announce => told = service.announce(told),
                Step::Take if known.revision.is_none() => known.take(take(&mut stream)),
                Step::Take => {}
            }
        }
        service.announce(told);
        // The last change concerns him, so he learns of its revision.
        let last = Some(service.snapshot().0);
        while known.revision.map(|revision| revision.number) != last {
            known.take(take(&mut stream));
        }
        prop_assert!(known.entries == listed(&service));
    }
}
