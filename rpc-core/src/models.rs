//! Model checks: the rooms that several threads use, run by a scheduler that looks for the order that breaks them.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p rpc-core --lib models`; `MODEL_RUNS` says how many orders each model is run in
//! by each scheduler. A model that fails prints its schedule, and `SHUTTLE_RANDOM_SEED` repeats a run. Time passes only
//! when a model says so: a wake-up that is lost is a deadlock, which the checker reports, and not a wait for a time-out.

pub(crate) mod peer;
pub(crate) mod pipe;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::sync::{clock, outside, thread};

/// Orders for each scheduler, unless `MODEL_RUNS` says otherwise.
const RUNS: usize = 100;

/// Preemptions that the second scheduler places. Most orders that break something need no more.
const DEPTH: usize = 3;

/// Runs the model in many orders: threads chosen at random, and threads with priorities that change a few times.
pub(crate) fn check(model: fn()) {
    let runs = std::env::var("MODEL_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let run = move || {
        clock::reset();
        outside::reset();
        thread::take_unparked();
        model();
    };
    Runner::new(RandomScheduler::new(runs), config()).run(run);
    Runner::new(PctScheduler::new(DEPTH, runs), config()).run(run);
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    config
}

/// Starts a thread of the model.
pub(crate) fn spawn(body: impl FnOnce() + Send + 'static) -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(body)
}

/// The items in any order.
pub(crate) fn shuffled<T, const N: usize>(mut items: [T; N]) -> [T; N] {
    for last in 1..N {
        items.swap(last, thread_rng().gen_range(0..=last));
    }
    items
}
