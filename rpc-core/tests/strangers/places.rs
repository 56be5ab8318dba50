//! More peers than there are places.

use rpc_core::{Client, Code, Limits};

use super::lab::{Lab as _, LabClient, SOON, Stand, stand_with};
use super::peer::{PREFACE, Peer, echo, echoed};
use crate::waits::eventually;

fn places(connections: usize) -> Stand {
    stand_with(Limits { connections: Some(connections), ..Limits::default() })
}

/// A goodbye of `ResourceExhausted` that says that nothing ran.
#[track_caller]
fn check_goodbye(peer: &mut Peer) {
    assert!(peer.hear_preface());
    assert_eq!(peer.hear().unwrap()[..4], [8, 0, 8, 0]);
    assert_eq!(peer.hear(), None);
}

#[test]
fn the_oldest_stranger_goes_first_and_is_told_why() {
    let stand = places(2);
    let mut oldest = Peer::silent(stand.server.address());
    let mut older = Peer::silent(stand.server.address());
    let mut newest = Peer::silent(stand.server.address());
    check_goodbye(&mut oldest);
    for peer in [&mut older, &mut newest] {
        peer.say(&[&PREFACE[..], &echo(1)].concat());
        assert!(peer.hear_preface());
        assert_eq!(peer.hear(), Some(echoed(1)));
    }
    assert_eq!(stand.server.connections(), 2);
}

#[test]
fn who_is_known_stays_however_many_strangers_come() {
    let stand = places(3);
    let mut known = Peer::greeted(stand.server.address());
    for _ in 0..50 {
        Peer::silent(stand.server.address());
    }
    let strangers: Vec<_> = (0..50).map(|_| Peer::silent(stand.server.address())).collect();
    known.say(&echo(1));
    assert_eq!(known.hear(), Some(echoed(1)));
    stand.check_serves();
    drop(strangers);
}

/// Once a peer was greeted before it was known: strangers that came in between took its place, and it was sent away in the
/// middle of its first call.
#[test]
fn who_has_been_greeted_is_known() {
    let stand = places(2);
    for _ in 0..200 {
        let mut known = Peer::greeted(stand.server.address());
        let strangers = [(); 3].map(|()| Peer::silent(stand.server.address()));
        known.say(&echo(1));
        assert_eq!(known.hear(), Some(echoed(1)));
        drop((known, strangers));
        eventually(&0, || stand.server.connections());
    }
}

#[test]
fn a_client_for_whom_there_is_no_place_reads_why() {
    let stand = places(1);
    stand.check_serves();
    let second = LabClient::new(Client::connect(stand.server.address().to_string()));
    for _ in 0..40 {
        let refused = second.echo("x".to_owned()).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
        assert!(refused.message().contains("holds 1 connections") && !refused.may_have_run(), "{refused:?}");
    }
    check_goodbye(&mut Peer::silent(stand.server.address()));
    stand.check_serves();
}

#[test]
fn a_place_that_is_given_back_can_be_taken() {
    let stand = places(1);
    for _ in 0..20 {
        let client = LabClient::new(Client::connect(stand.server.address().to_string())).wait_for_ready();
        assert_eq!(client.with_deadline(SOON).echo("x".to_owned()), Ok("x".to_owned()));
    }
}

/// A stranger was once told goodbye before it was greeted, which its client takes for another protocol.
#[test]
fn a_stranger_is_greeted_before_it_is_told_goodbye() {
    let stand = places(5);
    let mut stranger = Peer::silent(stand.server.address());
    stand.check_serves();
    stand.server.shutdown(SOON).unwrap();
    assert!(stranger.hear_preface());
    assert_eq!(stranger.hear().unwrap()[..4], [8, 0, 14, 0]);
}
