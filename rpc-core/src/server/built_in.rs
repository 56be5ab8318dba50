//! The services that a server has without being given them.

use std::sync::Arc;

use super::routes::Routes;
use crate::health::{Health, HealthCheckService};
use crate::reflect::{Catalogue, ReflectionService};
use crate::service::Service;

/// Which of them, and with what.
#[derive(Debug, Default)]
pub(super) struct BuiltIn {
    pub(super) health: Option<Health>,
    pub(super) health_checks: Offer,
    pub(super) reflection: Offer,
}

/// Whether a built-in service is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Offer {
    #[default]
    All,
    Nothing,
}

impl BuiltIn {
    /// Adds the built-in services behind those that the program gave.
    pub(super) fn add_to(self, routes: &mut Routes) -> Health {
        let health = self.health.unwrap_or_default();
        health.add("");
        routes.all().for_each(|route| health.add(route.service.name()));
        if self.health_checks == Offer::All {
            let checks: Arc<dyn Service> = Arc::new(HealthCheckService::new(Arc::new(health.clone())));
            routes.add_built_in(&checks);
        }
        if self.reflection == Offer::All {
            // It lists itself, too.
            let itself = ReflectionService::new(Arc::new(Catalogue::default()));
            let own = itself.procedures().iter().map(|procedure| (itself.name(), procedure));
            let others = routes.all().map(|route| (route.service.name(), route.procedure));
            let catalogue = Catalogue::of(others.chain(own));
            let reflection: Arc<dyn Service> = Arc::new(ReflectionService::new(Arc::new(catalogue)));
            routes.add_built_in(&reflection);
        }
        health
    }
}
