//! The log of rooms: its last entries, numbered without holes.

use std::collections::VecDeque;

use chat_api::limits::{LOG_BYTES, LOG_ENTRIES, LOG_PAGE, LOG_PAGE_BYTES};
use chat_api::{LogEntry, LogPage, Logged, UnixMillis};

/// The last 10,000 entries, or fewer if their texts have more than 4 MiB together.
#[derive(Debug, Default)]
pub struct Journal {
    entries: VecDeque<Logged>,
    bytes: usize,
    last: u64,
}

impl Journal {
    /// Adds an entry; the oldest may go.
    pub fn note(&mut self, entry: LogEntry, at: UnixMillis) {
        self.last += 1;
        self.bytes += entry.bytes();
        self.entries.push_back(Logged { number: self.last, at, entry });
        while self.entries.len() > LOG_ENTRIES || self.bytes > LOG_BYTES {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes -= oldest.entry.bytes();
        }
    }

    /// What came after the entry of this number.
    pub fn page(&self, after: u64) -> LogPage {
        let first = self.entries.front().map_or(self.last + 1, |oldest| oldest.number);
        let missed = first.saturating_sub(after.saturating_add(1));
        let skipped = usize::try_from(after.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        let mut left = LOG_PAGE_BYTES;
        let fits = |logged: &&Logged| {
            let bytes = logged.entry.bytes();
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        };
        let entries: Vec<Logged> =
            self.entries.iter().skip(skipped).take(LOG_PAGE).take_while(fits).cloned().collect();
        let more = self.entries.len() > skipped.saturating_add(entries.len());
        LogPage { entries, missed, more }
    }
}

#[cfg(test)]
mod tests {
    use chat_api::{MessageBody, RoomName, Username};

    use super::*;

    fn said(text: &str) -> LogEntry {
        LogEntry::Said {
            user: Username::parse("ana").unwrap(),
            room: RoomName::parse("rust").unwrap(),
            text: MessageBody::parse(text).unwrap(),
        }
    }

    /// Reads page after page, as clients do: the numbers, and what was missed.
    fn read(journal: &Journal, mut after: u64) -> (Vec<u64>, u64) {
        let (mut numbers, mut missed) = (Vec::new(), 0);
        loop {
            let page = journal.page(after);
            missed += page.missed;
            numbers.extend(page.entries.iter().map(|logged| logged.number));
            after = numbers.last().copied().unwrap_or(after);
            if !page.more {
                return (numbers, missed);
            }
        }
    }

    #[test]
    fn a_journal_is_read_in_pages_to_its_end() {
        let mut journal = Journal::default();
        assert_eq!(read(&journal, 0), (vec![], 0));
        for _ in 0..1201 {
            journal.note(said("oi"), UnixMillis(0));
        }
        assert_eq!(journal.page(0).entries.len(), LOG_PAGE);
        assert_eq!(read(&journal, 0), ((1..=1201).collect(), 0));
        assert_eq!(read(&journal, 1200), (vec![1201], 0));
        for beyond in [1201, 5000, u64::MAX] {
            assert_eq!(read(&journal, beyond), (vec![], 0), "{beyond}");
        }
    }

    #[test]
    fn the_oldest_entries_go_and_readers_are_told_how_many() {
        let mut journal = Journal::default();
        for _ in 0..LOG_ENTRIES + 7 {
            journal.note(said("oi"), UnixMillis(0));
        }
        let (numbers, missed) = read(&journal, 0);
        assert_eq!((numbers.len(), numbers[0], missed), (LOG_ENTRIES, 8, 7));
    }

    #[test]
    fn long_texts_are_bounded_by_their_bytes() {
        let mut journal = Journal::default();
        let text = "x".repeat(4096);
        for _ in 0..3000 {
            journal.note(said(&text), UnixMillis(0));
        }
        assert!(journal.bytes <= LOG_BYTES && journal.bytes > LOG_BYTES - 5000, "{}", journal.bytes);
        let page = journal.page(0);
        assert!(
            page.more
                && page.entries.iter().map(|logged| logged.entry.bytes()).sum::<usize>() <= LOG_PAGE_BYTES
        );
        let (numbers, missed) = read(&journal, 0);
        assert_eq!(u64::try_from(numbers.len()).unwrap() + missed, 3000);
    }
}
