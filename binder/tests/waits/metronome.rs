//! How late this machine runs threads, so that a claim about a time can be made on a busy one too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::threads::{self, Thread};

/// A thread that wants to run every millisecond, and notes how much later it did. Joined by its drop.
pub(crate) struct Metronome {
    beats: Arc<Beats>,
    _thread: Thread,
}

#[derive(Default)]
struct Beats {
    latest_us: AtomicU64,
    over: AtomicBool,
}

impl Metronome {
    pub(crate) fn start() -> Metronome {
        let beats = Arc::<Beats>::default();
        let beating = beats.clone();
        let thread = threads::spawn("metronome", move || beating.run()).unwrap();
        Metronome { beats, _thread: thread }
    }

    /// Does this until it took less than `limit` five times. A round that took longer fails the test, unless this machine kept
    /// threads waiting meanwhile for so long that it may be why: such a round proves nothing, and is made again.
    #[track_caller]
    pub(crate) fn check(&self, limit: Duration, mut round: impl FnMut(u16) -> Duration) {
        let mut quick = 0;
        for number in 0..ATTEMPTS {
            self.beats.latest_us.store(0, Ordering::SeqCst);
            let took = round(number);
            let late = Duration::from_micros(self.beats.latest_us.load(Ordering::SeqCst));
            quick += u16::from(took < limit);
            if quick == ROUNDS {
                break;
            }
            let is_excused = late * HANDS > limit / 2;
            assert!(took < limit || is_excused, "round {number} took {took:?}, threads ran {late:?} late");
        }
        assert_eq!(quick, ROUNDS, "quick rounds of {ATTEMPTS}, on a machine that is too busy to say more");
    }
}

impl Beats {
    fn run(&self) {
        while !self.over.load(Ordering::SeqCst) {
            let start = Instant::now();
            thread::park_timeout(BEAT);
            let late = start.elapsed().saturating_sub(BEAT);
            self.latest_us.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.beats.over.store(true, Ordering::SeqCst);
    }
}

const BEAT: Duration = Duration::from_millis(1);
const ROUNDS: u16 = 5;
/// The most rounds that are made.
const ATTEMPTS: u16 = 30;
/// The threads that a change goes through from one who makes it to one who acts on it: the caller's, the server's, the
/// announcer, a broadcast's writer, the resolver's, and the client's.
const HANDS: u32 = 6;
