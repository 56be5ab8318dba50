//! What a resolver does with the streams that its binders give it, or refuse.

use std::sync::Mutex;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use rpc_core::Sink;

use super::*;
use crate::contract::{Change, Revision};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Binders that find every name at port 1, and let a test say what they tell those who watch.
struct Binders {
    count: usize,
    /// Which one is turned to.
    current: AtomicUsize,
    /// What each of the next questions to watch is answered; `Ok` when there are no more.
    answers: Mutex<Vec<Result<(), Status>>>,
    watched: Sender<Watched>,
}

/// One stream, or why there is none.
struct Watched {
    binder: usize,
    names: Vec<String>,
    sink: Option<Sink<Notice>>,
}

fn named(procedure: &str, ports: &[u16]) -> Found {
    let mut found = found(ports, 60_000);
    found.entries.iter_mut().for_each(|entry| entry.name = procedure.to_owned());
    found
}

impl Outside for Binders {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn lookup(&self, procedure: &str, _until: Instant) -> Answer {
        Ok(named(procedure, &[1]))
    }

    fn watch(&self, procedures: &[String], _seen: Option<Revision>) -> Result<Stream<Notice>, BinderError> {
        let (binder, names) = (self.current.load(Ordering::SeqCst), procedures.to_vec());
        let answer = self.answers.lock().unwrap().pop().unwrap_or(Ok(()));
        let (sink, stream) = rpc_core::stream();
        let sink = answer.is_ok().then_some(sink);
        self.watched.send(Watched { binder, names, sink }).unwrap();
        answer.map(|()| stream).map_err(BinderError::Status)
    }

    fn turn(&self) -> usize {
        let next = (self.current.load(Ordering::SeqCst) + 1) % self.count;
        self.current.store(next, Ordering::SeqCst);
        self.count
    }
}

impl Watched {
    /// Tells all there is: every name is served at port 1.
    fn tell_all(&self) {
        let entries = self.names.iter().flat_map(|name| named(name, &[1]).entries);
        let reset = Change::Reset { binder_age_ms: 60_000, lease_ms: 15_000 };
        self.tell([reset].into_iter().chain(entries.map(Change::Added)).collect(), 1);
    }

    fn tell(&self, changes: Vec<Change>, number: u64) {
        let revision = Some(Revision { binder: 7, number });
        self.sink.as_ref().unwrap().send(Notice { changes, revision }).unwrap();
    }
}

/// A resolver of so many binders, which answer those who watch with these first, the last one first.
fn resolver_of(count: usize, answers: Vec<Result<(), Status>>) -> (Resolver, Receiver<Watched>) {
    let (watched, streams) = unbounded();
    let (current, answers) = (AtomicUsize::new(0), Mutex::new(answers));
    let binders = Binders { count, current, answers, watched };
    (Resolver::with(Box::new(binders), Wanted::default(), STALE_FOR), streams)
}

fn full() -> Result<(), Status> {
    Err(Status::resource_exhausted("at most so many may watch"))
}

#[track_caller]
fn wait_for_port(resolver: &Resolver, procedure: &str, port: u16) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = resolver.find(procedure, soon()).unwrap();
        if list.iter().any(|weighted| weighted.endpoint.port() == port) {
            return;
        }
        assert!(Instant::now() < deadline, "it does not hear that {procedure} is at port {port}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Story: to add a name, a resolver let its stream go and waited for further names before it began another. A server that
/// left meanwhile was called for as long as that took: a second, with a thousand names.
#[test]
fn what_is_told_while_a_name_is_added_is_heard() {
    let (resolver, streams) = resolver_of(1, Vec::new());
    let names: Vec<String> = (0..500).map(|number| format!("p{number:03}")).collect();
    resolver.prefetch(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let mut first = streams.recv_timeout(PATIENCE).unwrap();
    while first.names.len() < 500 {
        first = streams.recv_timeout(PATIENCE).unwrap();
    }
    first.tell_all();
    resolver.prefetch(&["another"]).unwrap();
    first.tell(named("p007", &[2]).entries.into_iter().map(Change::Added).collect(), 2);
    wait_for_port(&resolver, "p007", 2);
    assert!(streams.is_empty(), "it was heard before the next stream began");
    let second = streams.recv_timeout(PATIENCE).unwrap();
    assert_eq!(second.names.len(), 501);
}

/// A binder that has something to tell at every moment, and says which names are watched.
struct Chatterer(Sender<Vec<String>>);

impl Outside for Chatterer {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn lookup(&self, procedure: &str, _until: Instant) -> Answer {
        Ok(named(procedure, &[1]))
    }

    fn watch(&self, procedures: &[String], _seen: Option<Revision>) -> Result<Stream<Notice>, BinderError> {
        self.0.send(procedures.to_vec()).unwrap();
        let reset = Change::Reset { binder_age_ms: 60_000, lease_ms: 15_000 };
        let first = Notice { changes: vec![reset], revision: Some(Revision { binder: 7, number: 1 }) };
        let more = (2..).map(|number| {
            let revision = Some(Revision { binder: 7, number });
            Notice { changes: Vec::new(), revision }
        });
        Ok(Stream::from_iter([first].into_iter().chain(more)))
    }

    fn turn(&self) -> usize {
        1
    }
}

/// Story: a binder had something to tell at every moment, and a resolver that was asked for another name went on listening.
#[test]
fn a_stream_that_is_never_idle_keeps_no_further_name_waiting() {
    let (watched, names) = unbounded();
    let resolver = Resolver::with(Box::new(Chatterer(watched)), Wanted::default(), STALE_FOR);
    resolver.prefetch(&["a"]).unwrap();
    assert_eq!(names.recv_timeout(PATIENCE).unwrap(), ["a"]);
    resolver.prefetch(&["another"]).unwrap();
    assert_eq!(names.recv_timeout(PATIENCE).unwrap(), ["a", "another"]);
}

#[test]
fn a_name_that_may_not_be_watched_too_takes_nothing_from_those_that_are() {
    let (resolver, streams) = resolver_of(1, vec![full(), Ok(())]);
    resolver.prefetch(&["a"]).unwrap();
    let first = streams.recv_timeout(PATIENCE).unwrap();
    first.tell_all();
    resolver.prefetch(&["b"]).unwrap();
    let refused = streams.recv_timeout(PATIENCE).unwrap();
    assert_eq!((refused.names, refused.sink.is_none()), (vec!["a".to_owned(), "b".to_owned()], true));
    first.tell(named("a", &[2]).entries.into_iter().map(Change::Added).collect(), 2);
    wait_for_port(&resolver, "a", 2);
}

/// Story: a binder that had no place for another watcher was asked again after half a minute, and the next one not at all.
#[test]
fn whom_one_binder_does_not_let_watch_turns_to_the_next_at_once() {
    let (resolver, streams) = resolver_of(3, vec![Ok(()), full(), full()]);
    resolver.prefetch(&["a"]).unwrap();
    let asked = || streams.recv_timeout(PATIENCE).map(|watched| (watched.binder, watched.sink.is_some()));
    assert_eq!([asked(), asked(), asked()], [Ok((0, false)), Ok((1, false)), Ok((2, true))]);
}
