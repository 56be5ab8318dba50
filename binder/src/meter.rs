//! The binder's numbers, as metrics: how it is, and what its server counts.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::Meter;
use rpc_core::metrics::{Family, Metrics};

use crate::contract::Stats;
use crate::name_service::NameService;

/// Reads a binder's metrics: its own, whose names begin with `binder_`, and those of its
/// [`Server`](rpc_core::Server::metrics). They are numbers alone and name nothing that is registered, so nobody is asked for
/// a token.
#[derive(Clone, Debug)]
pub struct BinderMeter {
    names: Arc<NameService>,
    server: Meter,
}

impl BinderMeter {
    pub(crate) fn new(names: Arc<NameService>, server: Meter) -> BinderMeter {
        BinderMeter { names, server }
    }

    /// How the binder is now.
    pub fn read(&self) -> Metrics {
        self.with(&self.names.measure())
    }

    /// As [`read`](BinderMeter::read), with what somebody has asked for already.
    pub(crate) fn with(&self, stats: &Stats) -> Metrics {
        let mut metrics = Metrics::from_iter(sizes(stats));
        metrics.extend(counters(stats));
        metrics.extend(saving(stats));
        metrics.extend(self.server.read());
        metrics
    }
}

fn sizes(stats: &Stats) -> [Family; 8] {
    [
        Family::gauge("binder_build_info", "The version of the program.")
            .with([("version", &stats.version)], 1_u64),
        Family::gauge("binder_uptime_seconds", "For how long it has run.")
            .with([], Duration::from_millis(stats.uptime_ms)),
        Family::gauge("binder_procedures", "Procedures that somebody serves.").with([], stats.names),
        Family::gauge("binder_registrations", "Registrations, of all states.").with([], stats.registrations),
        Family::gauge("binder_servers", "Server processes that have registered something.")
            .with([], stats.leases),
        Family::gauge("binder_suspect_servers", "Servers that were not heard of for a whole lease.")
            .with([], stats.suspect_leases),
        Family::gauge("binder_watchers", "Those who are told every change.").with([], stats.watchers),
        Family::gauge("binder_alarm", "1 while none of many silent servers is given up.")
            .with([], stats.alarm.is_some()),
    ]
}

fn counters(stats: &Stats) -> [Family; 5] {
    let counters = &stats.counters;
    [
        Family::counter("binder_changes_total", "Changes of what is registered.")
            .with([], stats.revision.number),
        Family::counter("binder_lookups_total", "Lookups since the start.").with([], counters.lookups),
        Family::counter("binder_registered_total", "Calls that registered since the start.")
            .with([], counters.registrations),
        Family::counter("binder_renewals_total", "Renewals of leases since the start.")
            .with([], counters.renewals),
        Family::counter("binder_expired_total", "Registrations whose servers fell silent for two leases.")
            .with([], counters.expired),
    ]
}

fn saving(stats: &Stats) -> impl Iterator<Item = Family> + use<> {
    let failing = stats.saving.as_ref().map(|saving| {
        Family::gauge("binder_state_file_failing", "1 while the state file cannot be written.")
            .with([], saving.trouble.is_some())
    });
    let age = stats.saving.as_ref().and_then(|saving| saving.saved_ms_ago).map(|ago| {
        Family::gauge("binder_state_file_age_seconds", "How long ago the state file was written.")
            .with([], Duration::from_millis(ago))
    });
    failing.into_iter().chain(age)
}
