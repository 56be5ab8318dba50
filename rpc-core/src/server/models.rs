//! The stall hand-over under every order: a real connection, watcher and pool, a modelled peer, and time that passes
//! whenever it hurts.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

use super::connection::Connection;
use super::panics::PanicPolicy;
use super::routes::Routes;
use super::shared::Shared;
use super::watcher::Watcher;
use crate::layer::{Call, Layers, Next};
use crate::limits::Limits;
use crate::models::peer::{Peer, framed};
use crate::models::pipe::pipe;
use crate::models::{check, spawn};
use crate::service::Service;
use crate::status::{Code, Status};
use crate::stream::{Sink, Stream, stream};
use crate::sync::{self, Condvar, Mutex, clock};
use crate::threads::{self, Pool, Thread};
use crate::transport::Waker;
use crate::wire::{CallHeader, Message, ReplyOutcome};

#[rpc_core::service]
trait Works {
    fn quick(&self, word: u8) -> Result<u8, Status>;
    /// Waits for the gate.
    fn slow(&self, word: u8) -> Result<u8, Status>;
    /// As `slow`; its stream does not end by itself.
    fn flow(&self, word: u8) -> Result<Stream<u8>, Status>;
}

#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    sinks: Mutex<Vec<Sink<u8>>>,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Works for Gate {
    fn quick(&self, word: u8) -> Result<u8, Status> {
        Ok(word)
    }

    fn slow(&self, word: u8) -> Result<u8, Status> {
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.opened.wait(open).unwrap();
        }
        Ok(word)
    }

    fn flow(&self, word: u8) -> Result<Stream<u8>, Status> {
        self.slow(word)?;
        let (sink, items) = stream();
        self.sinks.lock().unwrap().push(sink);
        Ok(items)
    }
}

/// Longer than anything that a model waits for by the clock.
const FAR: Duration = Duration::from_secs(3600);

/// The waits that end by themselves: ticks, looks, idle threads.
const HORIZON: Duration = Duration::from_secs(60);

/// Less than the replies of one turn, in the models where the peer is slow to read.
const NARROW: usize = 12;

const WIDE: usize = 1 << 20;

struct Stage {
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    watching: Thread,
    /// Calls that went through the layer, less those whose end it was told.
    open_calls: Arc<AtomicIsize>,
}

/// A layer that counts the calls which it has not heard the end of.
fn counting(open_calls: &Arc<AtomicIsize>) -> Layers {
    let (mut layers, counted) = (Layers::default(), open_calls.clone());
    layers.push(move |call: Call, next: Next<'_>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let ended = counted.clone();
        let end = move || {
            ended.fetch_sub(1, Ordering::SeqCst);
        };
        match next.run(call) {
            Ok(answered) => Ok(answered.on_end(move |_| end())),
            Err(status) => {
                end();
                Err(status)
            }
        }
    });
    layers
}

fn stage(room: usize) -> (Stage, Peer) {
    let gate = Arc::<Gate>::default();
    let service: Arc<dyn Service> = Arc::new(WorksService::new(gate.clone()));
    let mut routes = Routes::default();
    routes.add(&service).unwrap();
    let (waker, wake) = Waker::pair().unwrap();
    let limits = Limits { preface_time: FAR, frame_time: FAR, write_stall: FAR, ..Limits::default() };
    let pool = Pool::new("rpc-worker", 8);
    let open_calls = Arc::default();
    let routes = (routes, counting(&open_calls));
    let shared = Arc::new(Shared::new(routes, (limits, PanicPolicy::FailCall), pool, 8, waker));
    let watcher = Watcher::new(shared.clone(), wake);
    let watching = threads::spawn("rpc-watch", move || watcher.watch()).unwrap();
    let (near, far) = pipe(room);
    let connection = Arc::new(Connection::new(shared.clone(), near));
    shared.enter(&connection);
    let served = connection.clone();
    shared.pool.run(move || served.serve()).unwrap();
    let peer = Peer::new(far);
    peer.greet(0);
    (Stage { gate, shared, connection, watching, open_calls }, peer)
}

impl Stage {
    /// Every thread ends, whatever runs.
    fn close(self) {
        self.gate.open();
        self.connection.close("the model is over");
        self.shared.end_watching();
        self.watching.join();
        assert!(self.shared.pool.close(sync::now() + FAR), "a thread does not end");
        assert_eq!(self.shared.count(), 0, "a connection stays");
        assert_eq!(self.open_calls.load(Ordering::SeqCst), 0, "a layer was told an end twice, or never");
    }
}

fn call(id: u64, procedure: &str, remaining_ms: Option<u64>) -> Vec<u8> {
    let header = CallHeader { id, procedure, remaining_ms, encoding: 0, metadata: Vec::new() };
    framed(&Message::Call(header), &[u8::try_from(id).unwrap()])
}

/// What the peer hears of a call.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Returned(u64),
    Refused(u64, Code),
    /// Its stream begins, and ends.
    Begun(u64),
    Ended(u64),
    Goodbye(u64),
    Ping,
}

fn hear(peer: &mut Peer) -> Option<Heard> {
    peer.hear(|message, payload| match message {
        Message::Reply { id, outcome: ReplyOutcome::Returned } if payload.is_empty() => Heard::Begun(id),
        Message::End { id, .. } => Heard::Ended(id),
        Message::Reply { id, outcome: ReplyOutcome::Returned } => {
            assert_eq!(payload, [u8::try_from(id).unwrap()], "the answer to another call");
            Heard::Returned(id)
        }
        Message::Reply { id, outcome: ReplyOutcome::Status(refusal) } => {
            Heard::Refused(id, refusal.status().code())
        }
        Message::Goodbye { last_accepted, .. } => Heard::Goodbye(last_accepted),
        Message::Ping { .. } => Heard::Ping,
        other => panic!("{other:?}"),
    })
}

#[track_caller]
fn hear_returned(peer: &mut Peer, mut ids: Vec<u64>) {
    while !ids.is_empty() {
        let heard = hear(peer);
        let Some(Heard::Returned(id)) = heard else { panic!("{heard:?} while {ids:?} are awaited") };
        let at = ids.iter().position(|awaited| *awaited == id).expect("answered twice, or unasked");
        ids.swap_remove(at);
    }
}

#[test]
fn a_slow_call_keeps_none_waiting_that_came_before_or_behind_it() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            let (before, behind) = (call(1, "quick", None), call(3, "quick", None));
            peer.say_bytes(&[before, call(2, "slow", None), behind].concat());
            hear_returned(&mut peer, vec![1, 3]);
            stage.gate.open();
            hear_returned(&mut peer, vec![2]);
            stage.close();
        });
    });
}

#[test]
fn what_comes_behind_a_slow_call_later_is_read_too() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            peer.say_bytes(&[call(1, "slow", None), call(2, "slow", None)].concat());
            peer.say_bytes(&call(3, "quick", None));
            hear_returned(&mut peer, vec![3]);
            stage.gate.open();
            hear_returned(&mut peer, vec![1, 2]);
            peer.say_bytes(&call(4, "quick", None));
            hear_returned(&mut peer, vec![4]);
            stage.close();
        });
    });
}

#[test]
fn a_slow_call_that_comes_while_the_watcher_falls_asleep_is_seen() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            (0..thread_rng().gen_range(0..1500)).for_each(|_| shuttle::thread::yield_now());
            peer.say_bytes(&[call(1, "slow", None), call(2, "quick", None)].concat());
            hear_returned(&mut peer, vec![2]);
            stage.gate.open();
            hear_returned(&mut peer, vec![1]);
            stage.close();
        });
    });
}

#[test]
fn replies_that_a_turn_has_gathered_leave_though_nothing_comes_behind_its_slow_call() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            peer.say_bytes(&[call(1, "quick", None), call(2, "quick", None), call(3, "slow", None)].concat());
            hear_returned(&mut peer, vec![1, 2]);
            stage.gate.open();
            hear_returned(&mut peer, vec![3]);
            stage.close();
        });
    });
}

/// Opens the gate when an answer to call `id` is here, or at any moment before; how often it was answered, heard to the end.
fn answers(stage: &Stage, peer: &mut Peer, id: u64) -> Vec<Heard> {
    let gate = stage.gate.clone();
    let sooner = thread_rng().gen_range(0..400);
    let opening = spawn(move || {
        (0..sooner).for_each(|_| shuttle::thread::yield_now());
        gate.open();
    });
    let mut answers = Vec::new();
    while let Some(heard) = hear(peer) {
        if matches!(heard, Heard::Returned(of) | Heard::Refused(of, _) if of == id) {
            stage.gate.open();
            answers.push(heard);
        }
    }
    opening.join().unwrap();
    answers
}

#[test]
fn a_call_whose_time_passes_is_answered_once_by_whoever_may() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            peer.say_bytes(&[call(1, "slow", Some(3)), call(2, "quick", None)].concat());
            peer.end(Shutdown::Write);
            let answers = answers(&stage, &mut peer, 1);
            assert!(
                matches!(answers[..], [Heard::Returned(1) | Heard::Refused(1, Code::DeadlineExceeded)]),
                "{answers:?}"
            );
            stage.close();
        });
    });
}

/// A call whose time passed between the end of its procedure and its reply was once told the end of its stream first.
#[test]
fn a_stream_whose_time_passes_as_it_begins_ends_behind_its_reply() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            let gate = stage.gate.clone();
            let sooner = thread_rng().gen_range(0..400);
            let opening = spawn(move || {
                (0..sooner).for_each(|_| shuttle::thread::yield_now());
                gate.open();
            });
            peer.say_bytes(&[call(1, "flow", Some(3)), call(2, "quick", None)].concat());
            peer.end(Shutdown::Write);
            let heard = std::iter::from_fn(|| hear(&mut peer));
            let heard: Vec<_> =
                heard.filter(|heard| !matches!(heard, Heard::Returned(2) | Heard::Ping)).collect();
            assert!(
                matches!(
                    heard[..],
                    [Heard::Begun(1), Heard::Ended(1)] | [Heard::Refused(1, Code::DeadlineExceeded)]
                ),
                "{heard:?}"
            );
            opening.join().unwrap();
            stage.close();
        });
    });
}

#[test]
fn a_call_that_is_given_up_is_answered_at_most_once() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            let cancel = framed(&Message::Cancel { id: 1 }, &[]);
            peer.say_bytes(&[call(1, "slow", None), cancel, call(2, "quick", None)].concat());
            peer.end(Shutdown::Write);
            assert!(answers(&stage, &mut peer, 1).len() <= 1);
            stage.close();
        });
    });
}

#[test]
fn a_peer_that_ends_its_side_still_gets_every_answer() {
    check(|| {
        let (stage, mut peer) = stage(NARROW);
        clock::going(HORIZON, || {
            let gate = stage.gate.clone();
            let opening = spawn(move || gate.open());
            peer.say_bytes(&[call(1, "slow", None), call(2, "quick", None), call(3, "slow", None)].concat());
            peer.end(Shutdown::Write);
            let mut answered: Vec<u64> = std::iter::from_fn(|| hear(&mut peer))
                .filter_map(|heard| match heard {
                    Heard::Returned(id) => Some(id),
                    Heard::Ping => None,
                    other => panic!("{other:?}"),
                })
                .collect();
            answered.sort_unstable();
            assert_eq!(answered, [1, 2, 3]);
            opening.join().unwrap();
            stage.close();
        });
    });
}

#[test]
fn every_call_that_a_goodbye_counts_in_is_answered_before_the_end() {
    check(|| {
        let (stage, mut peer) = stage(WIDE);
        clock::going(HORIZON, || {
            let (connection, shared, gate) =
                (stage.connection.clone(), stage.shared.clone(), stage.gate.clone());
            let leaving = spawn(move || {
                connection.say_goodbye(&Status::unavailable("closing").not_run());
                gate.open();
                shared.wait_until(sync::now() + FAR, || connection.is_quiet());
                connection.end_sending();
            });
            peer.say_bytes(&[call(1, "quick", None), call(2, "slow", None), call(3, "none", None)].concat());
            let (mut answered, mut last) = (Vec::new(), None);
            while let Some(heard) = hear(&mut peer) {
                match heard {
                    Heard::Returned(id) | Heard::Refused(id, Code::Unimplemented) => answered.push(id),
                    Heard::Goodbye(id) => last = Some(id),
                    other => panic!("{other:?}"),
                }
            }
            answered.sort_unstable();
            assert_eq!(answered, (1..=last.unwrap()).collect::<Vec<_>>());
            leaving.join().unwrap();
            stage.close();
        });
    });
}
