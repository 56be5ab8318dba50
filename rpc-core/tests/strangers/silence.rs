//! Peers that stop: in speaking, in reading, or altogether.

use std::io::Write;
use std::time::Instant;

use rpc_core::Limits;

use super::BRIEF;
use super::lab::{SOON, stand, stand_with};
use super::peer::{PREFACE, Peer, call, echo, echoed};
use crate::waits::eventually;

fn brief() -> Limits {
    Limits { preface_time: BRIEF, frame_time: BRIEF, write_stall: BRIEF, ..Limits::default() }
}

#[test]
fn who_says_nothing_is_let_go_after_the_preface_time() {
    let stand = stand_with(brief());
    let mut peer = Peer::silent(stand.server.address());
    let begun = Instant::now();
    assert_eq!(peer.hear_end(), b"");
    assert!(begun.elapsed() > BRIEF / 2);
    stand.check_serves();
}

#[test]
fn half_a_preface_has_no_more_time_than_none() {
    let stand = stand_with(brief());
    let mut peer = Peer::silent(stand.server.address());
    for byte in &PREFACE[..23] {
        peer.say(&[*byte]);
    }
    assert_eq!(peer.hear_end(), b"");
    stand.check_serves();
}

#[test]
fn half_a_frame_is_waited_for_no_longer_than_the_frame_time() {
    let stand = stand_with(brief());
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&echo(1)[..7]);
    assert_eq!(peer.hear_end(), b"");
    stand.check_serves();
}

#[test]
fn who_has_said_all_may_be_silent() {
    let stand = stand_with(brief());
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&echo(1));
    assert_eq!(peer.hear(), Some(echoed(1)));
    peer.0.set_read_timeout(Some(2 * BRIEF)).unwrap();
    assert!(std::io::Read::read(&mut peer.0, &mut [0]).is_err(), "an idle connection was ended");
    peer.0.set_read_timeout(Some(SOON)).unwrap();
    peer.say(&echo(2));
    assert_eq!(peer.hear(), Some(echoed(2)));
}

/// Each read once gave the frame its whole time again: a byte every 29 s held a connection and its thread for as long as
/// the peer liked.
#[test]
fn a_frame_that_trickles_has_no_more_time_than_one_that_stops() {
    let stand = stand_with(brief());
    let mut peer = Peer::greeted(stand.server.address());
    let begun = Instant::now();
    let mut said = 0;
    peer.0.set_read_timeout(Some(BRIEF / 10)).unwrap();
    let mut frame = vec![0; 1 << 20];
    frame[..4].copy_from_slice(&((1u32 << 20) - 4).to_le_bytes());
    for byte in frame {
        if peer.0.write_all(&[byte]).is_err() || matches!(std::io::Read::read(&mut peer.0, &mut [0]), Ok(0)) {
            break;
        }
        said += 1;
        assert!(begun.elapsed() < SOON, "{said} bytes, and the connection still lives");
    }
    assert!(said > 3, "{said} bytes");
}

/// A turn once gathered the replies to all that had come before it sent the first: a few kilobytes asked for gigabytes.
/// Then calls that were found slow ran on threads of their own, whose replies had no bound either: on a busy machine all
/// sixty were made. A call has its place until its reply is queued, so there are few of those.
#[test]
fn who_asks_and_never_reads_loses_its_connection_only() {
    let limits = Limits { write_stall: BRIEF, calls_in_flight: 8, ..Limits::default() };
    let stand = stand_with(limits);
    stand.check_serves();
    let mut peer = Peer::greeted(stand.server.address());
    let size = [0xfc, 0, 0, 0x10, 0];
    let many: Vec<u8> = (1..=60).flat_map(|id| call(id, "bulk", &size)).collect();
    peer.0.write_all(&many).unwrap();
    stand.check_serves();
    eventually(&1, || stand.server.connections());
    stand.check_serves();
    let ran = stand.entered.try_iter().count();
    assert!(ran < 40, "{ran} replies of 1 MiB were made for a peer that reads none");
}

/// A connection that was closed for not reading, while nobody waited for it to read, never left the server's list: its
/// place was lost.
#[test]
fn who_never_reads_and_asks_no_more_gives_its_place_back() {
    let limits = Limits { connections: Some(1), ..brief() };
    let stand = stand_with(limits);
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "bulk", &[0xfc, 0, 0, 0x40, 0]));
    peer.say(&call(2, "bulk", &[0xfc, 0, 0, 0x38, 0]));
    eventually(&0, || stand.server.connections());
    stand.check_serves();
}

#[test]
fn a_reset_in_mid_call_cancels_its_procedure() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "wait", b""));
    stand.entered.recv_timeout(SOON).unwrap();
    peer.reset();
    stand.cancelled.recv_timeout(SOON).unwrap();
    eventually(&0, || stand.server.connections());
}

#[test]
fn closing_in_mid_call_cancels_its_procedure() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "wait", b""));
    stand.entered.recv_timeout(SOON).unwrap();
    drop(peer);
    stand.cancelled.recv_timeout(SOON).unwrap();
    eventually(&0, || stand.server.connections());
}

#[test]
fn who_ends_its_sending_still_gets_the_reply_in_flight() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&[call(1, "wait", b""), echo(2)].concat());
    peer.end_sending();
    stand.entered.recv_timeout(SOON).unwrap();
    assert_eq!(peer.hear(), Some(echoed(2)));
    stand.gate.send(()).unwrap();
    let mut heard = std::iter::from_fn(|| peer.hear());
    assert!(heard.any(|frame| frame.starts_with(&[1, 1, 0])), "the reply was lost");
}

/// The connection was once closed between the end of a procedure and the queueing of its reply.
#[test]
fn no_reply_is_lost_to_a_peer_that_has_ended_its_sending() {
    let stand = stand();
    for _ in 0..200 {
        let mut peer = Peer::greeted(stand.server.address());
        peer.say(&call(1, "wait", b""));
        peer.end_sending();
        stand.entered.recv_timeout(SOON).unwrap();
        stand.gate.send(()).unwrap();
        let mut heard = std::iter::from_fn(|| peer.hear());
        assert!(heard.any(|frame| frame.starts_with(&[1, 1, 0])), "the reply was lost");
    }
}
