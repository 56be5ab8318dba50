//! How long things took: counted by size, in buckets that are the same everywhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets: 1, 2.5 and 5 of each decade from 10 µs to 10 s, then 30 s, the time that a call has
/// unless told otherwise, and 60 s. What takes longer is in a last bucket without a bound.
///
/// They are the same for all, so that histograms of several processes can be added.
pub const BUCKETS: [Duration; 21] = [
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// One bucket for each bound, and one for what is longer than the last.
const ALL: usize = BUCKETS.len() + 1;

/// How long things took, counted by size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; ALL],
    sum: Duration,
}

impl Distribution {
    /// How many took at most as long as each of [`BUCKETS`].
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let sums = self.counts.iter().scan(0, |sum: &mut u64, count| {
            *sum += count;
            Some(*sum)
        });
        BUCKETS.into_iter().zip(sums)
    }

    /// How many there were, of any size.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

/// A distribution that threads add to.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    counts: [AtomicU64; ALL],
    /// Nanoseconds: enough for 584 years.
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn add(&self, time: Duration) {
        // From the bottom: what is found late took so long that looking for it is nothing.
        let bucket = BUCKETS.iter().position(|bound| time <= *bound).unwrap_or(BUCKETS.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, distribution: &mut Distribution) {
        for (sum, count) in distribution.counts.iter_mut().zip(&self.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        distribution.sum += Duration::from_nanos(self.sum.load(Ordering::Relaxed));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(time: Duration, bucket: Option<Duration>) {
        let (histogram, mut seen) = (Histogram::default(), Distribution::default());
        histogram.add(time);
        histogram.add_to(&mut seen);
        let first = seen.cumulative().find(|(_, count)| *count > 0).map(|(bound, _)| bound);
        assert_eq!((first, seen.count(), seen.sum()), (bucket, 1, time));
    }

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_longer_to_the_next() {
        for pair in BUCKETS.windows(2) {
            assert!(pair[0] < pair[1]);
            check(pair[0], Some(pair[0]));
            check(pair[0] + Duration::from_nanos(1), Some(pair[1]));
        }
        check(Duration::ZERO, Some(BUCKETS[0]));
        check(Duration::from_secs(60), Some(Duration::from_secs(60)));
        check(Duration::from_nanos(60_000_000_001), None);
    }

    #[test]
    fn distributions_add_up() {
        let (histogram, mut seen) = (Histogram::default(), Distribution::default());
        for time in [5, 20, 20, 70_000_000] {
            histogram.add(Duration::from_micros(time));
        }
        histogram.add_to(&mut seen);
        histogram.add_to(&mut seen);
        let counts: Vec<u64> = seen.cumulative().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[1], counts[20], seen.count()), (2, 6, 6, 8));
        assert_eq!(seen.sum(), 2 * Duration::from_micros(70_000_045));
    }
}
