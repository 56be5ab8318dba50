//! The room against a model of queues: what is sent is put at once where each reader will find it.

use std::collections::BTreeMap;

use chat_api::MessageId;
use proptest::prelude::*;

use super::tests::{at, message, person, room};
use super::*;

const PEOPLE: u64 = 4;
const PLACES: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(u64),
    Leave(u64),
    Say { from: u64, id: Option<u8> },
    Whisper { from: u64, to: u64, id: Option<u8> },
    Fetch(u64),
    Again { user: u64, after: u64 },
    Follow { user: u64, after: u64 },
    Look(u64),
}

/// Everything that one member was ever to see since his entry, and how much of it he was given.
#[derive(Debug)]
struct Inbox {
    entry: u64,
    all: Vec<u64>,
    given: u64,
}

#[derive(Debug, Default)]
struct Model {
    last: u64,
    /// By order of entry.
    inboxes: Vec<(u64, Inbox)>,
    public: Vec<u64>,
    private: Vec<(u64, u64, u64)>,
    sent: BTreeMap<(u64, u8), u64>,
}

impl Model {
    fn inbox(&mut self, user: u64) -> Option<&mut Inbox> {
        self.inboxes.iter_mut().find(|(member, _)| *member == user).map(|(_, inbox)| inbox)
    }

    fn tell_everybody(&mut self) -> u64 {
        self.last += 1;
        for (_, inbox) in &mut self.inboxes {
            inbox.all.push(self.last);
        }
        self.last
    }

    fn enter(&mut self, user: u64) -> bool {
        if self.inbox(user).is_some() {
            return true;
        }
        if self.inboxes.len() == PLACES as usize {
            return false;
        }
        let entry = self.tell_everybody();
        self.inboxes.push((user, Inbox { entry, all: Vec::new(), given: entry }));
        true
    }

    fn leave(&mut self, user: u64) -> bool {
        let was_in = self.inbox(user).is_some();
        self.inboxes.retain(|(member, _)| *member != user);
        if was_in {
            self.tell_everybody();
        }
        was_in
    }

    fn post(&mut self, from: u64, to: Option<u64>, id: Option<u8>) -> Option<u64> {
        if let Some(seq) = id.and_then(|id| self.sent.get(&(from, id))) {
            return Some(*seq);
        }
        self.inbox(from)?;
        let seq = match to {
            None => self.tell_everybody(),
            Some(to) => {
                self.inbox(to)?;
                self.last += 1;
                let seq = self.last;
                self.inbox(to)?.all.push(seq);
                self.private.push((from, to, seq));
                seq
            }
        };
        if to.is_none() {
            self.public.push(seq);
        }
        if let Some(id) = id {
            self.sent.insert((from, id), seq);
        }
        Some(seq)
    }

    fn fetch(&mut self, user: u64, after: Option<u64>) -> Option<Vec<u64>> {
        let last = self.last;
        let inbox = self.inbox(user)?;
        let after = after.filter(|after| *after <= last).unwrap_or(if after.is_some() {
            inbox.entry
        } else {
            inbox.given
        });
        inbox.given = last;
        Some(inbox.all.iter().copied().filter(|seq| *seq > after).collect())
    }

    /// What is to come for a member behind a mark, of which nobody keeps count.
    fn after(&mut self, user: u64, after: u64) -> Option<Vec<u64>> {
        let last = self.last;
        let inbox = self.inbox(user)?;
        let after = if after <= last { after } else { inbox.entry };
        Some(inbox.all.iter().copied().filter(|seq| *seq > after).collect())
    }

    fn known_to(&self, user: u64) -> Vec<u64> {
        let private =
            self.private.iter().filter(|(from, to, _)| *from == user || *to == user).map(|(.., seq)| *seq);
        let mut known: Vec<u64> = self.public.iter().copied().chain(private).collect();
        known.sort_unstable();
        last_fifty(&known)
    }
}

fn last_fifty(all: &[u64]) -> Vec<u64> {
    all.iter().copied().skip(all.len().saturating_sub(50)).collect()
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq.number()).collect()
}

/// What those who follow are told, for whomever it is.
fn announced(announcement: &Announcement) -> Vec<u64> {
    let records = announcement.records.iter().flatten();
    records.map(|record| record.event.seq.number()).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..PEOPLE;
    let id = proptest::option::weighted(0.3, 0..6u8);
    prop_oneof![
        2 => user.clone().prop_map(Step::Enter),
        1 => user.clone().prop_map(Step::Leave),
        6 => (user.clone(), id.clone()).prop_map(|(from, id)| Step::Say { from, id }),
        4 => (user.clone(), user.clone(), id).prop_map(|(from, to, id)| Step::Whisper { from, to, id }),
        3 => user.clone().prop_map(Step::Fetch),
        2 => (user.clone(), 0..150u64).prop_map(|(user, after)| Step::Again { user, after }),
        2 => (user.clone(), 0..150u64).prop_map(|(user, after)| Step::Follow { user, after }),
        1 => user.prop_map(Step::Look),
    ]
}

fn post(from: u64, to: Option<u64>, id: Option<u8>) -> Post {
    Post { id: id.map(|id| MessageId::new([id; 16])), ..message(from, to, "text") }
}

fn run(room: &mut Room, model: &mut Model, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Enter(user) => {
            let entered = room.enter(&person(user), None, at(0)).ok();
            prop_assert_eq!(entered.is_some(), model.enter(user));
            if let Some(joined) = entered {
                prop_assert_eq!(numbers(&joined.history), last_fifty(&model.public));
                let inside: Vec<_> = model.inboxes.iter().map(|(member, _)| person(*member).name).collect();
                prop_assert_eq!(joined.users, inside);
                prop_assert_eq!(Some(joined.mark.seq.number()), model.inbox(user).map(|inbox| inbox.given));
            }
        }
        Step::Leave(user) => prop_assert_eq!(room.leave(UserId(user), at(0)).is_ok(), model.leave(user)),
        Step::Say { from, id } => {
            let posted = room.post(post(from, None, id), at(0)).ok();
            prop_assert_eq!(posted.map(Seq::number), model.post(from, None, id));
        }
        Step::Whisper { from, to, id } => {
            let posted = room.post(post(from, Some(to), id), at(0)).ok();
            prop_assert_eq!(posted.map(Seq::number), model.post(from, Some(to), id));
        }
        Step::Fetch(user) => {
            let received = room.fetch(UserId(user), None).ok();
            prop_assert_eq!(received.map(|received| numbers(&received.events)), model.fetch(user, None));
        }
        Step::Again { user, after } => {
            let mark = Mark { incarnation: Incarnation::new(7), seq: Seq::new(after) };
            let received = room.fetch(UserId(user), Some(mark)).ok();
            prop_assert_eq!(
                received.map(|received| numbers(&received.events)),
                model.fetch(user, Some(after))
            );
        }
        Step::Follow { user, after } => {
            let mark = Mark { incarnation: Incarnation::new(7), seq: Seq::new(after) };
            // Those who follow already were told up to the same mark, if it is one of the room's.
            let follow = Follow { user: UserId(user), after: Some(mark), announced: Some(mark) };
            let followed = room.follow(follow).ok();
            let announced = followed.as_ref().map(|followed| announced(&followed.announcement));
            let behind = followed.map(|followed| numbers(&followed.received.events));
            prop_assert_eq!(&behind, &model.after(user, after));
            prop_assert_eq!(announced, behind.map(|_| (after + 1..=model.last).collect()));
        }
        Step::Look(user) => {
            let known = room.recent(UserId(user)).ok().map(|events| numbers(&events));
            let expected = model.inbox(user).is_some().then(|| model.known_to(user));
            prop_assert_eq!(known, expected);
        }
    }
    Ok(())
}

proptest! {
    /// No loss, no duplicate, one order, no leak, no more members than places, a snapshot that the next fetch
    /// continues, one record for each id: the model has all of them by its making.
    #[test]
    fn a_room_answers_as_queues_would(steps in proptest::collection::vec(step(), 1..160)) {
        let (mut room, mut model) = (room(Some(PLACES)), Model::default());
        for step in steps {
            run(&mut room, &mut model, step)?;
            prop_assert!(room.report(1).unwrap().users <= PLACES);
        }
    }
}
