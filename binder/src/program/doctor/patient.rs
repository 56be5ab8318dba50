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
    pub(super) names: Vec<String>,
    /// The worst of its registrations.
    pub(super) state: State,
    pub(super) out_of_reach: Option<String>,
    pub(super) lease: Duration,
    pub(super) lease_left: Duration,
}

/// The servers of these registrations, in the order of their places.
pub(super) fn all(entries: Vec<Entry>) -> Vec<Patient> {
    let mut patients: BTreeMap<(String, u16, String), Patient> = BTreeMap::new();
    for entry in entries {
        let key = (entry.address.clone(), entry.port, entry.instance.clone());
        let patient = patients.entry(key).or_insert_with(|| Patient::of(&entry));
        patient.state = patient.state.max(entry.state);
        patient.names.push(entry.name);
    }
    patients.into_values().collect()
}

impl Patient {
    fn of(entry: &Entry) -> Patient {
        Patient {
            address: entry.address.clone(),
            port: entry.port,
            instance: entry.instance.clone(),
            names: Vec::new(),
            state: entry.state,
            out_of_reach: entry.out_of_reach.clone(),
            lease: Duration::from_millis(entry.lease_ms),
            lease_left: Duration::from_millis(entry.lease_left_ms),
        }
    }

    /// Where it is, as one writes it.
    pub(super) fn place(&self) -> String {
        Endpoint::new(self.address.as_str(), self.port).to_string()
    }

    /// The first procedures, and how many there are beside them.
    pub(super) fn few_names(&self) -> String {
        let first = self.names.get(..FEW).unwrap_or(&self.names).join(", ");
        match self.names.len().saturating_sub(FEW) {
            0 => first,
            more => format!("{first} and {more} more"),
        }
    }
}

const FEW: usize = 3;
