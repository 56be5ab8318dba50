use chat_api::{MessageBody, Username};

use super::*;

const ANA: UserId = UserId(1);
const BIA: UserId = UserId(2);
const NOW: UnixMillis = UnixMillis(0);

fn name(name: &str) -> Username {
    Username::parse(name).unwrap()
}

fn say(history: &mut History, text: &str) -> Seq {
    let kind = EventKind::Broadcast { from: name("ana"), body: MessageBody::parse(text).unwrap() };
    history.push(kind, Audience::Public, NOW)
}

fn whisper(history: &mut History, from: UserId, to: UserId, text: &str) -> Seq {
    let body = MessageBody::parse(text).unwrap();
    let kind = EventKind::Unicast { from: name("x"), to: name("y"), body };
    history.push(kind, Audience::Two { from, to }, NOW)
}

fn notice(history: &mut History) -> Seq {
    history.push(EventKind::Joined { username: name("ana") }, Audience::Members, NOW)
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq.number()).collect()
}

#[test]
fn numbers_start_at_one_and_have_no_holes() {
    let mut history = History::default();
    assert_eq!(history.last(), Seq::START);
    let given = [say(&mut history, "a"), notice(&mut history), whisper(&mut history, ANA, BIA, "b")];
    assert_eq!(given.map(Seq::number), [1, 2, 3]);
}

#[test]
fn the_fifty_are_chosen_among_public_messages_only() {
    let mut history = History::default();
    for _ in 0..60 {
        say(&mut history, "public");
        whisper(&mut history, ANA, BIA, "private");
        notice(&mut history);
    }
    let public = history.public();
    assert_eq!(public.len(), 50);
    assert_eq!(numbers(&public), (10..60).map(|round| 1 + 3 * round).collect::<Vec<_>>());
}

#[test]
fn busy_doors_never_push_out_public_messages() {
    let mut history = History::default();
    let first = say(&mut history, "here first");
    for _ in 0..HISTORY_RECORDS {
        notice(&mut history);
    }
    assert_eq!(history.public()[0].seq, first);
    assert_eq!(history.messages_known_to(ANA)[0].seq, first);
    assert_eq!(history.records.len(), HISTORY_RECORDS);
}

#[test]
fn notices_take_no_places_of_messages_up_to_their_own_number() {
    let mut history = History::default();
    let first = say(&mut history, "here first");
    for _ in 1..HISTORY_MESSAGES {
        say(&mut history, "x");
        notice(&mut history);
    }
    assert_eq!(history.records.front().map(|record| record.event.seq), Some(first));
    say(&mut history, "one past the limit");
    assert_ne!(history.records.front().map(|record| record.event.seq), Some(first));
}

#[test]
fn a_wrapped_history_says_how_much_a_reader_may_have_missed() {
    let mut history = History::default();
    for _ in 0..HISTORY_MESSAGES {
        say(&mut history, "x");
    }
    assert_eq!(history.page(ANA, Seq::START, usize::MAX).missed, 0);
    say(&mut history, "one past the limit");
    let page = history.page(ANA, Seq::START, usize::MAX);
    assert_eq!((page.missed, page.events.len(), page.read), (1, HISTORY_MESSAGES, Seq::new(10_001)));
    assert_eq!(history.page(ANA, Seq::new(1), usize::MAX).missed, 0);
}

#[test]
fn a_page_ends_at_its_budget_and_the_next_goes_on_without_a_hole() {
    let mut history = History::default();
    for round in 0..40 {
        say(&mut history, &"x".repeat(round + 1));
        whisper(&mut history, BIA, UserId(3), "not for ana");
    }
    let mut seen = Vec::new();
    let mut after = Seq::START;
    loop {
        let page = history.page(ANA, after, 1000);
        assert!(page.events.len() < 40 && !page.events.is_empty());
        seen.extend(numbers(&page.events));
        after = page.read;
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, (0..40).map(|round| 1 + 2 * round).collect::<Vec<_>>());
    assert_eq!(after, history.last());
}

#[test]
fn one_event_above_the_budget_still_travels_alone() {
    let mut history = History::default();
    say(&mut history, &"x".repeat(4096));
    say(&mut history, "y");
    let page = history.page(ANA, Seq::START, 0);
    assert_eq!((numbers(&page.events), page.more), (vec![1], true));
}

#[test]
fn private_messages_are_looked_up_by_their_two_people_only() {
    let mut history = History::default();
    whisper(&mut history, ANA, BIA, "psst");
    assert_eq!(history.messages_known_to(ANA).len(), 1);
    assert_eq!(history.messages_known_to(BIA).len(), 1);
    assert!(history.messages_known_to(UserId(3)).is_empty());
    assert!(history.page(ANA, Seq::START, usize::MAX).events.is_empty());
    assert_eq!(history.page(BIA, Seq::START, usize::MAX).events.len(), 1);
}
