//! Who reads: while somebody waits, somebody does; nobody loses what another has half read; no more are woken than must.

use std::time::Duration;

use super::{WIDE, answer, ask, ask_call, call, connect, connect_with, far, start};
use crate::client::calls::Answer;
use crate::client::connection::Departure;
use crate::limits::Limits;
use crate::models::peer::framed;
use crate::models::{check, shuffled, spawn};
use crate::status::Code;
use crate::sync::{self, clock, thread};
use crate::wire::{Message, ReplyOutcome};

#[test]
fn every_caller_gets_its_own_answer_in_whatever_order_they_come() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let callers = [1, 2, 3, 4, 5, 6].map(|word| {
            let connection = connection.clone();
            spawn(move || call(&connection, word, far()).unwrap())
        });
        peer.greet(10);
        let calls = shuffled([(); 6].map(|()| ask_call(&mut peer)));
        calls.iter().for_each(|call| answer(&peer, call));
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        // Until the greeting one call is under way, so five callers wait for that. At most five answers are read by somebody
        // else. Whoever ends a wait passes the reading on, to one who may find that a newcomer was quicker: five callers when
        // they have a place, and all but the last when they have their answers.
        let unparked = thread::take_unparked();
        assert!(unparked <= 20, "{unparked} wake-ups for six answers");
    });
}

#[test]
fn callers_that_come_and_go_always_leave_a_reader() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        for word in [1, 2, 3] {
            let connection = connection.clone();
            spawn(move || (0..3).for_each(|_| call(&connection, word, far()).unwrap()));
        }
        peer.greet(10);
        for _ in 0..9 {
            let call = ask_call(&mut peer);
            answer(&peer, &call);
        }
    });
}

#[test]
fn a_caller_whose_time_passes_in_mid_frame_loses_nothing_of_others() {
    const SHORT: Duration = Duration::from_millis(30);
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let hasty = connection.clone();
        let hasty = spawn(move || match call(&hasty, 1, sync::now() + SHORT) {
            Ok(()) => {}
            Err(status) => assert_eq!(status.code(), Code::DeadlineExceeded),
        });
        let patient = connection.clone();
        let patient = spawn(move || call(&patient, 2, far()).unwrap());
        peer.greet(10);
        let calls = shuffled([(); 2].map(|()| ask_call(&mut peer)));
        let frame = |(id, word): &(u64, Vec<u8>)| {
            framed(&Message::Reply { id: *id, outcome: ReplyOutcome::Returned }, word)
        };
        let bytes = [frame(&calls[0]), frame(&calls[1])].concat();
        let (before, after) = bytes.split_at(5);
        peer.say_bytes(before);
        clock::advance(SHORT);
        peer.say_bytes(after);
        hasty.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn a_call_that_was_started_leaves_though_nobody_waits_for_it() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        clock::going(Duration::from_secs(1), || {
            spawn(move || {
                // Nobody closes the connection before they have left.
                for word in [1, 2] {
                    start(&connection, word, far(), Departure::Soon, None).unwrap();
                    assert_eq!(ask_call(&mut peer).0, u64::from(word));
                    if word == 1 {
                        peer.greet(10);
                    }
                }
            })
            .join()
            .unwrap();
        });
    });
}

#[test]
fn two_full_directions_do_not_wait_for_each_other() {
    check(|| {
        let (connection, mut peer) = connect(12);
        for word in [1, 2, 3] {
            let connection = connection.clone();
            spawn(move || call(&connection, word, far()).unwrap());
        }
        peer.greet(10);
        // Each answer must be taken before the next call is heard.
        for _ in 0..3 {
            let call = ask_call(&mut peer);
            answer(&peer, &call);
        }
    });
}

/// Nobody reads while the only thread waits for room: the attendant does. And a bound below a preface's size once kept the
/// first call waiting until its deadline, since nobody had sent that yet.
#[test]
fn a_thread_that_starts_more_calls_than_fit_is_not_kept_by_answers_that_nobody_reads() {
    check(|| {
        let limits = Limits { queued_bytes: 1, ..Limits::default() };
        let (connection, mut peer) = connect_with(12, limits);
        let starter = spawn(move || {
            let start = |word| start(&connection, word, far(), Departure::Soon, None).unwrap();
            let ids = [1, 2, 3, 4].map(start);
            for id in ids {
                assert!(matches!(connection.wait(id, far()), Ok(Answer::Returned(_))));
            }
        });
        clock::going(Duration::from_secs(1), || {
            peer.greet(10);
            for _ in 0..4 {
                let call = ask_call(&mut peer);
                answer(&peer, &call);
            }
            starter.join().unwrap();
        });
    });
}

#[test]
fn answers_are_found_by_who_looks_without_waiting() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let polling = connection.clone();
        let poller = spawn(move || {
            let id = start(&polling, 1, far(), Departure::WithItsCaller, None).unwrap();
            while polling.poll(id).is_none() {
                shuttle::thread::yield_now();
            }
        });
        let waiting = connection.clone();
        let waiter = spawn(move || call(&waiting, 2, far()).unwrap());
        peer.greet(10);
        for _ in 0..2 {
            let call = ask_call(&mut peer);
            answer(&peer, &call);
        }
        poller.join().unwrap();
        waiter.join().unwrap();
        drop(connection);
        assert_eq!(ask(&mut peer), None);
    });
}
