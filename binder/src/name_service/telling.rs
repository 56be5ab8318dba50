//! What the registry knows, as an asker is told it.

use std::time::Instant;

use crate::address::Vantage;
use crate::contract::{Alarm, Change, Counters, Entry, Gone, Notice, Revision, Saving, Scope, Stats};
use crate::name::{NameError, ProcedureName};
use crate::registry::{Census, GUARD_TIME, Held, Missed, Start, Told, millis};

/// A registration as one who asks from this vantage sees it.
pub(super) fn entry(held: &Held, vantage: Vantage, now: Instant) -> Entry {
    let Held { record, term, left } = held;
    let (address, out_of_reach) = match record.place.seen_from(vantage) {
        Ok(address) => (address, None),
        Err(why) => (record.place.address(), Some(why.to_string())),
    };
    Entry {
        name: record.name.to_string(),
        address,
        port: record.place.port(),
        out_of_reach,
        state: record.state(),
        mode: record.mode,
        epoch: record.epoch,
        instance: record.owner.instance.short(),
        incarnation: record.owner.incarnation,
        weight: record.features.weight.get(),
        version: record.features.version.as_ref().map(ToString::to_string),
        metadata: record.features.metadata.clone(),
        age_ms: millis(now.saturating_duration_since(record.since)),
        lease_ms: millis(*term),
        lease_left_ms: millis(*left),
    }
}

/// What a watcher has missed, in notices of a bounded size; none if he has missed nothing.
pub(super) fn notices(missed: Missed, vantage: Vantage, revision: Revision, now: Instant) -> Vec<Notice> {
    let reset = matches!(missed.start, Start::Anew).then_some(Change::Reset);
    let changes = missed.news.into_iter().map(|told| match told {
        Told::Added(held) => Change::Added(entry(&held, vantage, now)),
        Told::Changed(held) => Change::Changed(entry(&held, vantage, now)),
        Told::Removed(record, why) => Change::Removed(Gone {
            name: record.name.to_string(),
            instance: record.owner.instance.short(),
            epoch: record.epoch,
            why,
        }),
    });
    let mut changes = reset.into_iter().chain(changes).peekable();
    let mut notices = Vec::new();
    while changes.peek().is_some() {
        let changes = changes.by_ref().take(CHANGES).collect();
        notices.push(Notice { changes, revision: None });
    }
    if let Some(last) = notices.last_mut() {
        last.revision = Some(revision);
    }
    notices
}

/// Whether names like this can be there.
///
/// # Errors
/// The rule that every one of them would break.
pub(super) fn check_scope(scope: &Scope) -> Result<(), NameError> {
    match scope {
        Scope::Prefix(prefix) if prefix.is_empty() => Ok(()),
        Scope::Name(text) | Scope::Prefix(text) => ProcedureName::parse(text).map(drop),
    }
}

/// All of it in one answer.
pub(super) fn stats(
    census: &Census,
    revision: Revision,
    watchers: usize,
    counters: Counters,
    saving: Option<Saving>,
) -> Stats {
    Stats {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_ms: millis(census.uptime),
        revision,
        names: census.names as u64,
        registrations: census.registrations as u64,
        leases: census.leases as u64,
        suspect_leases: census.suspects as u64,
        watchers: watchers as u64,
        counters,
        alarm: alarm(census),
        saving,
    }
}

fn alarm(census: &Census) -> Option<Alarm> {
    let since = census.guarded_for?;
    let left = GUARD_TIME.saturating_sub(since);
    let sentence = format!(
        "{} of {} servers have not been heard of for a whole lease. So many at once are rarely dead, so they are kept \
         as suspects, and given only where nobody else serves. This ends when half of them are heard of again, or in \
         {} s. Remove those that are really gone: binder remove --force",
        census.suspects,
        census.leases,
        left.as_secs()
    );
    Some(Alarm { since_ms: millis(since), ends_in_ms: millis(left), sentence })
}

/// The most changes in one notice: at their largest they are a tenth of the largest frame.
const CHANGES: usize = 128;
