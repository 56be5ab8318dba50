//! Time as a model has it. Each model runs on one thread of the machine, so the clock is that thread's.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use shuttle::sync::{Condvar, Mutex};

struct Clock {
    begun: Instant,
    passed: Duration,
    alarms: Vec<Alarm>,
    going: Option<Going>,
}

struct Alarm {
    at: Instant,
    ring: Box<dyn FnMut() -> Heard>,
}

/// Whether an alarm has reached its thread, or is to ring again: who is about to wait does not hear it yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Yes,
    NotYet,
}

/// Time goes by itself: from alarm to alarm, up to a horizon. What is behind it is never waited for.
#[derive(Clone)]
struct Going {
    horizon: Duration,
    stopped: Arc<AtomicBool>,
    news: Arc<(Mutex<()>, Condvar)>,
}

std::thread_local! {
    static CLOCK: RefCell<Clock> =
        RefCell::new(Clock { begun: Instant::now(), passed: Duration::ZERO, alarms: Vec::new(), going: None });
}

pub(crate) fn now() -> Instant {
    CLOCK.with_borrow(|clock| clock.begun + clock.passed)
}

/// Forgets what the last run has left.
pub(crate) fn reset() {
    let left = CLOCK.with_borrow_mut(|clock| {
        clock.passed = Duration::ZERO;
        clock.going = None;
        std::mem::take(&mut clock.alarms)
    });
    drop(left);
}

/// Has `ring` called once the time has come.
pub(crate) fn at(time: Instant, ring: impl FnMut() -> Heard + 'static) {
    let going = CLOCK.with_borrow_mut(|clock| {
        clock.alarms.push(Alarm { at: time, ring: Box::new(ring) });
        clock.going.clone()
    });
    going.iter().for_each(Going::tell);
}

/// Lets time pass, and ends the waits whose time it is.
pub(crate) fn advance(time: Duration) {
    CLOCK.with_borrow_mut(|clock| clock.passed += time);
    loop {
        let now = now();
        let due = CLOCK.with_borrow_mut(|clock| {
            clock.alarms.extract_if(.., |alarm| alarm.at <= now).collect::<Vec<_>>()
        });
        if due.is_empty() {
            return;
        }
        let ring = |mut alarm: Alarm| ((alarm.ring)() == Heard::NotYet).then_some(alarm);
        let unheard: Vec<_> = due.into_iter().filter_map(ring).collect();
        CLOCK.with_borrow_mut(|clock| clock.alarms.extend(unheard));
        shuttle::thread::yield_now();
    }
}

/// Lets time go by itself while `model` runs: each wait that ends within `horizon` may end at any moment from then on.
pub(crate) fn going(horizon: Duration, model: impl FnOnce()) {
    let going = Going { horizon, stopped: Arc::default(), news: Arc::default() };
    CLOCK.with_borrow_mut(|clock| clock.going = Some(going.clone()));
    let ticking = going.clone();
    let ticker = shuttle::thread::spawn(move || while ticking.tick() {});
    model();
    CLOCK.with_borrow_mut(|clock| clock.going = None);
    going.stopped.store(true, Ordering::SeqCst);
    going.tell();
    ticker.join().unwrap();
}

impl Going {
    fn tell(&self) {
        drop(self.news.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.1.notify_all();
    }

    /// Waits for the next alarm, and rings it; false when time has stopped.
    fn tick(&self) -> bool {
        let mut guard = self.news.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.stopped.load(Ordering::SeqCst) {
                return false;
            }
            if let Some(step) = next_step(self.horizon) {
                drop(guard);
                advance(step);
                return true;
            }
            guard = self.news.1.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// How far it is to the next alarm before the horizon.
fn next_step(horizon: Duration) -> Option<Duration> {
    CLOCK.with_borrow(|clock| {
        let now = clock.begun + clock.passed;
        let next = clock.alarms.iter().map(|alarm| alarm.at).min()?;
        (next <= clock.begun + horizon).then(|| next.saturating_duration_since(now))
    })
}
