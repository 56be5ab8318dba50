//! The table of calls: places, goodbyes and ends, whoever comes in between.

use std::net::Shutdown;
use std::time::Duration;

use super::{Asked, WIDE, answer, ask, ask_call, call, connect, far};
use crate::models::{check, spawn};
use crate::status::{Code, Status};
use crate::sync::{self, clock};
use crate::wire::{Message, Refusal};

#[test]
fn no_more_calls_are_under_way_than_the_server_has_places() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        peer.greet(1);
        let first = connection.clone();
        let greeted = spawn(move || call(&first, 9, far()).unwrap());
        let first = ask_call(&mut peer);
        answer(&peer, &first);
        greeted.join().unwrap();
        for word in [1, 2, 3] {
            let connection = connection.clone();
            spawn(move || call(&connection, word, far()).unwrap());
        }
        for id in 2..5 {
            let call = ask_call(&mut peer);
            assert_eq!(call.0, id);
            // The others have the time to break the rule.
            (0..20).for_each(|_| shuttle::thread::yield_now());
            assert!(peer.hears_nothing(), "a call has come for which there is no place");
            answer(&peer, &call);
        }
    });
}

#[test]
fn a_place_that_a_caller_gives_up_goes_to_another() {
    const SHORT: Duration = Duration::from_millis(30);
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        peer.greet(1);
        let first = connection.clone();
        let greeted = spawn(move || call(&first, 9, far()).unwrap());
        let first = ask_call(&mut peer);
        answer(&peer, &first);
        greeted.join().unwrap();
        let hasty = connection.clone();
        let hasty = spawn(move || {
            // Unanswered, or without a place: its time passes either way.
            let status = call(&hasty, 1, sync::now() + SHORT).unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
        });
        let patient = connection.clone();
        let patient = spawn(move || call(&patient, 2, far()).unwrap());
        clock::going(2 * SHORT, || {
            loop {
                match ask(&mut peer).unwrap() {
                    Asked::Call(id, word) if word[0] == 2 => break answer(&peer, &(id, word)),
                    Asked::Call(..) | Asked::Cancel(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            patient.join().unwrap();
            hasty.join().unwrap();
        });
    });
}

#[test]
fn a_goodbye_ends_what_did_not_run_and_leaves_what_did() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let callers = [1, 2, 3].map(|word| {
            let connection = connection.clone();
            spawn(move || match call(&connection, word, far()) {
                Ok(()) => {}
                Err(status) => assert!(!status.may_have_run(), "{status}"),
            })
        });
        peer.greet(10);
        let ran = ask_call(&mut peer);
        let leaving = Status::unavailable("closing");
        peer.say(&Message::Goodbye { last_accepted: ran.0, refusal: Refusal::of(&leaving) }, &[]);
        answer(&peer, &ran);
        peer.end(Shutdown::Write);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert!(connection.ended().is_some());
    });
}

#[test]
fn a_lost_connection_ends_every_call_whenever_it_was_made() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let callers = [1, 2, 3].map(|word| {
            let connection = connection.clone();
            spawn(move || {
                let status = call(&connection, word, far()).unwrap_err();
                assert_eq!(status.code(), Code::Unavailable);
            })
        });
        peer.greet(2);
        ask_call(&mut peer);
        peer.end(Shutdown::Both);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert!(connection.ended().is_some());
    });
}
