//! How a watcher's stream begins: with all there is, or with what he missed.
//!
//! What there is is read a page of names at a time, as the watcher takes it; what happens to a name after its page was read
//! follows behind the last page. Nothing is kept for one who takes nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rpc_core::Status;

use super::super::{Desk, telling};
use super::{SeatId, too_much};
use crate::address::Outlook;
use crate::contract::{Change, Notice};
use crate::name::ProcedureName;
use crate::registry::{Extent, Names, News, Registry, Told, millis};
use crate::selection::Selection;

/// The first notices of one watcher.
pub(crate) struct Beginning {
    desk: Arc<Desk>,
    seat: SeatId,
    selection: Selection,
    outlook: Outlook,
    phase: Phase,
    ready: VecDeque<Notice>,
}

enum Phase {
    /// Pages are being read.
    Reading(Reading),
    /// He knows everything up to this revision.
    Knowing(u64),
    /// He is seated.
    Over,
}

/// How far the pages go.
#[derive(Default)]
struct Reading {
    /// The revision before the first page.
    began: Option<u64>,
    /// Up to which name, and as of which revision, pages were read.
    read: Vec<(ProcedureName, u64)>,
}

impl Beginning {
    /// Of one who has seen everything up to `seen`, or nothing.
    pub(crate) fn new(
        desk: Arc<Desk>,
        seat: SeatId,
        selection: Selection,
        outlook: Outlook,
        seen: Option<u64>,
    ) -> Beginning {
        let phase = seen.map_or_else(|| Phase::Reading(Reading::default()), Phase::Knowing);
        Beginning { desk, seat, selection, outlook, phase, ready: VecDeque::new() }
    }

    /// Makes the next notices.
    fn advance(&mut self) -> Result<(), Status> {
        let desk = self.desk.clone();
        desk.change(|registry| match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Reading(reading) => self.read(registry, reading),
            Phase::Knowing(seen) => self.catch_up(registry, seen),
            Phase::Over => Ok(()),
        })
    }

    fn read(&mut self, registry: &mut Registry, mut reading: Reading) -> Result<(), Status> {
        let now = Instant::now();
        let after = reading.read.last().map(|(name, _)| name);
        let Names { held, to } = registry.names_behind(&self.selection, after, telling::CHANGES, now);
        let number = registry.number();
        let mut changes = Vec::new();
        if reading.began.is_none() {
            let (age, lease) = registry.footing(now);
            changes.push(Change::Reset { binder_age_ms: millis(age), lease_ms: millis(lease) });
        }
        let began = *reading.began.get_or_insert(number);
        changes.extend(held.iter().map(|held| Change::Added(telling::entry(held, self.outlook, now))));
        self.ready.extend(telling::in_notices(changes, None));
        match to {
            Extent::Name(name) => {
                reading.note(name, number);
                self.phase = Phase::Reading(reading);
                Ok(())
            }
            Extent::End => {
                let unread = |news: &News| news.number > reading.read_at(news.told.name(), number);
                self.sit_down(registry, began, unread)
            }
        }
    }

    /// Goes on from a revision that is remembered, or begins with everything.
    fn catch_up(&mut self, registry: &mut Registry, seen: u64) -> Result<(), Status> {
        match self.sit_down(registry, seen, |_| true) {
            Err(_) => self.read(registry, Reading::default()),
            Ok(()) => Ok(()),
        }
    }

    /// Adds what came after a revision and is new to the watcher. From now on he is told what comes.
    fn sit_down(
        &mut self,
        registry: &mut Registry,
        after: u64,
        new: impl Fn(&News) -> bool,
    ) -> Result<(), Status> {
        let missed = registry.since(after, |name| self.selection.has(name), Instant::now());
        let missed: Vec<News> = missed.ok_or_else(too_much)?.into_iter().filter(new).collect();
        let told: Vec<&Told> = missed.iter().map(|news| &news.told).collect();
        self.ready.extend(telling::notices(&told, self.outlook, None));
        let number = registry.number();
        let revision = Some(self.desk.revision(number));
        match self.ready.back_mut() {
            Some(last) => last.revision = revision,
            None => self.ready.push_back(Notice { changes: Vec::new(), revision }),
        }
        self.desk.watchers.seat(self.seat, number);
        Ok(())
    }
}

impl Reading {
    fn note(&mut self, to: ProcedureName, number: u64) {
        match self.read.last_mut() {
            Some((last, read_at)) if *read_at == number => *last = to,
            _ => self.read.push((to, number)),
        }
    }

    /// The revision as of which a name was read; `last` if it is on the last page.
    fn read_at(&self, name: &ProcedureName, last: u64) -> u64 {
        let page = self.read.partition_point(|(to, _)| to < name);
        self.read.get(page).map_or(last, |(_, number)| *number)
    }
}

impl Iterator for Beginning {
    type Item = Result<Notice, Status>;

    fn next(&mut self) -> Option<Result<Notice, Status>> {
        while self.ready.is_empty() && !matches!(self.phase, Phase::Over) {
            if let Err(why) = self.advance() {
                return Some(Err(why));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
