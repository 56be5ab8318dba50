use super::*;
use crate::limits::Limits;
use crate::stream::Terms;

fn call(id: u64) -> Running {
    Running {
        id,
        procedure: "p",
        started: Started { slot: Slot::nth(0), at: Instant::now() },
        deadline: None,
        cancellation: Arc::default(),
        awaited: true,
        stage: Stage::Running,
    }
}

#[test]
fn a_stalled_thread_loses_the_reading_and_still_answers() {
    let mut turn = Turn::default();
    turn.begin(call(1));
    assert_eq!(turn.take_over(2), None);
    let ticket = turn.take_over(1).unwrap();
    assert_eq!(turn.take_over(1), None);
    assert!(turn.reads(ticket) && !turn.reads(0));
    turn.begin(call(2));
    let news = News::Nothing;
    assert_eq!(turn.finish(1, 0).0, Finished { may_answer: true, still_reads: false, news });
    assert_eq!(turn.place(2), Place::Inline);
    assert_eq!(turn.place(1), Place::Gone);
    assert_eq!(turn.finish(2, ticket).0, Finished { may_answer: true, still_reads: true, news });
}

/// The last word of a call was once lost between its end and the queue: the connection counted as quiet there, and a
/// shutdown, or a peer that had ended its side, closed it.
#[test]
fn a_turn_is_not_settled_before_the_ends_of_its_streams_are_queued() {
    let mut turn = Turn::default();
    turn.begin(call(1));
    assert!(turn.stream_on(1, 0).may_answer && !turn.is_settled());
    assert!(turn.end_stream(1, 0).0.may_answer);
    assert!(turn.calls().is_empty() && !turn.is_settled());
    turn.answered();
    assert!(turn.is_settled());
}

#[test]
fn who_waits_for_a_connection_hears_of_the_end_of_its_last_call() {
    let mut turn = Turn::default();
    let mut finish = |phase, last| {
        turn.begin(call(last - 1));
        turn.begin(call(last));
        turn.phase = phase;
        [last - 1, last].map(|id| turn.finish(id, 0).0.news)
    };
    assert_eq!(finish(Phase::Open, 2), [News::Nothing; 2]);
    assert_eq!(finish(Phase::Leaving, 4), [News::Nothing, News::Settled]);
    assert_eq!(finish(Phase::Closed, 6), [News::Nothing, News::Over]);
}

/// An answer that was given for a procedure was lost likewise, when that ended before the answer was queued.
#[test]
fn a_turn_is_not_settled_before_the_answers_given_for_its_procedures_are_queued() {
    let mut turn = Turn::default();
    turn.begin(call(1));
    assert!(turn.answer_for(1).is_some());
    assert!(!turn.finish(1, 0).0.may_answer);
    assert!(turn.calls().is_empty() && !turn.is_settled());
    turn.answered();
    assert!(turn.is_settled());
}

#[test]
fn a_call_is_answered_once() {
    let mut turn = Turn::default();
    turn.begin(call(1));
    assert!(turn.give_up(1).is_some());
    assert!(turn.give_up(1).is_none());
    assert!(!turn.finish(1, 0).0.may_answer);
}

/// A client counted a place as free once it had given its call up, and the server refused its next one as long as the
/// procedure had not seen that.
#[test]
fn a_call_that_was_given_up_is_counted_apart_until_its_procedure_ends() {
    let mut turn = Turn::default();
    turn.begin(call(1));
    turn.begin_aside(call(2), Arc::new(Inlet::new(&Terms::of(&Limits::default()))));
    assert_eq!((turn.in_flight(), turn.abandoned()), (2, 0));
    turn.give_up(1).unwrap();
    assert_eq!((turn.in_flight(), turn.abandoned()), (1, 1));
    turn.finish(1, 0);
    assert_eq!((turn.in_flight(), turn.abandoned()), (1, 0));
    turn.finish(2, 0);
    turn.begin(call(3));
    turn.close();
    assert_eq!((turn.in_flight(), turn.abandoned()), (0, 1));
    turn.finish(3, 0);
    assert_eq!((turn.in_flight(), turn.abandoned()), (0, 0));
}

#[test]
fn a_closed_turn_has_no_reader_and_no_calls() {
    let mut turn = Turn::default();
    turn.begin(call(1));
    assert_eq!(turn.close().0.len(), 1);
    assert!(!turn.is_over());
    assert!(!turn.finish(1, 0).0.may_answer);
    assert!(turn.is_over());
    assert!(!turn.reads(0));
    assert_eq!(turn.take_over(1), None);
}
