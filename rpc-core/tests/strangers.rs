//! Bytes that are not ours, or not whole, or too many: each costs its own connection only, and soon ends it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;
#[path = "strangers/lab.rs"]
mod lab;
#[path = "strangers/peer.rs"]
mod peer;
#[path = "strangers/places.rs"]
mod places;
#[path = "strangers/rules.rs"]
mod rules;
#[path = "strangers/servers.rs"]
mod servers;
#[path = "strangers/silence.rs"]
mod silence;
#[path = "waits/eventually.rs"]
mod waits;

use std::io::Write;
use std::time::Duration;

use lab::stand;
use peer::{PREFACE, Peer, call, echo, echoed};
use waits::eventually;

/// Says `bytes` as the first of a connection: it is ended without a word.
#[track_caller]
fn check_refused(bytes: &[u8]) {
    let stand = stand();
    let mut peer = Peer::silent(stand.server.address());
    // Who is refused may be cut off while it still speaks.
    peer.0.write_all(bytes).ok();
    assert_eq!(peer.hear_end(), b"");
    stand.check_serves();
    eventually(&1, || stand.server.connections());
}

#[test]
fn an_http_request_is_refused() {
    check_refused(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n");
}

/// The client once learned nothing but that the server had closed.
#[test]
fn who_wants_tls_is_shown_our_preface_and_refused() {
    let stand = stand();
    let mut peer = Peer::silent(stand.server.address());
    peer.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let shown = peer.hear_end();
    assert_eq!((shown.len(), &shown[..8]), (24, &PREFACE[..8]));
    drop(peer);
    eventually(&0, || stand.server.connections());
    stand.check_serves();
}

#[test]
fn a_mebibyte_of_noise_is_refused() {
    let seed: u64 = std::env::var("SEED").map_or(42, |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let noise: Vec<u8> = (0..1 << 20).map(|_| random.u8(..)).collect();
    check_refused(&noise);
}

/// The server once ended the connection without a word, and the other side could not say which versions were wanted.
#[test]
fn who_speaks_other_versions_is_shown_ours_and_refused() {
    let stand = stand();
    for [newest, oldest] in [[9, 2], [0, 0]] {
        let mut peer = Peer::silent(stand.server.address());
        let mut preface = PREFACE;
        preface[6..8].copy_from_slice(&[newest, oldest]);
        // What comes at once behind it is not ours to read, and spoils nothing.
        peer.say(&[&preface[..], &[7; 100_000]].concat());
        let shown = peer.hear_end();
        assert_eq!((shown.len(), &shown[..8]), (24, &PREFACE[..8]));
        drop(peer);
        eventually(&0, || stand.server.connections());
    }
    stand.check_serves();
}

#[test]
fn a_preface_of_a_wrong_length_is_refused() {
    for length in [0u16, 23, 1025, u16::MAX] {
        let mut preface = PREFACE;
        preface[4..6].copy_from_slice(&length.to_le_bytes());
        check_refused(&preface);
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    let stand = stand();
    let mut peer = Peer::silent(stand.server.address());
    for byte in [&PREFACE[..], &echo(1), &echo(2)].concat() {
        peer.say(&[byte]);
    }
    assert!(peer.hear_preface());
    assert_eq!(peer.hear(), Some(echoed(1)));
    assert_eq!(peer.hear(), Some(echoed(2)));
}

#[test]
fn a_frame_may_come_in_five_hundred_pieces() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    let text = "y".repeat(100_000);
    let arguments = [&[0xfc], &100_000u32.to_le_bytes()[..], text.as_bytes()].concat();
    for piece in call(1, "echo", &arguments).chunks(200) {
        peer.say(piece);
    }
    let reply = peer.hear().unwrap();
    assert!(reply.starts_with(&[1, 1, 0]) && reply.ends_with(&arguments));
}

#[test]
fn two_calls_in_one_segment_are_both_answered() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    peer.say(&[echo(1), echo(2)].concat());
    assert_eq!(peer.hear(), Some(echoed(1)));
    assert_eq!(peer.hear(), Some(echoed(2)));
}

#[test]
fn a_call_may_come_with_the_preface() {
    let stand = stand();
    let mut peer = Peer::silent(stand.server.address());
    peer.say(&[&PREFACE[..], &echo(1)].concat());
    assert!(peer.hear_preface());
    assert_eq!(peer.hear(), Some(echoed(1)));
}

/// The peer's further calls wait for it.
#[test]
fn a_preface_does_not_wait_for_a_slow_first_call() {
    let stand = stand();
    let mut peer = Peer::silent(stand.server.address());
    peer.say(&[&PREFACE[..], &call(1, "wait", b"")].concat());
    assert!(peer.hear_preface());
    stand.entered.recv_timeout(lab::SOON).unwrap();
    stand.gate.send(()).unwrap();
    assert_eq!(peer.hear().unwrap()[..3], [1, 1, 0]);
}

#[test]
fn a_call_behind_a_slow_one_is_answered_while_its_own_rest_is_on_its_way() {
    let stand = stand();
    let mut peer = Peer::greeted(stand.server.address());
    let second = echo(2);
    let (head, tail) = second.split_at(7);
    peer.say(&[&call(1, "wait", b""), head].concat());
    stand.entered.recv_timeout(lab::SOON).unwrap();
    peer.say(tail);
    assert_eq!(peer.hear(), Some(echoed(2)));
    stand.gate.send(()).unwrap();
    assert_eq!(peer.hear().unwrap()[..3], [1, 1, 0]);
}

const BRIEF: Duration = Duration::from_millis(200);
