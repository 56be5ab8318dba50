//! A bucket of tokens for each peer, in a table that does not grow past its bound. Pure: time is a parameter.
//!
//! A bucket is one instant: when it will be full again (the generic cell rate algorithm, ITU-T I.371). A bucket that is
//! full is like one that was never there, so it is forgotten when its place is needed.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::WhenFull;

pub(super) struct Buckets<K> {
    /// The time after which a token comes back.
    interval: Duration,
    /// The tokens of a full bucket.
    size: u32,
    capacity: usize,
    policy: WhenFull,
    full_at: HashMap<K, Instant>,
    /// Of all peers for whom there is no place.
    shared: Option<Instant>,
    swept: Option<Instant>,
}

/// A table that is full is looked through this often at most for buckets to forget: 100 ms.
const SWEEPS_APART: Duration = Duration::from_millis(100);

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(interval: Duration, size: u32, capacity: usize) -> Buckets<K> {
        let (policy, full_at) = (WhenFull::default(), HashMap::new());
        Buckets { interval, size, capacity, policy, full_at, shared: None, swept: None }
    }

    pub(super) fn set_size(&mut self, size: u32) {
        self.size = size;
    }

    pub(super) fn set_capacity(&mut self, capacity: usize, policy: WhenFull) {
        (self.capacity, self.policy) = (capacity, policy);
    }

    /// Takes a token, or says after which time there will be one.
    pub(super) fn take(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        let (interval, size) = (self.interval, self.size);
        if let Some(full_at) = self.full_at.get_mut(&key) {
            return take_from(full_at, interval, size, now);
        }
        self.make_room(now);
        if self.full_at.len() < self.capacity {
            return take_from(self.full_at.entry(key).or_insert(now), interval, size, now);
        }
        match self.policy {
            WhenFull::Share => take_from(self.shared.get_or_insert(now), interval, size, now),
            WhenFull::Refuse => Err(SWEEPS_APART.max(interval)),
            WhenFull::Admit => Ok(()),
        }
    }

    fn make_room(&mut self, now: Instant) {
        let full = self.full_at.len() >= self.capacity;
        if full && self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEPS_APART) {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.swept = Some(now);
        }
    }
}

/// Takes a token from one bucket; a token that is not there is not owed.
fn take_from(full_at: &mut Instant, interval: Duration, size: u32, now: Instant) -> Result<(), Duration> {
    let missing = full_at.saturating_duration_since(now) + interval;
    let whole = interval.saturating_mul(size);
    if missing > whole {
        return Err(missing - whole);
    }
    // A bucket that takes longer to fill than the clock can say is as good as full.
    *full_at = now.checked_add(missing).unwrap_or(now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    fn buckets(size: u32, capacity: usize, policy: WhenFull) -> Buckets<u32> {
        let mut buckets = Buckets::new(INTERVAL, size, capacity);
        buckets.set_capacity(capacity, policy);
        buckets
    }

    #[test]
    fn a_burst_passes_and_one_more_waits_for_its_token() {
        let (mut buckets, now) = (buckets(3, 9, WhenFull::Share), Instant::now());
        for _ in 0..3 {
            assert_eq!(buckets.take(1, now), Ok(()));
        }
        for _ in 0..3 {
            assert_eq!(buckets.take(1, now), Err(INTERVAL), "who is refused owes nothing");
        }
        assert_eq!(buckets.take(2, now), Ok(()), "each peer has his own");
        let soon = now + INTERVAL - Duration::from_millis(1);
        assert_eq!(buckets.take(1, soon), Err(Duration::from_millis(1)));
        assert_eq!(buckets.take(1, now + INTERVAL), Ok(()));
        assert_eq!(buckets.take(1, now + INTERVAL), Err(INTERVAL));
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_size() {
        let (mut buckets, now) = (buckets(2, 9, WhenFull::Share), Instant::now());
        buckets.take(1, now).unwrap();
        let later = now + 1000 * INTERVAL;
        assert_eq!([(); 3].map(|()| buckets.take(1, later).is_ok()), [true, true, false]);
    }

    #[test]
    fn in_the_long_run_the_rate_holds() {
        let (mut buckets, start) = (buckets(5, 9, WhenFull::Share), Instant::now());
        let passed = (0..10_000u32).filter(|step| {
            let now = start + Duration::from_millis(7) * *step;
            buckets.take(1, now).is_ok()
        });
        assert_eq!(passed.count(), 5 + 69_993 / 100);
    }

    #[test]
    fn a_full_table_forgets_those_whose_buckets_are_full() {
        let (mut buckets, now) = (buckets(2, 2, WhenFull::Refuse), Instant::now());
        buckets.take(1, now).unwrap();
        buckets.take(2, now).unwrap();
        buckets.take(2, now).unwrap();
        assert_eq!(buckets.take(3, now), Err(INTERVAL));
        // Now the first is full again, and the second is not.
        let later = now + INTERVAL;
        assert_eq!(buckets.take(3, later), Ok(()));
        assert_eq!(buckets.take(2, later), Ok(()));
        assert_eq!(buckets.take(2, later), Err(INTERVAL), "who was remembered still is");
        assert_eq!(buckets.full_at.len(), 2);
    }

    #[test]
    fn strangers_past_the_bound_are_treated_as_the_policy_says() {
        for (policy, expected) in [
            (WhenFull::Share, [true, true, false, false]),
            (WhenFull::Refuse, [false; 4]),
            (WhenFull::Admit, [true; 4]),
        ] {
            let (mut buckets, now) = (buckets(2, 1, policy), Instant::now());
            buckets.take(0, now).unwrap();
            let passed = [1, 2, 3, 4].map(|stranger| buckets.take(stranger, now).is_ok());
            assert_eq!(passed, expected, "{policy:?}");
            assert_eq!(buckets.take(0, now), Ok(()), "who was there before is not touched");
            assert_eq!(buckets.full_at.len(), 1);
        }
    }

    #[test]
    fn a_crowd_of_strangers_makes_one_sweep_a_while() {
        let (mut buckets, now) = (buckets(2, 4, WhenFull::Refuse), Instant::now());
        (0..4).for_each(|key| buckets.take(key, now).unwrap());
        buckets.take(4, now).unwrap_err();
        assert_eq!(buckets.swept, Some(now));
        buckets.take(5, now + SWEEPS_APART - Duration::from_nanos(1)).unwrap_err();
        assert_eq!(buckets.swept, Some(now));
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        let mut buckets = Buckets::new(Duration::from_secs(365 * 24 * 3600), u32::MAX, 1);
        let now = Instant::now();
        (0..1000).for_each(|_| buckets.take(1, now).unwrap());
    }
}
