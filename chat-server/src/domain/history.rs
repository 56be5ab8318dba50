//! What happened in a room: the last records, numbered without holes.

use std::collections::VecDeque;
use std::sync::Arc;

use chat_api::limits::{HISTORY_MESSAGES, HISTORY_RECORDS, RECENT_MESSAGES};
use chat_api::{Event, EventKind, Seq, UnixMillis};

use super::person::UserId;
use super::record::{Audience, Record};

/// The last 10,000 messages with the notices between them, 20,000 records at the most; and the last 50 public messages
/// however many records came after them.
#[derive(Debug, Default)]
pub(crate) struct History {
    records: VecDeque<Arc<Record>>,
    /// How many of the records are messages.
    messages: usize,
    /// Shared with `records`, as far as they are still there.
    last_public: VecDeque<Arc<Record>>,
    last: Seq,
    /// What all of them take, each counted once.
    bytes: usize,
}

/// What is forgotten when the server's memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oblivion {
    /// All but the last 50 public messages.
    AllButRecent,
    /// Everything.
    All,
}

/// A reader's piece of the history.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    /// Everything up to and with this one is either in the page, or not for this reader, or missed.
    pub(crate) read: Seq,
    /// Records that are no longer kept.
    pub(crate) missed: u64,
    /// Whether there is more for this reader.
    pub(crate) more: bool,
}

impl History {
    /// The number of the latest record.
    pub(crate) fn last(&self) -> Seq {
        self.last
    }

    /// The latest record, if it is still kept.
    pub(crate) fn latest(&self) -> Option<&Record> {
        self.records.back().map(Arc::as_ref)
    }

    /// The memory that the records take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, kind: EventKind, audience: Audience, sent_at: UnixMillis) -> Seq {
        self.last = self.last.next();
        let record = Arc::new(Record { event: Event { seq: self.last, sent_at, kind }, audience });
        self.bytes += record.footprint();
        self.messages += usize::from(record.is_message());
        self.records.push_back(record.clone());
        if audience == Audience::Public {
            self.last_public.push_back(record);
            while self.last_public.len() > RECENT_MESSAGES {
                self.forget_oldest_public();
            }
        }
        while self.messages > HISTORY_MESSAGES || self.records.len() > HISTORY_RECORDS {
            self.forget_oldest();
        }
        self.last
    }

    /// Forgets records, for want of memory.
    pub(crate) fn forget(&mut self, what: Oblivion) {
        while !self.records.is_empty() {
            self.forget_oldest();
        }
        while what == Oblivion::All && !self.last_public.is_empty() {
            self.forget_oldest_public();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.records.pop_front() else { return };
        self.messages -= usize::from(oldest.is_message());
        let outlived_by = |first: &Arc<Record>| first.event.seq <= oldest.event.seq;
        let is_recent =
            oldest.audience == Audience::Public && self.last_public.front().is_some_and(outlived_by);
        if !is_recent {
            self.bytes -= oldest.footprint();
        }
    }

    fn forget_oldest_public(&mut self) {
        let Some(oldest) = self.last_public.pop_front() else { return };
        if oldest.event.seq < self.first_kept() {
            self.bytes -= oldest.footprint();
        }
    }

    /// The first of the records, or the place behind the last when there is none.
    fn first_kept(&self) -> Seq {
        self.records.front().map_or(self.last.next(), |first| first.event.seq)
    }

    /// Everything recorded after `after`, for whomever; `None` if some of that is no longer kept.
    pub(crate) fn since(&self, after: Seq) -> Option<Vec<Arc<Record>>> {
        let first = self.first_kept();
        let skipped = after.next().number().checked_sub(first.number())?;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Some(self.records.iter().skip(skipped).cloned().collect())
    }

    /// What is delivered to `reader` after `after`, at most `budget` bytes, but at least one event if there is any.
    pub(crate) fn page(&self, reader: UserId, after: Seq, budget: usize) -> Page {
        let kept_after = self.first_kept().number() - 1;
        let missed = kept_after.saturating_sub(after.number());
        let skipped = usize::try_from(after.number().saturating_sub(kept_after)).unwrap_or(usize::MAX);
        let mut page = Page { events: Vec::new(), read: self.last, missed, more: false };
        let mut left = budget;
        for record in self.records.iter().skip(skipped).filter(|record| record.is_delivered_to(reader)) {
            let bytes = record.event.bytes();
            if bytes > left && !page.events.is_empty() {
                page.read = Seq::new(record.event.seq.number() - 1);
                page.more = true;
                break;
            }
            left = left.saturating_sub(bytes);
            page.events.push(record.event.clone());
        }
        page
    }

    /// The last 50 public messages, oldest first.
    pub(crate) fn public(&self) -> Vec<Event> {
        self.last_public.iter().map(|record| record.event.clone()).collect()
    }

    /// The last 50 messages that `reader` may see, oldest first.
    pub(crate) fn messages_known_to(&self, reader: UserId) -> Vec<Event> {
        let first_kept = self.first_kept();
        let outlived = self.last_public.iter().rev().filter(|record| record.event.seq < first_kept);
        let kept = self.records.iter().rev().filter(|record| record.is_message_known_to(reader));
        let mut events: Vec<Event> =
            kept.chain(outlived).take(RECENT_MESSAGES).map(|record| record.event.clone()).collect();
        events.reverse();
        events
    }
}

#[cfg(test)]
mod tests;
