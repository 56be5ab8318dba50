//! Procedures by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::service::{Procedure, Service};

/// One procedure and the service that has it.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) service: Arc<dyn Service>,
    pub(super) number: usize,
    pub(super) procedure: &'static Procedure,
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
            let route = Route { service: service.clone(), number, procedure };
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

    /// The names, in the order they were added.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }
}
