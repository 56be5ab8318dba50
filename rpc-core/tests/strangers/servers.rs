//! A client of ours, and servers that are not what they should be.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::{Client, Code, Limits, Pending, Status};

use super::BRIEF;
use super::lab::{Lab as _, LabClient, SOON};
use super::peer::{PREFACE, Peer, echoed, framed};
use crate::waits::eventually;

type Echo = Pending<String, Status>;

fn listen() -> (TcpListener, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::connect(listener.local_addr().unwrap().to_string());
    (listener, client)
}

/// A started call, and the server that has neither greeted nor read it.
fn first_call(limits: Limits) -> (Echo, Peer, LabClient) {
    let (listener, client) = listen();
    let lab = LabClient::new(client.with_limits(limits));
    let call = lab.start().echo("x".to_owned());
    (call, Peer::accept(&listener), lab)
}

/// Three started calls, and the server that has greeted and read none of them.
fn three_calls(limits: Limits) -> (Vec<Echo>, Peer, LabClient) {
    let (first, mut server, lab) = first_call(limits);
    server.say(&PREFACE);
    let rest = [lab.start().echo("x".to_owned()), lab.start().echo("x".to_owned())];
    ([first].into_iter().chain(rest).collect(), server, lab)
}

/// The server says `bytes` and ends its sending: all calls fail with one and the same cause.
#[track_caller]
fn check_fails(calls: Vec<Echo>, mut server: Peer, bytes: &[u8], cause: &str) {
    server.say(bytes);
    server.end_sending();
    for call in calls {
        let failure = call.wait().unwrap_err();
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(failure.message().contains(cause) && failure.may_have_run(), "{failure:?}");
    }
}

/// What the server says is fatal behind its preface.
#[track_caller]
fn check_fatal(bytes: &[u8], cause: &str) {
    let (calls, server, _lab) = three_calls(Limits::default());
    check_fails(calls, server, bytes, cause);
}

/// What the server says is fatal in place of its preface.
#[track_caller]
fn check_no_greeting(bytes: &[u8], cause: &str) {
    let (call, server, _lab) = first_call(Limits::default());
    check_fails(vec![call], server, bytes, cause);
}

fn greeted(bytes: &[u8]) -> Vec<u8> {
    [&PREFACE[..], bytes].concat()
}

#[test]
fn another_protocol_is_named() {
    check_no_greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP answer came");
    check_no_greeting(b"SSH-2.0-OpenSSH_9.9\r\n", "an SSH greeting came");
    check_no_greeting(b"\x15\x03\x01\x00\x02\x02\x46", "a TLS alert came");
}

#[test]
fn a_version_without_ours_is_named() {
    let mut preface = PREFACE;
    preface[6..8].copy_from_slice(&[9, 2]);
    check_no_greeting(&preface, "it speaks protocol versions 2 to 9, this side speaks 1 to 1");
}

#[test]
fn a_frame_over_the_limit_is_named_with_its_size() {
    check_fatal(&(9u32 << 20).to_le_bytes(), "a frame of 9437184 bytes");
    check_fatal(&[0; 4], "a frame of 0 bytes");
}

#[test]
fn messages_that_a_server_does_not_send_are_fatal() {
    check_fatal(&framed(b"\0\x01\x01x\0\0\0"), "that a server does not send");
    check_fatal(&framed(&[9]), "does not decode");
}

/// One call is sent on trust. When it leaves, the next takes its place.
#[test]
fn a_started_call_goes_when_an_earlier_one_is_given_up_though_the_server_says_nothing() {
    let (first, _server, lab) = first_call(Limits::default());
    thread::scope(|scope| {
        let late = scope.spawn(|| lab.with_deadline(SOON).start().echo("x".to_owned()));
        thread::park_timeout(BRIEF);
        assert!(!late.is_finished(), "a second call was sent on trust");
        let begun = Instant::now();
        drop(first);
        drop(late.join().unwrap());
        assert!(begun.elapsed() < SOON / 2, "it went only after {:?}", begun.elapsed());
    });
}

#[test]
fn an_end_in_the_middle_is_told_from_one_between_frames() {
    check_no_greeting(b"", "closed by the server");
    check_no_greeting(&PREFACE[..9], "half-way");
    check_fatal(b"", "closed by the server");
    check_fatal(&framed(&echoed(1))[..6], "half-way");
}

#[test]
fn a_goodbye_and_an_end_fail_what_was_accepted_and_free_the_rest() {
    let (mut calls, mut server, _lab) = three_calls(Limits::default());
    server.say(&framed(b"\x08\x01\x0e\0\x05tired\0"));
    server.end_sending();
    let rest = calls.split_off(1);
    for call in rest {
        let failure = call.wait().unwrap_err();
        assert_eq!((failure.code(), failure.message()), (Code::Unavailable, "tired"));
        assert!(!failure.may_have_run());
    }
    for call in calls {
        let failure = call.wait().unwrap_err();
        assert!(failure.may_have_run() && failure.message().contains("tired"), "{failure:?}");
    }
}

#[test]
fn calls_that_a_goodbye_accepts_are_still_answered() {
    let (calls, mut server, _lab) = three_calls(Limits::default());
    server.say(&framed(b"\x08\x02\x0e\0\x05tired\0"));
    server.say(&[framed(&echoed(2)), framed(&echoed(1))].concat());
    let answers: Vec<_> = calls.into_iter().map(Pending::wait).collect();
    assert_eq!(answers[..2], [Ok("x".to_owned()), Ok("x".to_owned())]);
    assert!(!answers[2].as_ref().unwrap_err().may_have_run());
}

#[test]
fn replies_that_nobody_asked_for_are_ignored() {
    let (calls, mut server, _lab) = three_calls(Limits::default());
    let twice = [1, 1, 0, 1, b'y'];
    let replies: [&[u8]; 6] = [&[1, 77, 0, 1, b'y'], &echoed(1), &twice, &[1, 77, 1], &echoed(3), &echoed(2)];
    let replies: Vec<u8> = replies.into_iter().flat_map(framed).collect();
    server.say(&replies);
    for call in calls {
        assert_eq!(call.wait(), Ok("x".to_owned()));
    }
}

#[test]
fn an_answer_that_does_not_decode_fails_its_call_only() {
    let (calls, mut server, _lab) = three_calls(Limits::default());
    let replies = [framed(&[1, 1, 0, 9, b'x']), framed(&echoed(2)), framed(&[1, 3, 1])].concat();
    server.say(&replies);
    let answers: Vec<_> = calls.into_iter().map(Pending::wait).collect();
    assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::Internal);
    assert_eq!(answers[1], Ok("x".to_owned()));
    assert_eq!(answers[2].as_ref().unwrap_err().code(), Code::Internal);
}

#[test]
fn a_server_that_says_nothing_costs_a_call_its_time_and_no_more() {
    let (listener, client) = listen();
    let lab = LabClient::new(client).with_deadline(BRIEF);
    let begun = Instant::now();
    let failure = lab.echo("x".to_owned()).unwrap_err();
    assert_eq!(failure.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() >= BRIEF && begun.elapsed() < SOON);
    drop(listener);
}

#[test]
fn a_frame_that_stops_ends_the_connection_after_the_frame_time() {
    let limits = Limits { frame_time: BRIEF, ..Limits::default() };
    let (calls, mut server, _lab) = three_calls(limits);
    server.say(&framed(&echoed(1))[..6]);
    for call in calls {
        let failure = call.wait().unwrap_err();
        assert!(failure.message().contains("a frame took longer than 200ms"), "{failure:?}");
    }
}

/// Time that a half-read frame lies there while nobody reads once counted as the server's.
#[test]
fn a_frame_that_nobody_reads_on_is_not_late() {
    let limits = Limits { frame_time: BRIEF, ..Limits::default() };
    let (mut calls, mut server, _lab) = three_calls(limits);
    let frame = framed(&echoed(1));
    server.say(&frame[..6]);
    let mut first = calls.remove(0);
    assert!(first.wait_timeout(BRIEF / 4).is_none());
    thread::park_timeout(2 * BRIEF);
    assert!(first.try_wait().is_none());
    server.say(&frame[6..]);
    assert_eq!(first.wait(), Ok("x".to_owned()));
}

#[test]
fn a_server_that_takes_nothing_is_given_up_after_the_write_stall() {
    let limits = Limits { write_stall: BRIEF, ..Limits::default() };
    let (mut calls, mut server, lab) = three_calls(limits);
    server.say(&framed(&echoed(1)));
    assert_eq!(calls.remove(0).wait(), Ok("x".to_owned()));
    let text = "z".repeat(1 << 20);
    calls.extend((0..12).map(|_| lab.start().echo(text.clone())));
    for call in calls {
        // Those that were started afterwards have looked for another connection, in vain.
        let failure = call.wait().unwrap_err();
        assert_eq!(failure.code(), Code::Unavailable);
        let stalled = failure.message().contains("took nothing for 200ms");
        assert_eq!(stalled, failure.may_have_run(), "{failure:?}");
    }
}

#[test]
fn a_long_deadline_is_kept() {
    let (listener, client) = listen();
    let time = Duration::from_millis(2500);
    let lab = LabClient::new(client).with_deadline(time);
    let begun = Instant::now();
    lab.echo("x".to_owned()).unwrap_err();
    let late = begun.elapsed().checked_sub(time).unwrap();
    // The kernel's own time-out would be up to 256 ms late.
    assert!(late < Duration::from_millis(60), "{late:?} late");
    drop(listener);
}

/// A started call is not waited for; `leave` ends its connection. The next call finds another connection.
#[track_caller]
fn check_left(leave: impl FnOnce(Peer)) {
    let (listener, client) = listen();
    let lab = LabClient::new(client);
    let old = lab.start().echo("x".to_owned());
    leave(Peer::accept(&listener));
    // What was heard of within a millisecond is trusted.
    thread::park_timeout(BRIEF / 10);
    thread::scope(|scope| {
        let calling = scope.spawn(move || (lab.echo("x".to_owned()), old.wait()));
        listener.set_nonblocking(true).unwrap();
        let next = std::cell::Cell::new(None);
        eventually(&true, || match listener.accept() {
            Ok((stream, _)) => {
                (&stream).write_all(&greeted(&framed(&echoed(1)))).unwrap();
                next.set(Some(stream));
                true
            }
            Err(_) => calling.is_finished(),
        });
        let (answer, old) = calling.join().unwrap();
        assert_eq!(old.unwrap_err().code(), Code::Unavailable);
        assert_eq!(answer, Ok("x".to_owned()));
    });
}

/// A connection on which nothing could be sent any more was used for new calls as long as an old one was not waited for.
#[test]
fn a_broken_connection_is_left_while_an_old_call_is_not_waited_for() {
    check_left(Peer::reset);
}

/// The same of one that the server had ended.
#[test]
fn an_ended_connection_is_left_while_an_old_call_is_not_waited_for() {
    check_left(|mut server| {
        assert!(server.hear_preface() && server.hear().is_some());
    });
}
