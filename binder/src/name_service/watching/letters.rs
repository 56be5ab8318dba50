//! What is sent to whom: the changes of one revision, sorted by those who watch them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rpc_core::{Broadcast, SubscriberId};

use super::{SeatId, Seats, telling};
use crate::address::Outlook;
use crate::contract::{Notice, Revision};
use crate::name::ProcedureName;
use crate::registry::{News, Told};

/// Notices to some subscribers of one broadcast.
pub(super) struct Letter {
    news: Arc<Broadcast<Notice>>,
    to: Vec<SubscriberId>,
    notices: Vec<Notice>,
}

impl Letter {
    /// Sends it. Notices are far smaller than the largest frame, so nothing can be wrong with them.
    pub(super) fn send(self) {
        for notice in &self.notices {
            if let Err(error) = self.news.send_to(&self.to, notice) {
                tracing::error!("a notice to watchers was not sent: {error}");
            }
        }
    }
}

impl Seats {
    /// The letters about one revision. A watcher of several groups of changes gets the revision behind all of them.
    pub(super) fn letters(&self, news: &[News], revision: impl Fn(u64) -> Revision) -> Vec<Letter> {
        let Some(number) = news.first().map(|news| news.number) else { return Vec::new() };
        let mut groups: BTreeMap<Vec<SeatId>, Vec<&Told>> = BTreeMap::new();
        for News { told, .. } in news {
            let audience = self.audience(told.name(), number);
            if !audience.is_empty() {
                groups.entry(audience).or_default().push(told);
            }
        }
        let mut memberships: HashMap<SeatId, usize> = HashMap::new();
        for id in groups.keys().flatten() {
            *memberships.entry(*id).or_default() += 1;
        }
        let mut letters = Vec::new();
        let mut waiting = BTreeSet::new();
        for (audience, changes) in &groups {
            let complete = audience.iter().all(|id| memberships.get(id) == Some(&1));
            let known = complete.then(|| revision(number));
            if !complete {
                waiting.extend(audience.iter().copied());
            }
            letters.extend(self.letters_to(audience, |outlook| telling::notices(changes, outlook, known)));
        }
        let waiting: Vec<_> = waiting.into_iter().collect();
        let known = Some(revision(number));
        letters.extend(self.letters_to(&waiting, |_| vec![Notice { changes: Vec::new(), revision: known }]));
        letters
    }

    /// Those who watch this name and do not know this revision, in order.
    fn audience(&self, name: &ProcedureName, number: u64) -> Vec<SeatId> {
        let by_name = self.by_name.get(name).into_iter().flatten();
        let prefixes = self.by_prefix.iter().filter(|(prefix, _)| name.as_str().starts_with(&***prefix));
        let ids = by_name.chain(prefixes.flat_map(|(_, ids)| ids)).copied();
        let untold = |id: &SeatId| {
            self.seats.get(id).and_then(|seat| seat.behind).is_some_and(|behind| behind < number)
        };
        let mut audience: Vec<_> = ids.filter(untold).collect();
        audience.sort_unstable();
        audience
    }

    /// What `notices` makes for each outlook that some of these have.
    fn letters_to(&self, audience: &[SeatId], notices: impl Fn(Outlook) -> Vec<Notice>) -> Vec<Letter> {
        let mut by_outlook: HashMap<Outlook, Vec<SubscriberId>> = HashMap::new();
        for seat in audience.iter().filter_map(|id| self.seats.get(id)) {
            by_outlook.entry(seat.outlook).or_default().push(seat.subscriber);
        }
        let letter = |(outlook, to)| {
            let news = self.broadcasts.get(&outlook)?.news.clone();
            Some(Letter { news, to, notices: notices(outlook) })
        };
        by_outlook.into_iter().filter_map(letter).collect()
    }
}
