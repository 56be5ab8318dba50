//! Procedures by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::metrics::Slot;
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
    by_name: HashMap<&'static str, Route>,
    names: Vec<&'static str>,
}

impl Routes {
    /// Adds a service; the name that was taken already, if one was.
    pub(super) fn add(&mut self, service: &Arc<dyn Service>) -> Result<(), &'static str> {
        for (number, procedure) in service.procedures().iter().enumerate() {
            let slot = Slot::nth(self.names.len());
            let route = Route { service: service.clone(), number, procedure, slot };
            if self.by_name.insert(procedure.name, route).is_some() {
                return Err(procedure.name);
            }
            self.names.push(procedure.name);
        }
        Ok(())
    }

    pub(super) fn find(&self, name: &str) -> Option<&Route> {
        self.by_name.get(name)
    }

    /// All, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Route> {
        self.by_name.values()
    }

    /// The names, in the order they were added.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }
}
