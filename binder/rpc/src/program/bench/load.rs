//! The callers: as many threads as calls may be in flight.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use hdrhistogram::Histogram;
use rpc_core::{Client, Context, JsonClient, JsonError, Limits, threads};

use crate::program::Failure;

/// What is called, and how often.
pub(super) struct Load {
    /// Ends all calls when it is cancelled.
    pub(super) life: Context,
    pub(super) client: Client,
    pub(super) procedure: String,
    pub(super) arguments: String,
    pub(super) connections: u8,
    pub(super) in_flight: u8,
    pub(super) pace: Pace,
    pub(super) duration: Duration,
    pub(super) calls: Option<NonZero<u64>>,
}

/// When the next call is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// When the one before is answered.
    AsAnswered,
    /// So many a second, over all callers, whether they are answered or not.
    PerSecond(NonZero<u32>),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Measured {
    /// In microseconds, of calls that were answered.
    pub(super) times: Histogram<u64>,
    /// By the name of the code; the procedure's own errors by `failed`.
    pub(super) failures: BTreeMap<String, u64>,
    /// Calls that were due, and not made before the time was over: the server was slower than the pace.
    pub(super) never_made: u64,
    /// Calls that were under way when it was stopped.
    pub(super) cut_off: u64,
    /// When the first caller saw that.
    pub(super) stopped: Option<Instant>,
    pub(super) took: Duration,
}

/// What all callers share: the times at which calls are due.
struct Schedule {
    begun: Instant,
    ends: Instant,
    pace: Pace,
    most: u64,
    next: AtomicU64,
    /// Disconnected when no call is to be made any more.
    stopped: Receiver<Infallible>,
}

/// The longest time that is told apart from longer ones, in microseconds: 366 days do not fit, an hour does.
const CEILING: u64 = 3_600_000_000;

impl Load {
    /// Calls until the time is over, or the calls are, or its life is.
    ///
    /// # Errors
    /// When there is no thread for a caller.
    pub(super) fn run(&self) -> Result<Measured, Failure> {
        let begun = Instant::now();
        let schedule = Arc::new(Schedule {
            begun,
            ends: begun + self.duration,
            pace: self.pace,
            most: self.calls.map_or(u64::MAX, NonZero::get),
            next: AtomicU64::new(0),
            stopped: self.life.cancelled(),
        });
        let mut callers = Vec::new();
        let mut measured = Measured::new();
        for _ in 0..self.connections {
            // Limits of its own are a connection of its own.
            let client = self.client.with_limits(Limits::default()).json();
            for _ in 0..self.in_flight {
                let caller = Caller { client: client.clone(), schedule: schedule.clone() };
                let (procedure, arguments) = (self.procedure.clone(), self.arguments.clone());
                let (sender, result) = std::sync::mpsc::sync_channel(1);
                let life = self.life.clone();
                let calling = move || drop(sender.send(life.scope(|| caller.call(&procedure, &arguments))));
                callers.push((threads::spawn("rpc-bench", calling).map_err(Failure::Threads)?, result));
            }
        }
        for (thread, result) in callers {
            thread.join();
            if let Ok(part) = result.recv() {
                measured.add(&part);
            }
        }
        measured.took = measured.stopped.unwrap_or_else(Instant::now).saturating_duration_since(begun);
        let made = measured.calls() + measured.cut_off;
        measured.never_made = self.due_within(measured.took).saturating_sub(made);
        Ok(measured)
    }
}

impl Load {
    /// How many calls were due in what was taken of the time, where that does not depend on the answers.
    fn due_within(&self, took: Duration) -> u64 {
        let Pace::PerSecond(rate) = self.pace else { return 0 };
        let due = (took.min(self.duration).as_nanos() * u128::from(rate.get())).div_ceil(1_000_000_000);
        u64::try_from(due).unwrap_or(u64::MAX).min(self.calls.map_or(u64::MAX, NonZero::get))
    }
}

struct Caller {
    client: JsonClient,
    schedule: Arc<Schedule>,
}

impl Caller {
    fn call(&self, procedure: &str, arguments: &str) -> Measured {
        let mut measured = Measured::new();
        while let Some(due) = self.schedule.next() {
            let answer = self.client.call(procedure, arguments);
            if answer.is_err() && self.schedule.is_stopped() {
                measured.cut_off += 1;
                break;
            }
            measured.note(answer.err(), due.elapsed());
        }
        measured.stopped = self.schedule.is_stopped().then(Instant::now);
        measured
    }
}

impl Schedule {
    /// When the next call is due, which has come; `None` when there is none any more, or no time to make it.
    fn next(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.most {
            return None;
        }
        let due = match self.pace {
            Pace::AsAnswered => Instant::now(),
            Pace::PerSecond(rate) => {
                let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(rate.get());
                let after = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
                self.begun.checked_add(after)?
            }
        };
        if due.max(Instant::now()) >= self.ends {
            return None;
        }
        let pause = due.saturating_duration_since(Instant::now());
        (self.stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)).then_some(due)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }
}

impl Measured {
    fn new() -> Measured {
        let times =
            Histogram::new_with_bounds(1, CEILING, 3).expect("three digits of an hour fit a histogram");
        let (never_made, cut_off) = (0, 0);
        Measured {
            times,
            failures: BTreeMap::new(),
            never_made,
            cut_off,
            stopped: None,
            took: Duration::ZERO,
        }
    }

    fn note(&mut self, failure: Option<JsonError>, time: Duration) {
        match failure {
            None => self.times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(CEILING)),
            Some(failure) => {
                let name = match failure {
                    JsonError::Status(status) => status.code().to_string(),
                    _ => "failed".to_owned(),
                };
                *self.failures.entry(name).or_default() += 1;
            }
        }
    }

    fn add(&mut self, part: &Measured) {
        self.times.add(&part.times).expect("all histograms have the same bounds");
        for (name, count) in &part.failures {
            *self.failures.entry(name.clone()).or_default() += count;
        }
        self.cut_off += part.cut_off;
        self.stopped = self.stopped.into_iter().chain(part.stopped).min();
    }

    /// Calls that were made.
    pub(super) fn calls(&self) -> u64 {
        self.times.len() + self.failed()
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    #[cfg(test)]
    pub(super) fn of(times: &[u64], failures: &[(&str, u64)]) -> Measured {
        let mut measured = Measured::new();
        times.iter().for_each(|micros| measured.note(None, Duration::from_micros(*micros)));
        measured.failures = failures.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        measured.took = Duration::from_secs(2);
        measured
    }
}

#[cfg(test)]
mod tests;
