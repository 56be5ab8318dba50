//! Streams beside calls: their consumers and producers read and sleep as callers do.

use std::sync::Arc;

use super::{Asked, WIDE, answer, ask, ask_call, call, connect, far, start};
use crate::client::calls::Answer;
use crate::client::connection::{Connection, Departure};
use crate::codec::Encoding;
use crate::limits::Limits;
use crate::models::peer::Peer;
use crate::models::{check, spawn};
use crate::status::Code;
use crate::stream::{Inlet, Legs, Stream, Terms, Wire, stream};
use crate::wire::{Message, ReplyOutcome};

fn returned(peer: &Peer, id: u64) {
    peer.say(&Message::Reply { id, outcome: ReplyOutcome::Returned }, &[]);
}

/// A call that has been answered with a stream of numbers.
fn open(connection: &Arc<Connection>, word: u8) -> Stream<u64> {
    let inlet = Arc::new(Inlet::new(&Terms::of(&Limits::default())));
    let legs = Legs { inlet: Some(inlet.clone()), ..Legs::default() };
    let id = start(connection, word, far(), Departure::WithItsCaller, Some(legs)).unwrap();
    assert!(matches!(connection.wait(id, far()), Ok(Answer::Returned(_))));
    coming(connection, id, inlet)
}

fn coming(connection: &Arc<Connection>, id: u64, inlet: Arc<Inlet>) -> Stream<u64> {
    let wire = Wire { port: connection.clone(), id, deadline: None };
    Stream::wired(wire, inlet, Encoding::Bincode)
}

#[test]
fn a_stream_and_a_call_read_for_each_other() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let consuming = connection.clone();
        let consumer = spawn(move || {
            let items: Vec<u64> = open(&consuming, 1).map(Result::unwrap).collect();
            assert_eq!(items, [4, 5, 6]);
        });
        let calling = connection.clone();
        let caller = spawn(move || (0..2).for_each(|_| call(&calling, 2, far()).unwrap()));
        peer.greet(10);
        let mut streaming = None;
        for _ in 0..3 {
            let (id, word) = ask_call(&mut peer);
            if word[0] == 1 {
                returned(&peer, id);
                peer.say(&Message::Items { id, count: 2 }, &[4, 5]);
                streaming = Some(id);
            } else {
                answer(&peer, &(id, word));
            }
        }
        let id = streaming.unwrap();
        peer.say(&Message::Items { id, count: 1 }, &[6]);
        peer.say(&Message::End { id, refusal: None }, &[]);
        consumer.join().unwrap();
        caller.join().unwrap();
    });
}

#[test]
fn a_producer_that_reads_for_credit_learns_of_the_consumers_end_without_the_server() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let opening = connection.clone();
        let call = spawn(move || {
            let inlet = Arc::new(Inlet::new(&Terms::of(&Limits::default())));
            let legs = Legs { inlet: Some(inlet.clone()), ..Legs::default() };
            let id = start(&opening, 1, far(), Departure::WithItsCaller, Some(legs)).unwrap();
            let (sink, amounts) = stream::<u64>();
            opening.feed(id, amounts, None, Encoding::Bincode);
            let producer = spawn(move || {
                let why = (0..).find_map(|item| sink.send(item).err()).unwrap();
                assert_eq!(why.code(), Code::Cancelled);
            });
            assert!(matches!(opening.wait(id, far()), Ok(Answer::Returned(_))));
            drop(coming(&opening, id, inlet));
            producer.join().unwrap();
        });
        peer.greet(10);
        let (id, _) = ask_call(&mut peer);
        returned(&peer, id);
        call.join().unwrap();
    });
}

#[test]
fn a_sink_that_waits_for_credit_gets_it_whoever_reads() {
    check(|| {
        let (connection, mut peer) = connect(WIDE);
        let sending = connection.clone();
        let sender = spawn(move || {
            let legs = Legs::default();
            let id = start(&sending, 1, far(), Departure::WithItsCaller, Some(legs)).unwrap();
            let (sink, items) = stream::<u64>();
            sending.feed(id, items, None, Encoding::Bincode);
            (0..70).for_each(|item| sink.send(item).unwrap());
            drop(sink);
            assert!(matches!(sending.wait(id, far()), Ok(Answer::Returned(_))));
        });
        let calling = connection.clone();
        let caller = spawn(move || (0..2).for_each(|_| call(&calling, 2, far()).unwrap()));
        peer.greet(10);
        let (mut came, mut calls) = (0, 0);
        loop {
            match ask(&mut peer).unwrap() {
                Asked::Call(id, word) if word[0] == 2 => {
                    answer(&peer, &(id, word));
                    calls += 1;
                }
                Asked::Call(..) => {}
                Asked::Items(id, count) => {
                    came += count;
                    peer.say(&Message::Credit { id, items: count }, &[]);
                }
                Asked::End(id) => {
                    assert_eq!(came, 70);
                    returned(&peer, id);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        while calls < 2 {
            let call = ask_call(&mut peer);
            answer(&peer, &call);
            calls += 1;
        }
        sender.join().unwrap();
        caller.join().unwrap();
    });
}
