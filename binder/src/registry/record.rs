//! One registration, and what happens to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::Place;
use crate::contract::{Departure, Mode, State};
use crate::features::Features;
use crate::identity::Owner;
use crate::name::ProcedureName;

/// One server's registration of one name. It never changes: another record takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: ProcedureName,
    /// The instance that holds it, on the start that registered it.
    pub(crate) owner: Owner,
    pub(crate) place: Place,
    pub(crate) mode: Mode,
    pub(crate) features: Features,
    pub(crate) epoch: u64,
    /// The epoch under which this start took the name first, before a binder forgot it perhaps.
    pub(crate) rank: u64,
    /// Since when this registration is there.
    pub(crate) since: Instant,
    pub(crate) health: Health,
    pub(crate) intent: Intent,
}

/// Whether its server is heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Live,
    Suspect,
}

/// Whether its server means to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Stay,
    Drain,
}

/// What is to be registered, read and found well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) name: ProcedureName,
    pub(crate) place: Place,
    pub(crate) mode: Mode,
    pub(crate) features: Features,
    /// The epoch under which the same start was given the name before; nothing if it takes it now.
    pub(crate) claim: Option<u64>,
}

/// What has become of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Added(Arc<Record>),
    /// There was one of the same name and instance before.
    Changed(Arc<Record>),
    Removed(Arc<Record>, Departure),
}

/// A record and the lease it stands under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) record: Arc<Record>,
    /// How long the lease lasts without a renewal.
    pub(crate) term: Duration,
    /// How much of it is left.
    pub(crate) left: Duration,
    /// How often the server says that it is called, a minute.
    pub(crate) calls: Option<u64>,
}

impl Record {
    pub(crate) fn state(&self) -> State {
        match (self.health, self.intent) {
            (Health::Suspect, _) => State::Suspect,
            (Health::Live, Intent::Drain) => State::Draining,
            (Health::Live, Intent::Stay) => State::Live,
        }
    }
}

impl Held {
    /// How long an answer with this record may be relied on: as long as a living server takes to be heard of again, and
    /// never longer than a dead one is believed. A suspect may be back at any moment.
    pub(crate) fn max_age(&self) -> Duration {
        match self.record.health {
            Health::Live => self.left.min(self.term / 3),
            Health::Suspect => SUSPECT_FOR.min(self.term / 3),
        }
    }
}

impl Event {
    pub(crate) fn record(&self) -> &Arc<Record> {
        match self {
            Event::Added(record) | Event::Changed(record) | Event::Removed(record, _) => record,
        }
    }
}

/// How long an answer of suspects may be relied on.
const SUSPECT_FOR: Duration = Duration::from_secs(1);
