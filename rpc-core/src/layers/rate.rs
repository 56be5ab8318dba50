//! How often each peer may call.

mod buckets;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use self::buckets::Buckets;
use super::Identity;
use crate::context::Context;
use crate::layer::{Answered, Call, Layer, Next};
use crate::shares::Origin;
use crate::status::Status;

/// So many calls in so much time, on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    calls: u32,
    time: Duration,
}

/// A rate that is none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a rate is at least one call in a time of 1 ns to a year, and at most one call a nanosecond")]
#[non_exhaustive]
pub struct RateError;

/// The longest time that a rate counts in: a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Rate {
    /// This many calls in this time.
    ///
    /// # Errors
    /// [`RateError`] when that is no rate.
    pub fn of(calls: u32, time: Duration) -> Result<Rate, RateError> {
        let fits = calls > 0 && time <= LONGEST && time.as_nanos() >= u128::from(calls);
        if fits { Ok(Rate { calls, time }) } else { Err(RateError) }
    }

    /// The time that one call uses up.
    fn interval(self) -> Duration {
        self.time / self.calls
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls in {:?}", self.calls, self.time)
    }
}

/// What becomes of a peer that is new while as many are remembered as may be, and all of them have called too recently to
/// be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// All such peers share one bucket: a crowd of strangers takes nothing from those who were there before, and of its own
    /// has the rate of one.
    #[default]
    Share,
    /// Its calls are refused.
    Refuse,
    /// Its calls are let through.
    Admit,
}

/// A layer that lets each peer call at a [`Rate`], and refuses more with `ResourceExhausted` and the time after which the
/// next call will be let through.
///
/// Each peer has a bucket of tokens: a call takes one, and they come back at the rate. A burst of as many calls as the rate
/// names is let through at once, unless [`burst`](RateLimit::burst) says otherwise. A peer is who called, if a layer above
/// has found that out ([`Identity`]), else an IP address; of IPv6 its first 64 bits, since the rest is the peer's to
/// choose. Calls without either (over Unix sockets, in memory, on a client) are one peer. A stream is one call.
pub struct RateLimit {
    rate: Rate,
    buckets: Mutex<Buckets<Peer>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Peer {
    Identity(Identity),
    Machine(Origin),
    Nameless,
}

impl RateLimit {
    /// How many peers are remembered at most, unless told otherwise: 10,000, about 1 MB.
    pub const PEERS: usize = 10_000;

    /// A layer with this rate for each peer.
    pub fn new(rate: Rate) -> RateLimit {
        let buckets = Buckets::new(rate.interval(), rate.calls, RateLimit::PEERS);
        RateLimit { rate, buckets: Mutex::new(buckets) }
    }

    /// The same limit with buckets of this many tokens, at least one.
    #[must_use]
    pub fn burst(self, calls: u32) -> RateLimit {
        self.with_buckets(|buckets| buckets.set_size(calls.max(1)))
    }

    /// The same limit, remembering at most this many peers, and what becomes of others then.
    #[must_use]
    pub fn peers(self, most: usize, policy: WhenFull) -> RateLimit {
        self.with_buckets(|buckets| buckets.set_capacity(most, policy))
    }

    fn with_buckets(mut self, change: impl FnOnce(&mut Buckets<Peer>)) -> RateLimit {
        change(self.buckets.get_mut().unwrap_or_else(PoisonError::into_inner));
        self
    }

    fn take(&self, peer: Peer, now: Instant) -> Result<(), Duration> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(peer, now)
    }
}

impl Layer for RateLimit {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        match self.take(Peer::of(call.context()), Instant::now()) {
            Ok(()) => next.run(call),
            Err(wait) => {
                let busy = Status::resource_exhausted(format!("more than {} of one caller", self.rate));
                Err(busy.with_retry_after(wait))
            }
        }
    }
}

impl Peer {
    fn of(context: &Context) -> Peer {
        if let Some(identity) = context.value::<Identity>() {
            return Peer::Identity(Identity::clone(&identity));
        }
        match context.origin() {
            machine @ Origin::Network(_) => Peer::Machine(machine),
            // A connection is had as often as one likes.
            Origin::Connection(_) | Origin::Here => Peer::Nameless,
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("rate", &self.rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_at_its_limits_passes_and_one_past_them_fails() {
        let of = |calls, time| Rate::of(calls, time).is_ok();
        assert!(of(1, Duration::from_nanos(1)) && of(u32::MAX, Duration::from_secs(5)));
        assert!(of(1, LONGEST) && !of(1, LONGEST + Duration::from_nanos(1)));
        assert!(!of(0, Duration::from_secs(1)) && !of(1, Duration::ZERO) && !of(2, Duration::from_nanos(1)));
    }

    #[test]
    fn a_peer_is_who_was_found_out_else_its_address_whatever_the_port() {
        let from = |address: &str| {
            let address = address.parse().unwrap();
            Context::background().with_addresses(address, address)
        };
        assert_eq!(Peer::of(&from("10.0.0.7:1")), Peer::of(&from("10.0.0.7:2")));
        assert_ne!(Peer::of(&from("10.0.0.7:1")), Peer::of(&from("10.0.0.8:1")));
        assert_eq!(Peer::of(&Context::background()), Peer::Nameless);
        let ana = || Identity::new("ana");
        let known = from("10.0.0.7:1").with_value(ana());
        assert_eq!(Peer::of(&known), Peer::Identity(ana()));
    }
}
