//! What a resolver knows, second by second.

use super::super::news::{Footing, Mail};
use super::super::tests::found;
use super::*;
use crate::contract::{Change, Departure, Entry, Gone, Notice, State};

const AGE: Duration = Duration::from_secs(5);

fn silence() -> BinderError {
    BinderError::Status(Status::unavailable("connection refused"))
}

fn not_registered(binder_age_ms: u64) -> BinderError {
    BinderError::NotRegistered { name: "chat".into(), binder_age_ms, lease_ms: 15_000 }
}

fn entry(port: u16, state: State) -> Entry {
    let mut entries = found(&[port], 0).entries;
    Entry { state, ..entries.remove(0) }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint::new("10.0.0.1", port)
}

/// A table, and the time.
struct Bench {
    table: Table,
    now: Instant,
    number: u64,
}

impl Bench {
    fn new() -> Bench {
        Bench { table: Table::new(STALE_FOR, 0), now: Instant::now(), number: 0 }
    }

    fn learned(ports: &[u16]) -> Bench {
        let mut bench = Bench::new();
        assert_eq!(bench.table.advise("chat", bench.now), Advice::Ask);
        bench.learn(ports);
        bench
    }

    /// One that watches, and was told of these.
    fn watching(entries: impl IntoIterator<Item = Entry>) -> Bench {
        let mut bench = Bench::new();
        bench.table.want("chat", bench.now);
        bench.reset(60_000, entries);
        bench
    }

    fn learn(&mut self, ports: &[u16]) {
        let max_age_ms = u64::try_from(AGE.as_millis()).unwrap();
        let learned = self.table.learn("chat", found(ports, max_age_ms), self.now);
        assert_eq!(learned.len(), ports.len());
    }

    fn reset(&mut self, binder_age_ms: u64, entries: impl IntoIterator<Item = Entry>) {
        let reset = Change::Reset { binder_age_ms, lease_ms: 15_000 };
        self.tell([reset].into_iter().chain(entries.into_iter().map(Change::Added)));
    }

    fn tell(&mut self, changes: impl IntoIterator<Item = Change>) -> usize {
        self.number += 1;
        let revision = Some(contract::Revision { binder: 7, number: self.number });
        let notice = Notice { changes: changes.into_iter().collect(), revision };
        let (batch, told) = Mail::default().take(notice).unwrap().unwrap();
        self.table.apply(&["chat".to_owned()], batch, told, self.now).len()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    #[track_caller]
    fn check(&mut self, ports: &[u16]) {
        match self.table.advise("chat", self.now) {
            Advice::Use(list) => {
                let found: Vec<_> = list.iter().map(|weighted| weighted.endpoint.port()).collect();
                assert_eq!(found, ports);
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check_asks(&mut self) {
        assert_eq!(self.table.advise("chat", self.now), Advice::Ask);
    }

    fn fail(&mut self, error: &BinderError) -> Result<usize, Status> {
        self.table.fail("chat", error, Patience::Usual, self.now).map(|list| list.len())
    }
}

#[test]
fn an_answer_that_nobody_watches_is_used_for_its_age_and_then_asked_again() {
    let mut bench = Bench::learned(&[4000]);
    bench.pass(AGE - Duration::from_nanos(1));
    bench.check(&[4000]);
    bench.pass(Duration::from_nanos(1));
    bench.check_asks();
}

#[test]
fn what_is_watched_is_used_for_ever_and_is_what_was_told_last() {
    let mut bench = Bench::watching([entry(1, State::Live), entry(2, State::Live)]);
    bench.pass(STALE_FOR * 10);
    bench.check(&[1, 2]);
    let before = bench.table.revision("chat");
    assert_eq!(bench.tell([Change::Changed(entry(1, State::Draining))]), 1);
    bench.check(&[2]);
    assert_ne!(bench.table.revision("chat"), before);
    let gone = Gone { name: "chat".into(), instance: "i2".into(), epoch: 1, why: Departure::Expired };
    bench.tell([Change::Removed(gone)]);
    bench.check(&[1]);
    assert_eq!(bench.tell([Change::Changed(entry(1, State::Draining))]), 0);
}

#[test]
fn a_server_that_comes_back_at_its_address_is_another_list() {
    let mut bench = Bench::watching([entry(1, State::Live)]);
    assert_eq!(bench.tell([Change::Changed(Entry { epoch: 2, ..entry(1, State::Live) })]), 1);
    assert_eq!(bench.tell([Change::Changed(Entry { epoch: 2, age_ms: 5, ..entry(1, State::Live) })]), 0);
}

#[test]
fn without_a_binder_what_is_known_serves_without_asking_until_it_is_forgotten() {
    let mut bench = Bench::watching([entry(1, State::Live)]);
    bench.pass(STALE_FOR * 3);
    bench.table.stop_watching(Contact::Lost, bench.now);
    bench.pass(STALE_FOR - Duration::from_millis(1));
    bench.check(&[1]);
    // A server that does not work may be back at its place: nobody else knows better.
    bench.table.reject("chat", &endpoint(1), bench.now);
    bench.check(&[1]);
    bench.pass(Duration::from_millis(1));
    bench.check_asks();
    let status = bench.fail(&silence()).unwrap_err();
    assert_eq!(status.code(), rpc_core::Code::Unavailable);
    assert!(!status.may_have_run());
}

#[test]
fn a_silent_binder_is_asked_again_after_a_second() {
    let mut bench = Bench::learned(&[4000]);
    bench.pass(AGE);
    bench.check_asks();
    assert_eq!(bench.fail(&silence()), Ok(1));
    bench.pass(Duration::from_millis(999));
    bench.check(&[4000]);
    bench.pass(Duration::from_millis(1));
    bench.check_asks();
    bench.pass(STALE_FOR);
    assert!(bench.fail(&silence()).is_err());
}

#[test]
fn an_endpoint_that_does_not_work_is_dropped_at_once_and_back_after_a_moment() {
    let mut bench = Bench::watching([entry(1, State::Live), entry(2, State::Live)]);
    bench.table.reject("chat", &endpoint(9), bench.now);
    bench.check(&[1, 2]);
    bench.table.reject("chat", &endpoint(1), bench.now);
    bench.check(&[2]);
    bench.pass(REJECTED_FOR);
    bench.check(&[1, 2]);
    // Its next start is another server.
    bench.table.reject("chat", &endpoint(1), bench.now);
    bench.tell([Change::Changed(Entry { epoch: 2, ..entry(1, State::Live) })]);
    bench.check(&[1, 2]);
}

#[test]
fn when_no_endpoint_works_a_binder_is_asked_before_one_is_tried_again() {
    let mut bench = Bench::watching([entry(1, State::Live)]);
    bench.table.reject("chat", &endpoint(1), bench.now);
    bench.check_asks();
    bench.learn(&[1]);
    bench.check(&[1]);
    bench.table.reject("chat", &endpoint(1), bench.now);
    assert_eq!(bench.fail(&silence()), Ok(1));
    bench.check(&[1]);
}

#[test]
fn an_answer_that_is_older_than_what_was_told_changes_nothing() {
    let mut bench = Bench::watching([entry(1, State::Live)]);
    bench.tell([Change::Added(entry(2, State::Live))]);
    bench.table.learn("chat", found(&[1], 0), bench.now);
    bench.check(&[1, 2]);
}

#[test]
fn what_only_another_binder_knows_is_asked_for_again_when_it_is_old() {
    let mut bench = Bench::watching([]);
    bench.check_asks();
    let elsewhere = contract::Revision { binder: 8, number: 1 };
    let answer = Found { revision: elsewhere, ..found(&[5], 1_000) };
    bench.table.learn("chat", answer, bench.now);
    bench.check(&[5]);
    bench.pass(Duration::from_secs(1));
    bench.check_asks();
}

#[test]
fn a_binder_that_has_just_started_takes_nobody_away_until_it_must_know_everybody() {
    let mut bench = Bench::watching([entry(1, State::Live), entry(2, State::Live), entry(3, State::Live)]);
    bench.reset(5_000, [entry(2, State::Live)]);
    bench.check(&[1, 2, 3]);
    bench.tell([Change::Added(entry(3, State::Live))]);
    bench.pass(Duration::from_millis(9_999));
    bench.check(&[1, 2, 3]);
    bench.pass(Duration::from_millis(1));
    bench.check(&[2, 3]);
    bench.reset(15_000, [entry(3, State::Live)]);
    bench.check(&[3]);
    assert_eq!(bench.fail(&not_registered(14_999)), Ok(1));
}

#[test]
fn a_binder_that_knows_ends_an_old_answer_and_its_refusal_stands_briefly() {
    let mut bench = Bench::learned(&[4000]);
    let status = bench.fail(&not_registered(15_000)).unwrap_err();
    assert_eq!(status.code(), rpc_core::Code::NotFound);
    assert!(!status.may_have_run());
    assert_eq!(bench.table.advise("chat", bench.now), Advice::Refuse(status));
    bench.pass(REFUSED_FOR);
    bench.check_asks();
    assert!(bench.fail(&silence()).is_err());
}

#[test]
fn a_refused_name_that_is_watched_serves_with_its_first_server() {
    let mut bench = Bench::new();
    assert!(bench.fail(&not_registered(60_000)).is_err());
    bench.reset(60_000, []);
    assert_eq!(bench.tell([Change::Added(entry(1, State::Live))]), 1);
    bench.check(&[1]);
}

#[test]
fn servers_without_a_way_to_them_are_none() {
    let away = Entry { out_of_reach: Some("why".into()), ..entry(1, State::Live) };
    let mut bench = Bench::watching([away.clone(), entry(2, State::Suspect)]);
    bench.check(&[2]);
    bench.tell([Change::Changed(Entry { instance: "i2".into(), ..away })]);
    bench.check_asks();
}

#[test]
fn of_more_servers_than_a_list_has_each_resolver_uses_some_of_its_own() {
    let lists: Vec<Vec<u16>> = (0..2)
        .map(|seed| {
            let mut table = Table::new(STALE_FOR, seed);
            let ports: Vec<u16> = (1..=1_000).collect();
            let list = table.learn("chat", found(&ports, 1_000), Instant::now());
            list.iter().map(|weighted| weighted.endpoint.port()).collect()
        })
        .collect();
    assert_eq!((lists[0].len(), lists[1].len()), (256, 256));
    assert_ne!(lists[0], lists[1]);
}

#[test]
fn a_hostile_age_is_cut_to_the_longest() {
    let mut bench = Bench::new();
    bench.table.learn("chat", found(&[4000], u64::MAX), bench.now);
    bench.pass(STALE_FOR);
    bench.check_asks();
    let footing = Footing::new(Duration::ZERO, Duration::MAX);
    assert_eq!(footing.sure_at(bench.now), Some(bench.now + crate::LONGEST_LEASE));
}

#[test]
fn past_its_limit_a_table_forgets_what_was_not_asked_for_for_longest() {
    let mut bench = Bench::new();
    for number in 0..NAMES {
        bench.table.learn(&number.to_string(), found(&[1], 60_000), bench.now);
        bench.pass(Duration::from_nanos(1));
    }
    assert_ne!(bench.table.advise("0", bench.now), Advice::Ask);
    bench.table.learn("more", found(&[1], 60_000), bench.now);
    assert_eq!(bench.table.count(), NAMES);
    assert_eq!(bench.table.advise("1", bench.now), Advice::Ask);
    assert_ne!(bench.table.advise("0", bench.now), Advice::Ask);
    assert_ne!(bench.table.advise("more", bench.now), Advice::Ask);
}

/// Story: a question was on its way while the first server registered. The watch told of it, then the refusal came, and
/// every call failed until something else changed.
#[test]
fn a_refusal_that_is_older_than_what_was_told_takes_nothing_away() {
    let mut bench = Bench::watching([]);
    bench.check_asks();
    bench.tell([Change::Added(entry(1, State::Live))]);
    assert_eq!(bench.fail(&not_registered(60_000)), Ok(1));
    bench.check(&[1]);
}

/// Story: one call with a deadline of a millisecond made the binders silent to everybody else's calls for a second.
#[test]
fn whose_time_was_short_does_not_make_the_binders_silent_to_others() {
    let mut bench = Bench::learned(&[4000]);
    bench.pass(AGE);
    let served = bench.table.fail("chat", &silence(), Patience::Little, bench.now).map(|list| list.len());
    assert_eq!(served, Ok(1), "what is known is better than nothing, for him");
    bench.check_asks();
    // Nor does he end a silence that others have found.
    assert_eq!(bench.fail(&silence()), Ok(1));
    assert!(bench.table.fail("other", &silence(), Patience::Little, bench.now).is_err());
    bench.check(&[4000]);
}
