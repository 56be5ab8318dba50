//! Broadcasts under every order of who sends, who goes round, who gives credit and who leaves: one order for all, nothing lost
//! or doubled, nobody left waiting.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::rounds::Writers;
use super::{Broadcast, Lag, Lagged, SubscriberId};
use crate::codec::Encoding;
use crate::models::{check, spawn};
use crate::status::Status;
use crate::stream::port::{Port, Pump, Wire};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Items that a connection holds before it has no room: less than a peer gives credit for.
const ROOM: usize = 2;

/// Items that a peer takes before it gives credit.
const CREDIT: u32 = 3;

/// A connection whose peer takes items when the model says so.
#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    heard: Vec<u8>,
    queued: usize,
    /// Somebody found no room.
    asked: bool,
    end: Option<Result<(), Status>>,
    /// Items or an end came behind the end.
    late: bool,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        state.late |= state.end.is_some();
        change(&mut state);
        drop(state);
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !until(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// As a peer and the socket before it: takes what has come and gives credit for it, until the end.
    fn take_all(&self, pump: &dyn Pump) {
        pump.credit(CREDIT);
        loop {
            let mut state = self.wait(|state| state.queued > 0 || state.asked || state.end.is_some());
            if state.end.is_some() {
                return;
            }
            let taken = std::mem::take(&mut state.queued);
            state.asked = false;
            drop(state);
            pump.credit(u32::try_from(taken).unwrap());
        }
    }

    fn outcome(&self) -> (Vec<u8>, Option<Result<(), Status>>) {
        let mut state = self.lock();
        assert!(!state.late, "something came behind the end");
        (std::mem::take(&mut state.heard), state.end.clone())
    }
}

impl Port for Line {
    fn items(&self, _id: u64, count: u32, payload: &mut Vec<u8>) -> Result<(), Status> {
        let count = usize::try_from(count).unwrap();
        self.change(|state| {
            // Each item is a small number: a byte.
            state.late |= payload.len() != count;
            state.heard.append(payload);
            state.queued += count;
        });
        Ok(())
    }

    fn large_item(&self, _id: u64, _item: Arc<[u8]>) -> Result<(), Status> {
        Err(Status::internal("there is none in these models"))
    }

    fn end(&self, _id: u64, outcome: Result<(), Status>) {
        self.change(|state| state.end = Some(outcome));
    }

    fn grant(&self, _id: u64, _items: u32) {}

    fn abandon(&self, _id: u64) {}

    fn flush(&self) {}

    fn has_room(&self) -> bool {
        self.lock().queued < ROOM
    }

    fn room_or_ask(&self) -> bool {
        let mut state = self.lock();
        let full = state.queued >= ROOM;
        state.asked |= full;
        !full
    }

    fn wait_for_room(&self, _deadline: Option<Instant>, _is_over: &dyn Fn() -> bool) -> bool {
        false
    }

    fn tend(&self, _id: u64) {}

    fn take_in(&self) {}

    fn wait(&self, _deadline: Option<Instant>, ready: &mut dyn FnMut() -> bool) -> bool {
        ready()
    }
}

fn broadcast(items: u64) -> Broadcast<u8> {
    Broadcast::written_by(Writers::new(), Lag { items, ..Lag::default() })
}

fn subscribe(news: &Broadcast<u8>) -> (SubscriberId, Arc<Line>, Arc<dyn Pump>) {
    let (id, stream) = news.subscribe();
    let line = Arc::<Line>::default();
    let wire = Wire { port: line.clone(), id: 1, deadline: None };
    (id, line, stream.attach(wire, Encoding::Bincode).pump)
}

/// Takes all on a thread of its own.
fn taking(line: &Arc<Line>, pump: Arc<dyn Pump>) -> shuttle::thread::JoinHandle<()> {
    let line = line.clone();
    spawn(move || line.take_all(&*pump))
}

const LOOSE: u64 = 1000;

#[test]
fn all_hear_what_is_for_them_in_one_order_whoever_sends() {
    check(|| {
        let news = Arc::new(broadcast(LOOSE));
        let [ana, bia, zoe] = [(); 3].map(|()| subscribe(&news));
        let to = bia.0;
        let [anas, bias, zoes] = [ana, bia, zoe].map(|(_, line, pump)| (taking(&line, pump), line));
        let senders = [0, 10].map(|first| {
            let news = news.clone();
            spawn(move || {
                for number in first..first + 3 {
                    news.send(&number).unwrap();
                }
                news.send_to(&[to], &(first + 9)).unwrap();
            })
        });
        drop(news);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        let [ana, mut bia, zoe] = [anas, bias, zoes].map(|(taker, line)| {
            taker.join().unwrap();
            let (heard, end) = line.outcome();
            assert_eq!(end, Some(Ok(())));
            heard
        });
        assert_eq!(ana, zoe);
        for first in [0, 10] {
            let of_one: Vec<u8> = bia.iter().copied().filter(|number| number / 10 == first / 10).collect();
            assert_eq!(of_one, [first, first + 1, first + 2, first + 9]);
        }
        bia.retain(|number| number % 10 != 9);
        assert_eq!(ana, bia);
    });
}

#[test]
fn who_leaves_or_is_cut_off_takes_nothing_from_the_others() {
    check(|| {
        let news = Arc::new(broadcast(LOOSE));
        let [stays, leaves, cut] = [(); 3].map(|()| subscribe(&news));
        let (id, cut_line, cut_pump) = cut;
        let cut_taker = taking(&cut_line, cut_pump);
        let taker = taking(&stays.1, stays.2);
        let leaver = spawn(move || {
            leaves.2.credit(CREDIT);
            leaves.2.cancel(&Status::cancelled("it leaves"));
        });
        let cutting = news.clone();
        let cutter = spawn(move || cutting.cut(&[id], &Status::aborted("it is cut off")));
        for number in 0..4 {
            news.send(&number).unwrap();
        }
        [leaver, cutter, cut_taker].into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(news.subscribers(), 1);
        drop(news);
        taker.join().unwrap();
        assert_eq!(stays.1.outcome(), (vec![0, 1, 2, 3], Some(Ok(()))));
        let (heard, end) = cut_line.outcome();
        assert!([0, 1, 2, 3].starts_with(&heard), "{heard:?}");
        assert_eq!(end, Some(Err(Status::aborted("it is cut off"))));
    });
}

#[test]
fn who_gives_no_credit_is_told_how_far_behind_he_is_and_the_others_hear_all() {
    check(|| {
        let news = broadcast(2);
        let (quick, slow) = (subscribe(&news), subscribe(&news));
        let taker = taking(&quick.1, quick.2);
        slow.2.credit(1);
        for number in 0..6 {
            // The quick one may be one too far behind as well, if he is given no time.
            drop(quick.1.wait(|state| state.heard.len() >= number || state.end.is_some()));
            news.send(&u8::try_from(number).unwrap()).unwrap();
        }
        drop(news);
        taker.join().unwrap();
        assert_eq!(quick.1.outcome(), (vec![0, 1, 2, 3, 4, 5], Some(Ok(()))));
        let (heard, end) = slow.1.outcome();
        assert_eq!(heard, [0]);
        let lagged = Lagged::from_status(&end.unwrap().unwrap_err()).unwrap();
        assert!(lagged.missed > 2 && lagged.after.is_some_and(|after| after.number() == 1), "{lagged:?}");
    });
}
