//! What the registry knows, as an asker is told it.

use std::time::Instant;

use super::NameService;
use crate::address::Outlook;
use crate::contract::{Alarm, Change, Counters, Entry, Gone, Notice, Revision, Saving, Stats};
use crate::registry::{Census, GUARD_TIME, Held, Told, millis};

impl NameService {
    /// How it is, whoever wants to know.
    pub(crate) fn measure(&self) -> Stats {
        let desk = &self.0;
        let (census, number) = desk.change(|registry| (registry.census(Instant::now()), registry.number()));
        let (watchers, counters, saving) = (desk.watchers.count(), desk.tally.read(), desk.savings.read());
        stats(&census, desk.revision(number), watchers, counters, saving)
    }
}

/// A registration as one with this outlook sees it.
pub(super) fn entry(held: &Held, outlook: Outlook, now: Instant) -> Entry {
    let Held { record, term, left, calls } = held;
    let (address, out_of_reach) = match record.place.seen_from(outlook) {
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
        version: record.features.version().map(ToString::to_string),
        metadata: record.features.metadata().clone(),
        age_ms: millis(now.saturating_duration_since(record.since)),
        lease_ms: millis(*term),
        lease_left_ms: millis(*left),
        calls_per_minute: *calls,
    }
}

/// These changes as watchers with this outlook see them; with them they know everything up to `revision`.
pub(super) fn notices(told: &[&Told], outlook: Outlook, revision: Option<Revision>) -> Vec<Notice> {
    let now = Instant::now();
    in_notices(told.iter().map(|told| change(told, outlook, now)).collect(), revision)
}

/// These changes in notices of a bounded size, the last of which names the revision.
pub(super) fn in_notices(changes: Vec<Change>, revision: Option<Revision>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut changes = changes.into_iter().peekable();
    while changes.peek().is_some() {
        notices.push(Notice { changes: changes.by_ref().take(CHANGES).collect(), revision: None });
    }
    if let Some(last) = notices.last_mut() {
        last.revision = revision;
    }
    notices
}

fn change(told: &Told, outlook: Outlook, now: Instant) -> Change {
    match told {
        Told::Added(held) => Change::Added(entry(held, outlook, now)),
        Told::Changed(held) => Change::Changed(entry(held, outlook, now)),
        Told::Removed(record, why) => Change::Removed(Gone {
            name: record.name.to_string(),
            instance: record.owner.instance.short(),
            epoch: record.epoch,
            why: *why,
        }),
    }
}

/// All of it in one answer.
fn stats(
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
         {} s. Remove those that are really gone: binder remove --instance ID",
        census.suspects,
        census.leases,
        left.as_secs()
    );
    Some(Alarm { since_ms: millis(since), ends_in_ms: millis(left), sentence })
}

/// The most changes in one notice: at their largest they are a tenth of the largest frame.
pub(super) const CHANGES: usize = 128;
