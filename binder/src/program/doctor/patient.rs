//! One server process as it is registered: all its procedures at one place.

use std::collections::BTreeMap;
use std::time::Duration;

use binder::{Entry, State};
use rpc_core::Endpoint;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patient {
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) instance: String,
    /// At least one. A server that sends no identity has a lease for each of them.
    pub(super) registered: Vec<Registered>,
    pub(super) out_of_reach: Option<String>,
    /// Another instance that is registered at the same place and is heard of.
    pub(super) successor: Option<String>,
}

/// One of its procedures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) lease: Duration,
    pub(super) lease_left: Duration,
}

/// Those of a patient's procedures that something is true of: at least one.
#[derive(Clone, Debug)]
pub(super) struct Portion<'a> {
    pub(super) these: Vec<&'a Registered>,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// They are all that the patient has.
    Whole,
    Part,
}

/// The servers of these registrations, in the order of their places.
pub(super) fn all(entries: Vec<Entry>) -> Vec<Patient> {
    let mut patients: BTreeMap<(String, u16, String), Patient> = BTreeMap::new();
    for entry in entries {
        let key = (entry.address.clone(), entry.port, entry.instance.clone());
        let patient = patients.entry(key).or_insert_with(|| Patient::of(&entry));
        patient.registered.push(Registered::of(entry));
    }
    let mut patients: Vec<_> = patients.into_values().collect();
    for place in patients.chunk_by_mut(|one, other| (&one.address, one.port) == (&other.address, other.port))
    {
        let living = place.iter().find(|patient| patient.state() != State::Suspect);
        let living = living.map(|patient| patient.instance.clone());
        for patient in place {
            patient.successor = living.clone().filter(|living| *living != patient.instance);
        }
    }
    patients
}

impl Patient {
    /// With none of its procedures.
    fn of(entry: &Entry) -> Patient {
        Patient {
            address: entry.address.clone(),
            port: entry.port,
            instance: entry.instance.clone(),
            registered: Vec::new(),
            out_of_reach: entry.out_of_reach.clone(),
            successor: None,
        }
    }

    /// Where it is, as one writes it.
    pub(super) fn place(&self) -> String {
        Endpoint::new(self.address.as_str(), self.port).to_string()
    }

    /// The worst of its registrations.
    pub(super) fn state(&self) -> State {
        self.registered.iter().map(|one| one.state).max().unwrap_or(State::Live)
    }

    /// All its procedures.
    pub(super) fn names(&self) -> Vec<&str> {
        self.registered.iter().map(|one| one.name.as_str()).collect()
    }

    /// The first procedures, and how many there are beside them.
    pub(super) fn few_names(&self) -> String {
        few(self.registered.iter())
    }

    /// The procedures that this is true of; `None` if it is of none.
    pub(super) fn those(&self, is: impl Fn(&Registered) -> bool) -> Option<Portion<'_>> {
        let these: Vec<_> = self.registered.iter().filter(|one| is(one)).collect();
        let extent = if these.len() == self.registered.len() { Extent::Whole } else { Extent::Part };
        (!these.is_empty()).then_some(Portion { these, extent })
    }

    /// Its procedures that the binder has not heard of for a whole lease.
    pub(super) fn suspects(&self) -> Option<Portion<'_>> {
        self.those(|one| one.state == State::Suspect)
    }

    /// How the program is told that these are meant: `--instance ID`, or their names and the place.
    pub(super) fn choice(&self, portion: &Portion<'_>) -> String {
        if portion.is_whole() {
            return format!("--instance {}", self.instance);
        }
        let names: Vec<_> = portion.these.iter().take(SAID).map(|one| one.name.as_str()).collect();
        let more = if names.len() < portion.these.len() { " …" } else { "" };
        format!("{}{more} --address {}", names.join(" "), self.place())
    }
}

impl Portion<'_> {
    /// Whether these are all that the patient has.
    pub(super) fn is_whole(&self) -> bool {
        self.extent == Extent::Whole
    }

    /// `it`, or the first of their names.
    pub(super) fn subject(&self) -> String {
        if self.is_whole() { "it".to_owned() } else { few(self.these.iter().copied()) }
    }
}

impl Registered {
    fn of(entry: Entry) -> Registered {
        Registered {
            name: entry.name,
            state: entry.state,
            lease: Duration::from_millis(entry.lease_ms),
            lease_left: Duration::from_millis(entry.lease_left_ms),
        }
    }

    /// Whether a renewal is missing. It comes at a third of the lease, and at half of it if the first was lost.
    pub(super) fn is_late(&self) -> bool {
        self.state != State::Suspect && self.lease_left < self.lease / 3
    }
}

fn few<'a>(registered: impl ExactSizeIterator<Item = &'a Registered>) -> String {
    let more = registered.len().saturating_sub(FEW);
    let first: Vec<_> = registered.take(FEW).map(|one| one.name.as_str()).collect();
    let first = first.join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// How many are named in a sentence.
const FEW: usize = 3;
/// How many are named in a command.
const SAID: usize = 8;
