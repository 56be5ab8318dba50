//! The binder's numbers in Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use crate::contract::Stats;

/// One family of one sample.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: f64,
}

pub(super) fn text(stats: &Stats) -> String {
    let version = stats.version.replace(['\\', '"', '\n'], "_");
    let mut text = format!(
        "# HELP binder_build_info The version of the program.\n# TYPE binder_build_info gauge\n\
         binder_build_info{{version=\"{version}\"}} 1\n"
    );
    for Metric { name, kind, help, value } in metrics(stats) {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
    text
}

fn metrics(stats: &Stats) -> Vec<Metric> {
    let gauge = |name, value, help| Metric { name, kind: "gauge", help, value };
    let counter = |name, value: u64, help| Metric { name, kind: "counter", help, value: number(value) };
    let counters = &stats.counters;
    let mut metrics = vec![
        gauge("binder_uptime_seconds", seconds(stats.uptime_ms), "For how long it has run."),
        gauge("binder_procedures", number(stats.names), "Procedures that somebody serves."),
        gauge("binder_registrations", number(stats.registrations), "Registrations, of all states."),
        gauge("binder_servers", number(stats.leases), "Server processes that have registered something."),
        gauge(
            "binder_suspect_servers",
            number(stats.suspect_leases),
            "Servers that were not heard of for a whole lease.",
        ),
        gauge("binder_watchers", number(stats.watchers), "Those who are told every change."),
        gauge(
            "binder_alarm",
            u8::from(stats.alarm.is_some()).into(),
            "1 while none of many silent servers is given up.",
        ),
        counter("binder_changes_total", stats.revision.number, "Changes of what is registered."),
        counter("binder_lookups_total", counters.lookups, "Lookups since the start."),
        counter("binder_registered_total", counters.registrations, "Calls that registered since the start."),
        counter("binder_renewals_total", counters.renewals, "Renewals of leases since the start."),
        counter(
            "binder_expired_total",
            counters.expired,
            "Registrations whose servers fell silent for two leases.",
        ),
    ];
    if let Some(saving) = &stats.saving {
        metrics.push(gauge(
            "binder_state_file_failing",
            u8::from(saving.trouble.is_some()).into(),
            "1 while the state file cannot be written.",
        ));
        metrics.extend(saving.saved_ms_ago.map(|ago| {
            gauge("binder_state_file_age_seconds", seconds(ago), "How long ago the state file was written.")
        }));
    }
    metrics
}

fn seconds(milliseconds: u64) -> f64 {
    number(milliseconds) / 1e3
}

/// Exact up to 2^53; Prometheus' numbers are no better.
#[expect(clippy::cast_precision_loss, reason = "the format has floating-point numbers")]
fn number(value: u64) -> f64 {
    value as f64
}
