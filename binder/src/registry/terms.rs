//! How long leases last and how much a registry holds.

use std::time::Duration;

/// How long a lease lasts and how much the registry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a lease lasts without a renewal if its server wishes for nothing else; brought between
    /// [`SHORTEST_LEASE`] and [`LONGEST_LEASE`].
    pub lease: Duration,
    /// The most names one lease covers, lost ones that are still to be told included.
    pub names_per_lease: usize,
    /// The most servers of one name.
    pub servers_per_name: usize,
    /// The most registrations in all, lost ones that are still to be told included.
    pub registrations: usize,
}

impl Terms {
    /// The same terms, with a lease that may be.
    pub(crate) fn within_bounds(self) -> Terms {
        Terms { lease: self.lease.clamp(SHORTEST_LEASE, LONGEST_LEASE), ..self }
    }

    /// The lease that a server gets who wishes for this one.
    pub(crate) fn grant(&self, wished: Option<Duration>) -> Duration {
        wished.map_or(self.lease, |wished| wished.clamp(self.shortest(), LONGEST_LEASE))
    }

    /// The age at which a binder that began with nothing knows every living server: each was heard of by then.
    pub(crate) fn settled_after(&self) -> Duration {
        self.lease.max(HEARD_WITHIN)
    }

    /// The shortest lease that a server may get here.
    pub(crate) fn shortest(&self) -> Duration {
        self.lease.min(SHORTEST_WISH)
    }
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            lease: DEFAULT_LEASE,
            names_per_lease: NAMES_PER_LEASE,
            servers_per_name: SERVERS_PER_NAME,
            registrations: REGISTRATIONS,
        }
    }
}

/// A dead server is suspect after this time, and a living one sends a message every third of it.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(15);
/// Living servers are heard of within this time, however long their leases are: so a binder that has forgotten everybody,
/// and those who ask it, soon know them all again.
pub const HEARD_WITHIN: Duration = DEFAULT_LEASE;
/// Shorter leases would end by the scheduler's whim.
pub const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// Longer leases would keep the dead for longer than people wait.
pub const LONGEST_LEASE: Duration = Duration::from_secs(300);
/// The shortest lease that a server may wish for where the binder's own is longer: less would load the binder.
pub const SHORTEST_WISH: Duration = Duration::from_secs(2);
/// The most names one lease covers.
pub const NAMES_PER_LEASE: usize = 10_000;
/// The most servers of one name: all of them fit into one answer.
pub const SERVERS_PER_NAME: usize = 1_000;
/// The most registrations in all: 10,000 names of 10 servers each add 32 MiB, measured (`benches/names`). As much metadata
/// as is allowed adds 400 MiB.
pub const REGISTRATIONS: usize = 100_000;
/// A gap between two looks at the clock of more than one part in this many of a lease is a pause of the binder.
pub const PAUSE_SHARE: u32 = 4;
