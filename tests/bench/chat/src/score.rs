//! Who has heard what in one room, and how long it took.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The messages of one room, from the first on.
pub(crate) struct Score {
    members: u32,
    /// When each was sent, and how many have heard it.
    messages: Vec<(Instant, u32)>,
    /// Their numbers as the first member heard them: everybody's order. It need not be the speaker's, whose messages are under
    /// way together.
    order: Vec<u32>,
    /// How many everybody has heard.
    complete: usize,
}

/// Times of deliveries, in microseconds.
pub(crate) struct Times {
    /// From the sending to each member.
    pub(crate) each: Histogram<u64>,
    /// From the sending to the last member.
    pub(crate) last: Histogram<u64>,
}

impl Score {
    pub(crate) fn new(members: usize) -> Score {
        Score {
            members: u32::try_from(members).unwrap_or(u32::MAX),
            messages: Vec::new(),
            order: Vec::new(),
            complete: 0,
        }
    }

    /// The number that the next message has.
    pub(crate) fn next(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    /// A message is sent now.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.messages.push((now, 0));
    }

    /// Somebody has this now, behind `before` others; says whether that is what everybody else heard there.
    pub(crate) fn heard(&mut self, number: u32, before: usize, now: Instant, times: &mut Times) -> bool {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let Some((sent, heard)) = self.messages.get_mut(place) else { return false };
        let is_next = match self.order.get(before) {
            Some(others) => *others == number,
            None => *heard == 0 && before == self.order.len(),
        };
        if before == self.order.len() {
            self.order.push(number);
        }
        *heard += 1;
        let taken = now.saturating_duration_since(*sent);
        record(&mut times.each, taken);
        if *heard == self.members {
            record(&mut times.last, taken);
            self.complete += 1;
        }
        is_next
    }

    /// Messages that somebody has still to hear.
    pub(crate) fn under_way(&self) -> usize {
        self.messages.len() - self.complete
    }
}

fn record(times: &mut Histogram<u64>, taken: Duration) {
    times.saturating_record(u64::try_from(taken.as_micros()).unwrap_or(u64::MAX));
}

impl Times {
    pub(crate) fn new() -> Times {
        // Up to a minute, to three digits: bounds that always make a histogram.
        let empty = || Histogram::new_with_max(60_000_000, 3).unwrap_or_else(|_| unreachable!());
        Times { each: empty(), last: empty() }
    }
}

/// A quantile in milliseconds.
pub(crate) fn milliseconds(times: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(times.value_at_quantile(quantile)).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What three members say of the messages 0, 1 and 2, heard one after the other.
    fn heard(members: [[u32; 3]; 2]) -> Vec<bool> {
        let (mut score, mut times, now) = (Score::new(2), Times::new(), Instant::now());
        (0..3).for_each(|_| score.sent(now));
        let mut hear = |(before, number)| score.heard(number, before, now, &mut times);
        members.into_iter().flat_map(|numbers| (0..).zip(numbers)).map(&mut hear).collect()
    }

    #[test]
    fn everybody_hears_in_the_order_of_the_first() {
        assert_eq!(heard([[1, 0, 2], [1, 0, 2]]), [true; 6]);
        assert_eq!(heard([[0, 1, 2], [0, 2, 1]]), [true, true, true, true, false, false]);
    }

    #[test]
    fn what_is_doubled_lost_or_made_up_is_no_order() {
        assert_eq!(heard([[0, 1, 1], [0, 1, 2]])[..3], [true, true, false]);
        assert_eq!(heard([[0, 1, 2], [1, 2, 2]])[3..], [false, false, true]);
        assert_eq!(heard([[0, 1, 7], [0, 1, 2]])[..3], [true, true, false]);
    }

    #[test]
    fn a_message_is_under_way_until_the_last_has_it() {
        let (mut score, mut times, now) = (Score::new(2), Times::new(), Instant::now());
        score.sent(now);
        score.heard(0, 0, now, &mut times);
        assert_eq!((score.under_way(), times.last.len()), (1, 0));
        score.heard(0, 0, now, &mut times);
        assert_eq!((score.under_way(), times.last.len()), (0, 1));
    }
}
