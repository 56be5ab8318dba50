//! Message ids of the last ten minutes: a message sent again is the same message.

use std::collections::{HashMap, VecDeque};

use chat_api::limits::{MESSAGE_ID_MEMORY, MESSAGE_IDS};
use chat_api::{MessageId, Seq};

use super::moment::Uptime;
use super::person::UserId;

/// An id belongs to its sender: nobody can claim another's.
type Sending = (UserId, MessageId);

#[derive(Debug, Default)]
pub(crate) struct Repeats {
    sent: HashMap<Sending, Seq>,
    by_age: VecDeque<(Uptime, Sending)>,
}

impl Repeats {
    /// The number this message got when it was sent before.
    pub(crate) fn recall(&mut self, sender: UserId, id: MessageId, now: Uptime) -> Option<Seq> {
        self.expire(now);
        self.sent.get(&(sender, id)).copied()
    }

    /// Forgets the ids whose time is over.
    pub(crate) fn expire(&mut self, now: Uptime) {
        while let Some((at, _)) = self.by_age.front() {
            if now.since(*at) < MESSAGE_ID_MEMORY {
                break;
            }
            self.forget_oldest();
        }
    }

    pub(crate) fn remember(&mut self, sender: UserId, id: MessageId, seq: Seq, now: Uptime) {
        if self.by_age.len() >= MESSAGE_IDS {
            self.forget_oldest();
        }
        self.by_age.push_back((now, (sender, id)));
        self.sent.insert((sender, id), seq);
    }

    /// About how much memory the ids take.
    pub(crate) fn bytes(&self) -> usize {
        const ONE: usize = 100;
        self.by_age.len() * ONE
    }

    /// Forgets every id; what is sent again after that is another message.
    pub(crate) fn forget_all(&mut self) {
        *self = Repeats::default();
    }

    fn forget_oldest(&mut self) {
        if let Some((_, sending)) = self.by_age.pop_front() {
            self.sent.remove(&sending);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ANA: UserId = UserId(1);

    fn id(number: u64) -> MessageId {
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        MessageId::new([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    fn at(millis: u64) -> Uptime {
        Uptime(Duration::from_millis(millis))
    }

    #[test]
    fn an_id_is_remembered_for_ten_minutes_and_no_longer() {
        let mut repeats = Repeats::default();
        repeats.remember(ANA, id(1), Seq::new(7), at(0));
        assert_eq!(repeats.recall(ANA, id(1), at(599_999)), Some(Seq::new(7)));
        assert_eq!(repeats.recall(ANA, id(1), at(600_000)), None);
        assert!(repeats.sent.is_empty() && repeats.by_age.is_empty());
    }

    #[test]
    fn an_id_is_its_senders_own() {
        let mut repeats = Repeats::default();
        repeats.remember(ANA, id(1), Seq::new(7), at(0));
        assert_eq!(repeats.recall(UserId(2), id(1), at(1)), None);
    }

    #[test]
    fn above_the_limit_the_oldest_id_is_forgotten_first() {
        let mut repeats = Repeats::default();
        let limit = u64::try_from(MESSAGE_IDS).unwrap();
        for number in 0..limit {
            repeats.remember(ANA, id(number), Seq::new(number), at(number));
        }
        assert_eq!(repeats.recall(ANA, id(0), at(limit)), Some(Seq::START));
        repeats.remember(ANA, id(limit), Seq::new(limit), at(limit));
        assert_eq!(repeats.recall(ANA, id(0), at(limit)), None);
        assert_eq!(repeats.recall(ANA, id(1), at(limit)), Some(Seq::new(1)));
        assert_eq!((repeats.sent.len(), repeats.by_age.len()), (MESSAGE_IDS, MESSAGE_IDS));
    }
}
