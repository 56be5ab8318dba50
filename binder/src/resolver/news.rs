//! What a watched binder tells, put together up to a revision, and no larger than a resolver needs it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rpc_core::{Endpoint, Status};

use crate::contract::{Change, Entry, Gone, Notice, Revision, State};
use crate::features::Wanted;

/// A server, as a resolver keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    pub(super) weight: u16,
    pub(super) epoch: u64,
    pub(super) state: State,
}

/// Changes that belong together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// They are all there is.
    pub(super) reset: Option<Footing>,
    /// By procedure.
    pub(super) changes: HashMap<String, Changes>,
}

/// What is told of one procedure's instances, in order: there, or gone.
pub(super) type Changes = Vec<(Box<str>, Option<Server>)>;

/// How much a binder can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footing {
    age: Duration,
    lease: Duration,
}

/// Notices that have come and lead to no revision yet.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// Servers that are not this are not there.
    wanted: Wanted,
    batch: Batch,
    changes: usize,
}

impl Server {
    /// With the instance that it is; `None` where the asker has no way to it.
    pub(super) fn of_entry(entry: Entry) -> Option<(Box<str>, Server)> {
        let Entry { instance, address, port, weight, epoch, state, out_of_reach, .. } = entry;
        let server = Server { endpoint: Endpoint::new(address, port), weight, epoch, state };
        out_of_reach.is_none().then(|| (instance.into(), server))
    }
}

impl Footing {
    /// Of a binder that has run this long and grants such leases.
    pub(super) fn new(age: Duration, lease: Duration) -> Footing {
        Footing { age, lease }
    }

    /// When the binder must know every living server, if it does not yet.
    pub(super) fn sure_at(self, now: Instant) -> Option<Instant> {
        let left = self.lease.min(crate::LONGEST_LEASE).checked_sub(self.age)?;
        (!left.is_zero()).then(|| now + left)
    }
}

impl Mail {
    /// Of which only such servers are looked at.
    pub(super) fn about(wanted: Wanted) -> Mail {
        Mail { wanted, ..Mail::default() }
    }

    /// Takes a notice; what it completes, and the revision that it leads to.
    ///
    /// # Errors
    /// When more comes than a resolver keeps.
    pub(super) fn take(&mut self, notice: Notice) -> Result<Option<(Batch, Revision)>, Status> {
        self.changes += notice.changes.len();
        if self.changes > CHANGES {
            return Err(Status::resource_exhausted(format!("a resolver keeps at most {CHANGES} servers")));
        }
        notice.changes.into_iter().for_each(|change| self.batch.add(change, &self.wanted));
        let Some(revision) = notice.revision else { return Ok(None) };
        self.changes = 0;
        Ok(Some((std::mem::take(&mut self.batch), revision)))
    }
}

impl Batch {
    fn add(&mut self, change: Change, wanted: &Wanted) {
        match change {
            Change::Reset { binder_age_ms, lease_ms } => {
                let (age, lease) = (Duration::from_millis(binder_age_ms), Duration::from_millis(lease_ms));
                *self = Batch { reset: Some(Footing::new(age, lease)), changes: HashMap::new() };
            }
            Change::Added(entry) | Change::Changed(entry) => {
                let name = entry.name.clone();
                let instance = entry.instance.as_str().into();
                let fits = wanted.is_met_by_told(entry.version.as_deref(), &entry.metadata);
                let server = Some(entry).filter(|_| fits).and_then(Server::of_entry);
                let change = server.map_or((instance, None), |(instance, server)| (instance, Some(server)));
                self.changes.entry(name).or_default().push(change);
            }
            Change::Removed(Gone { name, instance, .. }) => {
                self.changes.entry(name).or_default().push((instance.into(), None));
            }
        }
    }
}

/// The most changes that lead to one revision: a hundred servers of each of a thousand procedures.
const CHANGES: usize = 100_000;
