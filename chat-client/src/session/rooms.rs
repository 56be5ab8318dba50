//! The rooms that we are in, and how far each has been shown.
//!
//! Pure. A mark only moves forward within one incarnation of its room: that is what makes every message show exactly once,
//! however often the server sends it.

use std::collections::HashMap;

use chat_api::{Mark, RoomName, RoomPassword, Seq};

/// Our rooms, the one entered last at the end.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    ours: Vec<Membership>,
    /// The limits of rooms, for making them anew.
    limits: HashMap<String, u32>,
    entries: u64,
}

/// One room that we are in.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) room: RoomName,
    pub(super) mark: Mark,
    /// Which entry of ours this is: what was learnt of an earlier one does not touch it.
    pub(super) entry: u64,
    /// In which registration of our name we entered.
    pub(super) registration: u64,
    /// What opened it, for entering it again.
    pub(super) password: Option<RoomPassword>,
    /// A call that leaves it is under way.
    leaving: bool,
}

/// How a call that leaves a room stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    UnderWay,
    Failed,
}

impl Rooms {
    pub(super) fn names(&self) -> Vec<String> {
        self.ours.iter().map(|ours| ours.room.to_string()).collect()
    }

    pub(super) fn memberships(&self) -> Vec<Membership> {
        self.ours.clone()
    }

    /// The name of a room of ours as its maker wrote it, whatever spelling it was asked for with.
    pub(super) fn known_as(&self, typed: &RoomName) -> Option<String> {
        let exact = self.ours.iter().find(|ours| ours.room == *typed);
        let key = typed.key();
        let alike = || self.ours.iter().find(|ours| ours.room.key().identity() == key.identity());
        exact.or_else(alike).map(|ours| ours.room.to_string())
    }

    /// We are in a room, from `mark` on; for one that we were in already nothing is shown again.
    pub(super) fn enter(
        &mut self,
        room: RoomName,
        mark: Mark,
        registration: u64,
        password: Option<RoomPassword>,
    ) {
        let before = self.leave(room.as_str());
        let (entry, seq, known) = match before {
            Some(before) if before.mark.incarnation == mark.incarnation => {
                (before.entry, before.mark.seq.max(mark.seq), before.password)
            }
            _ => (self.entered(), mark.seq, None),
        };
        let (mark, password) = (Mark { seq, ..mark }, password.or(known));
        self.ours.push(Membership { room, mark, entry, registration, password, leaving: false });
    }

    /// Up to where a room is shown when it is entered at `mark`: to there, or further if we are in it already.
    pub(super) fn shown_up_to(&self, room: &RoomName, mark: Mark) -> Seq {
        let ours =
            self.ours.iter().find(|ours| ours.room == *room && ours.mark.incarnation == mark.incarnation);
        ours.map_or(mark.seq, |ours| ours.mark.seq.max(mark.seq))
    }

    fn entered(&mut self) -> u64 {
        self.entries = self.entries.saturating_add(1);
        self.entries
    }

    /// The latest entry: another one, and there is a room that was not there before.
    pub(super) fn latest_entry(&self) -> u64 {
        self.entries
    }

    /// A call that leaves the room begins, or has failed.
    pub(super) fn set_leaving(&mut self, room: &str, leaving: Leaving) {
        if let Some(ours) = self.ours.iter_mut().find(|ours| ours.room == *room) {
            ours.leaving = leaving == Leaving::UnderWay;
        }
    }

    pub(super) fn leave(&mut self, room: &str) -> Option<Membership> {
        let at = self.ours.iter().position(|ours| ours.room == *room)?;
        Some(self.ours.remove(at))
    }

    /// The server does not count us in a room any more. Its name if that is news: we did not leave it ourselves, and have
    /// not entered it again since `entry`.
    pub(super) fn put_out(&mut self, entry: u64) -> Option<RoomName> {
        let room = self.of(entry)?.room.clone();
        let ours = self.leave(room.as_str())?;
        (!ours.leaving).then_some(room)
    }

    /// How far the room of this entry has been shown; `None` if we are not in by that entry any more.
    pub(super) fn mark(&self, entry: u64) -> Option<Mark> {
        self.of(entry).map(|ours| ours.mark)
    }

    /// Whether an event of a room of ours was not shown yet.
    pub(super) fn is_new(&self, entry: u64, event: Mark) -> bool {
        self.of(entry).is_some_and(|ours| ours.is_before(event))
    }

    /// Everything of the room of this entry, up to and with `mark`, is dealt with.
    pub(super) fn advance(&mut self, entry: u64, mark: Mark) {
        let ours = self.ours.iter_mut().find(|ours| ours.entry == entry);
        if let Some(ours) = ours.filter(|ours| ours.is_before(mark)) {
            ours.mark = mark;
        }
    }

    fn of(&self, entry: u64) -> Option<&Membership> {
        self.ours.iter().find(|ours| ours.entry == entry)
    }

    /// Whether `mark` has been shown, or can no longer be.
    pub(super) fn has_seen(&self, room: &str, mark: Mark) -> bool {
        !self.ours.iter().any(|ours| ours.room == *room && ours.is_before(mark))
    }

    pub(super) fn learn_limit(&mut self, room: &RoomName, limit: Option<u32>) {
        match limit {
            Some(limit) if self.limits.len() < MOST_LIMITS || self.limits.contains_key(room.as_str()) => {
                self.limits.insert(room.to_string(), limit);
            }
            _ => {
                self.limits.remove(room.as_str());
            }
        }
    }

    pub(super) fn limit_of(&self, room: &RoomName) -> Option<u32> {
        self.limits.get(room.as_str()).copied()
    }
}

impl Membership {
    fn is_before(&self, mark: Mark) -> bool {
        self.mark.incarnation != mark.incarnation || self.mark.seq < mark.seq
    }
}

/// A server has at most so many rooms.
const MOST_LIMITS: usize = chat_api::limits::ROOMS;

#[cfg(test)]
mod tests {
    use chat_api::Incarnation;
    use proptest::prelude::*;

    use super::*;

    fn mark(incarnation: u64, seq: u64) -> Mark {
        Mark { incarnation: Incarnation::new(incarnation), seq: Seq::new(seq) }
    }

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    /// In `rust`, and the number of that entry.
    fn in_rust(seq: u64) -> (Rooms, u64) {
        let mut rooms = Rooms::default();
        rooms.enter(room("rust"), mark(1, seq), 1, None);
        let entry = rooms.latest_entry();
        (rooms, entry)
    }

    #[test]
    fn the_room_entered_last_stands_last() {
        let (mut rooms, _) = in_rust(0);
        rooms.enter(room("c"), mark(2, 0), 1, None);
        assert_eq!(rooms.names(), ["rust", "c"]);
        rooms.enter(room("rust"), mark(1, 0), 1, None);
        assert_eq!(rooms.names(), ["c", "rust"]);
    }

    #[test]
    fn entering_again_shows_nothing_again_and_is_the_same_entry() {
        let (mut rooms, entry) = in_rust(5);
        rooms.advance(entry, mark(1, 9));
        rooms.enter(room("rust"), mark(1, 5), 1, None);
        assert!(!rooms.is_new(entry, mark(1, 9)));
        assert!(rooms.is_new(entry, mark(1, 10)));
        assert_eq!(rooms.latest_entry(), entry);
    }

    #[test]
    fn a_password_is_kept_as_long_as_the_room_is_ours() {
        let (mut rooms, _) = in_rust(0);
        rooms.enter(room("rust"), mark(1, 0), 1, RoomPassword::parse("sésamo").ok());
        rooms.enter(room("rust"), mark(1, 0), 1, None);
        let kept = rooms.memberships().pop().and_then(|ours| ours.password).unwrap();
        assert_eq!(kept.secret(), "sésamo");
        rooms.enter(room("rust"), mark(2, 0), 1, None);
        assert!(rooms.memberships().pop().unwrap().password.is_none(), "another room of this name");
    }

    #[test]
    fn what_a_stream_brings_is_not_in_the_history_that_is_shown() {
        let (mut rooms, entry) = in_rust(5);
        assert_eq!(rooms.shown_up_to(&room("rust"), mark(1, 3)), Seq::new(5));
        rooms.advance(entry, mark(1, 9));
        assert_eq!(rooms.shown_up_to(&room("rust"), mark(1, 3)), Seq::new(9));
        assert_eq!(rooms.shown_up_to(&room("rust"), mark(2, 3)), Seq::new(3));
        assert_eq!(rooms.shown_up_to(&room("c"), mark(1, 3)), Seq::new(3));
    }

    #[test]
    fn a_room_made_anew_is_read_from_its_start() {
        let (mut rooms, entry) = in_rust(9);
        assert!(rooms.is_new(entry, mark(2, 1)));
        rooms.enter(room("rust"), mark(2, 0), 1, None);
        assert!(!rooms.is_new(entry, mark(2, 1)), "that was an earlier entry");
        assert!(rooms.is_new(rooms.latest_entry(), mark(2, 1)));
    }

    #[test]
    fn what_was_learnt_of_an_earlier_entry_does_not_end_a_later_one() {
        let (mut rooms, earlier) = in_rust(0);
        rooms.leave("rust");
        rooms.enter(room("rust"), mark(1, 3), 1, None);
        assert_eq!(rooms.put_out(earlier), None);
        rooms.advance(earlier, mark(1, 7));
        assert_eq!(rooms.mark(rooms.latest_entry()), Some(mark(1, 3)));
        assert_eq!(rooms.put_out(rooms.latest_entry()), Some(room("rust")));
    }

    #[test]
    fn who_leaves_himself_is_not_told_that_he_is_out() {
        let (mut rooms, entry) = in_rust(0);
        rooms.set_leaving("rust", Leaving::UnderWay);
        assert_eq!(rooms.put_out(entry), None);
        assert!(rooms.names().is_empty());
    }

    #[test]
    fn a_room_is_known_by_any_spelling_of_its_name() {
        let mut rooms = Rooms::default();
        rooms.enter(room("Rust"), mark(1, 0), 1, None);
        assert_eq!(rooms.known_as(&room("rUST")).as_deref(), Some("Rust"));
        assert_eq!(rooms.known_as(&room("c")), None);
    }

    proptest! {
        #[test]
        fn however_often_an_event_arrives_it_is_new_once(arrivals in prop::collection::vec(1..20_u64, 0..100)) {
            let (mut rooms, entry) = in_rust(0);
            let mut shown = Vec::new();
            for seq in arrivals {
                if rooms.is_new(entry, mark(1, seq)) {
                    shown.push(seq);
                    rooms.advance(entry, mark(1, seq));
                }
            }
            prop_assert!(shown.is_sorted_by(|before, after| before < after));
        }
    }
}
