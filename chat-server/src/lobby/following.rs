//! Streams of events, as their users meet them.

use std::time::Duration;

use chat_api::limits::{BEHIND_BYTES, READY_EVENTS, STREAMS_OF_A_MEMBER};
use chat_api::{ChatError, Incarnation, Mark, Seq};
use rpc_core::Code;

use super::rig::{Following, Rig, status, words};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_stream_brings_what_is_behind_its_mark_and_then_what_happens() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    bia.say("rust", "behind").unwrap();
    let mut following = ana.follow("rust", None).unwrap();
    assert_eq!((following.mark.seq, following.missed), (Seq::new(1), 0));
    assert_eq!(following.read(2), ["+bia", "bia: behind"]);
    bia.say("RUST", "news").unwrap();
    ana.say("rust", "my own").unwrap();
    bia.leave("rust").unwrap();
    bia.join("rust").unwrap();
    assert_eq!(following.read(4), ["bia: news", "ana: my own", "-bia", "+bia"]);
    assert!(following.is_quiet());
    assert_eq!(ana.receive("rust").unwrap().events.len(), 6, "the mark of fetches did not move");
}

#[test]
fn a_newcomer_is_told_to_the_others_and_not_to_himself() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let mut anas = ana.follow("rust", None).unwrap();
    let bia = rig.guest("bia");
    let mark = bia.join("rust").unwrap().mark;
    let (mut from_mark, mut from_entry) =
        (bia.follow("rust", Some(mark)).unwrap(), bia.follow("rust", None).unwrap());
    ana.say("rust", "oi").unwrap();
    assert_eq!(anas.read(2), ["+bia", "ana: oi"]);
    assert_eq!(from_mark.read(1), ["ana: oi"]);
    assert_eq!(from_entry.read(1), ["ana: oi"]);
}

#[test]
fn private_messages_reach_their_recipients_streams_alone_in_their_place() {
    let rig = Rig::new();
    let [ana, bia, zoe] = rig.guests_in("rust", ["ana", "bia", "zoe"]);
    let mut all =
        [&ana, &bia, &zoe].map(|guest| guest.follow("rust", Some(guest.receive("rust").unwrap().mark)));
    bia.say("rust", "before").unwrap();
    bia.tell("rust", "ana", "psst").unwrap();
    bia.tell("rust", "bia", "note").unwrap();
    bia.say("rust", "behind").unwrap();
    let [anas, bias, zoes] = all.each_mut().map(|following| following.as_mut().unwrap());
    assert_eq!(anas.read(3), ["bia: before", "bia to ana: psst", "bia: behind"]);
    assert_eq!(bias.read(3), ["bia: before", "bia to bia: note", "bia: behind"]);
    assert_eq!(zoes.read(2), ["bia: before", "bia: behind"]);
    assert!(anas.is_quiet() && bias.is_quiet() && zoes.is_quiet());
}

#[test]
fn a_mark_of_another_making_or_of_the_future_means_from_the_join() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    ana.say("rust", "one").unwrap();
    let mark = ana.receive("rust").unwrap().mark;
    for strange in [
        Mark { incarnation: Incarnation::new(0), ..mark },
        Mark { seq: Seq::new(u64::MAX), ..mark },
        Mark { seq: Seq::START, ..mark },
    ] {
        let mut following = ana.follow("rust", Some(strange)).unwrap();
        assert_eq!(following.mark, Mark { seq: Seq::new(1), ..mark });
        assert_eq!(following.read(1), ["ana: one"]);
    }
}

#[test]
fn leaving_a_room_ends_the_stream_in_order_and_coming_back_begins_another() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mut following = bia.follow("rust", None).unwrap();
    ana.say("rust", "last").unwrap();
    bia.leave("rust").unwrap();
    ana.say("rust", "unseen").unwrap();
    let (events, end) = following.end();
    assert_eq!((words(&events), end), (vec!["ana: last".to_owned()], Ok(())));
    let not_in = bia.follow("rust", None);
    assert!(matches!(not_in.err(), Some(ChatError::NotInRoom { .. })));
    assert!(matches!(bia.follow("nowhere", None).err(), Some(ChatError::NoSuchRoom { .. })));
    bia.join("rust").unwrap();
    let mut again = bia.follow("rust", None).unwrap();
    ana.say("rust", "seen").unwrap();
    assert_eq!(again.read(1), ["ana: seen"]);
}

#[test]
fn the_end_of_a_session_ends_its_streams_as_unauthenticated() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let (mut anas, mut bias) = (ana.follow("rust", None).unwrap(), bia.follow("rust", None).unwrap());
    bia.unregister().unwrap();
    assert_eq!(bias.end(), (Vec::new(), Err(Code::Unauthenticated)));
    assert_eq!(anas.read(2), ["+bia", "-bia"]);
    assert!(matches!(bia.follow("rust", None).err(), Some(ChatError::NotRegistered { .. })));
}

#[test]
fn an_open_stream_keeps_nobody_registered() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let (mut anas, mut bias) = (ana.follow("rust", None).unwrap(), bia.follow("rust", None).unwrap());
    rig.clock.advance(59 * SECOND);
    ana.heartbeat().unwrap();
    rig.clock.advance(SECOND);
    rig.lobby.sweep();
    assert_eq!(anas.read(2), ["+bia", "-bia"]);
    assert_eq!(bias.end(), (Vec::new(), Err(Code::Unauthenticated)));
}

#[test]
fn closing_the_chat_ends_all_streams_and_refuses_those_to_come() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mut following = ana.follow("rust", None).unwrap();
    bia.say("rust", "last").unwrap();
    rig.lobby.close();
    let (events, end) = following.end();
    assert_eq!(
        (words(&events), end),
        (vec!["+bia".to_owned(), "bia: last".to_owned()], Err(Code::Unavailable))
    );
    assert_eq!(status(bia.follow("rust", None).map(|_| ())), Code::Unavailable);
}

#[test]
fn one_stream_too_many_of_a_room_ends_the_oldest() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let follow = || ana.follow("rust", None).unwrap();
    let mut streams: Vec<Following> = (0..STREAMS_OF_A_MEMBER).map(|_| follow()).collect();
    ana.say("rust", "to all").unwrap();
    streams.iter_mut().for_each(|stream| assert_eq!(stream.read(1), ["ana: to all"]));
    let mut newest = follow();
    assert_eq!(streams[0].end(), (Vec::new(), Err(Code::Aborted)));
    drop(streams.pop());
    let mut another = follow();
    ana.say("rust", "to the rest").unwrap();
    streams[1..].iter_mut().for_each(|stream| assert_eq!(stream.read(1), ["ana: to the rest"]));
    for stream in [&mut newest, &mut another] {
        assert_eq!(stream.read(2), ["ana: to all", "ana: to the rest"]);
    }
}

#[test]
fn who_has_missed_more_than_a_stream_begins_with_resumes_until_he_has_it_all() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mut mark = ana.receive("rust").unwrap().mark;
    let text = "x".repeat(4000);
    for _ in 0..200 {
        bia.say("rust", &text).unwrap();
    }
    let (mut heard, mut streams) = (0, 0);
    while heard < 200 {
        let mut following = ana.follow("rust", Some(mark)).unwrap();
        let rest = 200 - heard;
        let bytes = rest * (4000 + 3 + 48);
        let events = match bytes > BEHIND_BYTES {
            true => following.end(),
            false => (following.take(rest), Err(Code::ResourceExhausted)),
        };
        assert_eq!(events.1, Err(Code::ResourceExhausted));
        assert!(events.0.iter().map(chat_api::Event::bytes).sum::<usize>() <= BEHIND_BYTES);
        heard += events.0.len();
        mark = following.mark;
        streams += 1;
    }
    assert_eq!((heard, streams), (200, 4));
}

#[test]
fn a_reader_that_falls_too_far_behind_is_told_and_resumes_without_a_hole() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mut following = ana.follow("rust", Some(ana.receive("rust").unwrap().mark)).unwrap();
    let mut said = 0;
    while rig.lobby.announcers.streams() > 0 {
        bia.say("rust", "unread").unwrap();
        said += 1;
        assert!(said < 4 * READY_EVENTS, "it was never told");
    }
    assert!(said > READY_EVENTS, "at the limit it still has everything: {said}");
    let (events, end) = following.end();
    assert_eq!(end, Err(Code::ResourceExhausted));
    let resumed = ana.follow("rust", Some(following.mark)).unwrap();
    let all = u64::try_from(events.len()).unwrap() + resumed.missed;
    assert_eq!(all, said - 10_000, "what the room no longer keeps is counted");
}

#[test]
fn who_follows_a_room_that_forgets_for_want_of_memory_is_told_how_much_he_missed() {
    let rig = Rig::with_memory(64 << 10);
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    let mark = ana.receive("rust").unwrap().mark;
    bia.say("rust", "unseen").unwrap();
    bia.create("go").unwrap();
    bia.join("go").unwrap();
    for _ in 0..20 {
        bia.say("go", &"x".repeat(4000)).unwrap();
    }
    let mut following = ana.follow("rust", Some(mark)).unwrap();
    assert_eq!(following.missed, 1);
    bia.say("rust", "seen").unwrap();
    assert_eq!(following.read(1), ["bia: seen"]);
}

/// The story: each name that somebody made up took memory until the next sweep.
#[test]
fn rooms_that_one_is_not_in_cost_nothing() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    ana.create("empty").unwrap();
    assert!(ana.follow("empty", None).is_err() && ana.follow("nowhere", None).is_err());
    assert_eq!(rig.lobby.announcers.followed(), 0);
}

#[test]
fn nothing_is_left_of_streams_that_ended() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    let following = ana.follow("rust", None).unwrap();
    rig.lobby.sweep();
    assert_eq!(rig.lobby.announcers.followed(), 1);
    drop(following);
    rig.lobby.sweep();
    assert_eq!(rig.lobby.announcers.followed(), 0);
    let mut again = ana.follow("rust", None).unwrap();
    ana.say("rust", "on").unwrap();
    assert_eq!(again.read(1), ["ana: on"]);
}
