//! Procedures by name.

use std::sync::Arc;

use crate::hash::ByName;
use crate::metrics::Slot;
use crate::reflect::RESERVED;
use crate::service::{Procedure, Service};

/// One procedure and the service that has it.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) service: Arc<dyn Service>,
    pub(super) number: usize,
    pub(super) procedure: &'static Procedure,
    /// Where its calls are counted.
    pub(super) slot: Slot,
}

/// All procedures of a server.
#[derive(Clone, Default)]
pub(super) struct Routes {
    by_name: ByName<Route>,
    /// In the order they were added, those of the program's services first.
    names: Vec<&'static str>,
    /// How many of them are the program's.
    given: usize,
}

/// Why a service cannot be added.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clash {
    /// Another one has a procedure of this name.
    Twice(&'static str),
    /// The name is one for built-in procedures.
    Reserved(&'static str),
}

impl Routes {
    /// Adds a service of the program.
    pub(super) fn add(&mut self, service: &Arc<dyn Service>) -> Result<(), Clash> {
        for (number, procedure) in service.procedures().iter().enumerate() {
            if procedure.name.starts_with(RESERVED) {
                return Err(Clash::Reserved(procedure.name));
            }
            if self.by_name.contains_key(procedure.name) {
                return Err(Clash::Twice(procedure.name));
            }
            self.push(service, number, procedure);
        }
        self.given = self.names.len();
        Ok(())
    }

    /// Adds a service of our own, behind all of the program's.
    pub(super) fn add_built_in(&mut self, service: &Arc<dyn Service>) {
        for (number, procedure) in service.procedures().iter().enumerate() {
            self.push(service, number, procedure);
        }
    }

    fn push(&mut self, service: &Arc<dyn Service>, number: usize, procedure: &'static Procedure) {
        let slot = Slot::nth(self.names.len());
        let route = Route { service: service.clone(), number, procedure, slot };
        self.by_name.insert(procedure.name, route);
        self.names.push(procedure.name);
    }

    pub(super) fn find(&self, name: &str) -> Option<&Route> {
        self.by_name.get(name)
    }

    /// All, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Route> {
        self.by_name.values()
    }

    /// All names, in the order they were added.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The names of the program's procedures, in the order they were added.
    pub(super) fn given(&self) -> &[&'static str] {
        self.names.get(..self.given).unwrap_or_default()
    }
}
