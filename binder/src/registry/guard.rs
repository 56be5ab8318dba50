//! The guard against mass expiry.
//!
//! When most servers fall silent within one lease, the network or the binder is more likely ill than all of them dead. So
//! nobody is given up then: suspects stay suspects, until half of the servers are heard of, or ten minutes have passed.

use std::time::{Duration, Instant};

/// Fewer leases that hold a name than this are no crowd: that three of four test servers ended is nothing strange.
pub const GUARD_LEASES: usize = 5;
/// The guard ends by itself after this time: then the silent are believed dead.
pub const GUARD_TIME: Duration = Duration::from_secs(600);

/// Whether suspects are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Guard {
    on_since: Option<Instant>,
}

/// A change of the guard, worth telling once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardNews {
    /// Most servers fell silent.
    On {
        /// How many are suspect.
        suspects: usize,
        /// Of how many.
        leases: usize,
    },
    /// At least half are heard of again; the others have a full term to follow.
    Recovered,
    /// Its time is over.
    TimeOver,
}

impl Guard {
    pub(super) fn on_since(&self) -> Option<Instant> {
        self.on_since
    }

    /// Goes on when suspects are too many to be believed dead. A suspect is one that lapsed within the last lease, since
    /// it goes after that.
    pub(super) fn rise(&mut self, suspects: usize, leases: usize, now: Instant) -> Option<GuardNews> {
        if self.on_since.is_some() || leases < GUARD_LEASES || suspects <= leases / 2 {
            return None;
        }
        self.on_since = Some(now);
        Some(GuardNews::On { suspects, leases })
    }

    /// Goes off when it is not needed any more, or its time is over.
    pub(super) fn fall(&mut self, suspects: usize, leases: usize, now: Instant) -> Option<GuardNews> {
        let since = self.on_since?;
        let news = if suspects <= leases / 2 {
            GuardNews::Recovered
        } else if now - since >= GUARD_TIME {
            GuardNews::TimeOver
        } else {
            return None;
        };
        self.on_since = None;
        Some(news)
    }
}
