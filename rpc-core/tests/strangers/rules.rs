//! Peers that know the protocol and break its rules.

use super::lab::{SOON, Stand, stand};
use super::peer::{PREFACE, Peer, call, echo, echoed, framed};
use crate::waits::eventually;

/// Says `bytes` after the prefaces: nothing is answered, the connection ends, and its running call is cancelled.
#[track_caller]
fn check_fatal(bytes: &[u8]) {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&call(1, "wait", b""));
    stand.entered.recv_timeout(SOON).unwrap();
    peer.say(bytes);
    assert_eq!(peer.hear_end(), b"");
    stand.cancelled.recv_timeout(SOON).unwrap();
    stand.check_serves();
    eventually(&1, || stand.server.connections());
}

#[test]
fn a_frame_of_no_bytes_is_fatal() {
    check_fatal(&[0, 0, 0, 0]);
}

#[test]
fn a_frame_of_four_gibibytes_is_fatal_before_it_comes() {
    check_fatal(&[0xff; 4]);
}

#[test]
fn a_frame_one_past_the_limit_is_fatal() {
    check_fatal(&((8u32 << 20) + 1).to_le_bytes());
}

#[test]
fn a_call_id_that_repeats_is_fatal() {
    check_fatal(&echo(1));
    check_fatal(&echo(0));
}

/// An id past half of its range once made its call invisible to the watcher: nobody saw its peer vanish.
#[test]
fn a_call_id_that_nobody_can_have_reached_is_fatal() {
    let huge = [&[0, 0xfd][..], &[0xff; 8], b"\x04echo\0\0\0\x01x"].concat();
    check_fatal(&framed(&huge));
}

/// Calls that had run were taken for lost when fatal bytes came in the same segment.
#[test]
fn answers_leave_before_fatal_bytes_end_the_connection() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&[echo(1), echo(2), framed(&[9, 1])].concat());
    assert_eq!(peer.hear(), Some(echoed(1)));
    assert_eq!(peer.hear(), Some(echoed(2)));
    assert_eq!(peer.hear_end(), b"");
    stand.check_serves();
}

#[test]
fn messages_that_a_client_does_not_send_are_fatal() {
    check_fatal(&framed(&[1, 1, 0]));
    check_fatal(&framed(&[8, 0, 14, 0, 0, 0]));
    check_fatal(&framed(&[9, 1]));
}

#[test]
fn a_header_that_does_not_decode_is_fatal() {
    check_fatal(&framed(&[5]));
    check_fatal(&framed(&[0, 2, 0xff]));
    check_fatal(&framed(b"\0\x02\x04ec\xffo\0\0\0"));
}

/// The status that refuses call `id`, and whether it says that the call may have run.
#[track_caller]
fn refusal(stand: &Stand, bytes: &[u8], id: u8) -> (u8, u8) {
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(bytes);
    let reply = peer.hear().unwrap();
    assert_eq!(reply[..3], [1, id, 2]);
    peer.say(&echo(id + 1));
    assert_eq!(peer.hear(), Some(echoed(id + 1)));
    (reply[3], reply[4])
}

#[test]
fn what_is_wrong_with_one_call_fails_that_call_only() {
    let stand = stand();
    assert_eq!(refusal(&stand, &call(1, "nowhere", b""), 1), (12, 0));
    assert_eq!(refusal(&stand, &call(1, "echo", b"\x09x"), 1), (3, 0));
    assert_eq!(refusal(&stand, &call(1, "echo", b"\x01xx"), 1), (3, 0));
    let no_time = framed(b"\0\x01\x04echo\x01\0\0\0\x01x");
    assert_eq!(refusal(&stand, &no_time, 1), (4, 0));
    let strangely_encoded = framed(b"\0\x01\x04echo\0\x02\0\x01x");
    assert_eq!(refusal(&stand, &strangely_encoded, 1), (12, 0));
    let bad_key = framed(b"\0\x01\x04echo\0\0\x01\x01K\x01v\x01x");
    assert_eq!(refusal(&stand, &bad_key, 1), (3, 0));
}

#[test]
fn metadata_at_its_limit_passes_and_past_it_fails_its_call() {
    let stand = stand();
    let with_pairs = |count: u32| {
        let pairs = b"\x01k\0".repeat(usize::try_from(count).unwrap());
        framed(&[b"\0\x01\x04echo\0\0\xfc", &count.to_le_bytes()[..], &pairs, b"\x01x"].concat())
    };
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&with_pairs(64));
    assert_eq!(peer.hear(), Some(echoed(1)));
    assert_eq!(refusal(&stand, &with_pairs(65), 1), (3, 0));
    assert_eq!(refusal(&stand, &with_pairs(1 << 20), 1), (3, 0));
}

/// Whatever a peer says that it takes, a status is said: without its words if they do not fit.
#[test]
fn a_status_that_is_larger_than_the_peers_frame_comes_as_its_code() {
    let stand = stand();
    let refusal = |frame: u32| {
        let mut preface = PREFACE;
        preface[12..16].copy_from_slice(&frame.to_le_bytes());
        let mut peer = Peer::silent(stand.server.address());
        peer.say(&[&preface[..], &call(1, "nowhere", b"")].concat());
        assert!(peer.hear_preface());
        let refusal = peer.hear().unwrap();
        assert_eq!(refusal[..5], [1, 1, 2, 12, 0]);
        refusal
    };
    let whole = refusal(1000);
    let length = u32::try_from(whole.len()).unwrap();
    assert!(String::from_utf8_lossy(&whole).contains("has no procedure \"nowhere\""));
    assert_eq!(refusal(length), whole);
    assert_eq!(refusal(length - 1), [1, 1, 2, 12, 0, 0, 0]);
    assert_eq!(refusal(7), [1, 1, 2, 12, 0, 0, 0]);
    stand.check_serves();
}

#[test]
fn cancels_of_calls_that_do_not_run_are_ignored() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&[framed(&[5, 7]), echo(1), framed(&[5, 1]), framed(&[6, 9]), framed(&[7, 9])].concat());
    assert_eq!(peer.hear(), Some(echoed(1)));
    assert_eq!(peer.hear(), Some(vec![7, 9]));
}

#[test]
fn calls_past_the_limit_in_flight_are_refused_and_did_not_run() {
    let limits = rpc_core::Limits { calls_in_flight: 2, ..rpc_core::Limits::default() };
    let stand = super::lab::stand_with(limits);
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&[call(1, "wait", b""), call(2, "wait", b""), echo(3)].concat());
    let refused = peer.hear().unwrap();
    assert_eq!(refused[..5], [1, 3, 2, 8, 0]);
    stand.gate.send(()).unwrap();
    peer.hear().unwrap();
    peer.say(&echo(4));
    assert_eq!(peer.hear(), Some(echoed(4)));
}
