//! The way out under every order: one writer, frames in the order they were queued, nothing lost, nobody left waiting.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Outbound, Progress, SendError};
use crate::codec::Payload;
use crate::models::peer::Peer;
use crate::models::pipe::{End, pipe};
use crate::models::{check, spawn};
use crate::sync::{self, Mutex};
use crate::transport::{Readiness, Transport};
use crate::wire::{CallHeader, Message, OURS};

/// Less than two frames: every writer is stuck now and then.
const ROOM: usize = 24;

const LIMIT: u32 = 1 << 20;

const EACH: u64 = 3;

const FAR: Duration = Duration::from_secs(3600);

struct Stage {
    outbound: Outbound,
    end: Arc<End>,
}

fn stage() -> (Arc<Stage>, Peer) {
    let (end, far) = pipe(ROOM);
    let outbound = Outbound::new(end.clone());
    outbound.introduce(&OURS);
    // Who waits for room relies on somebody who writes what is queued.
    assert!(matches!(outbound.flush(), Progress::Done));
    (Arc::new(Stage { outbound, end }), Peer::new(far))
}

impl Stage {
    fn ping(&self, sender: u64, number: u64) -> Result<usize, SendError> {
        let ping = Message::Ping { nonce: 100 * sender + number };
        Payload::around(&mut vec![7; 9], |payload| self.outbound.send(&ping, payload, LIMIT))
    }

    /// As a thread of a server that finds no other to wait for the socket; whether who asked for room is to be told.
    fn push_out(&self) -> bool {
        let mut progress = self.outbound.flush();
        while matches!(progress, Progress::Stuck) {
            self.end.wait(Readiness::WRITABLE, None).unwrap();
            progress = self.outbound.resume();
        }
        matches!(progress, Progress::Room)
    }
}

/// What the peer hears: pings of each sender in order, from the first, and how many.
fn hear_in_order(peer: &mut Peer, expected: Option<u64>) -> u64 {
    let (mut next, mut heard) = ([0u64; 3], 0);
    while expected != Some(heard)
        && let Some(nonce) = peer.hear(|message, payload| match message {
            Message::Ping { nonce } => {
                assert_eq!(payload, [7; 9]);
                nonce
            }
            other => panic!("{other:?}"),
        })
    {
        let of = &mut next[usize::try_from(nonce / 100).unwrap()];
        assert_eq!(*of, nonce % 100, "a frame was lost, or left before another");
        *of += 1;
        heard += 1;
    }
    heard
}

#[test]
fn frames_of_several_threads_leave_whole_and_in_order_through_a_socket_that_is_often_full() {
    check(|| {
        let (stage, mut peer) = stage();
        for sender in 0..3 {
            let stage = stage.clone();
            spawn(move || {
                for number in 0..EACH {
                    stage.ping(sender, number).unwrap();
                    stage.push_out();
                }
            });
        }
        hear_in_order(&mut peer, Some(3 * EACH));
    });
}

#[test]
fn calls_leave_in_the_order_of_their_ids_and_are_known_before() {
    check(|| {
        let (stage, mut peer) = stage();
        let known = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..3 {
            let (stage, known) = (stage.clone(), known.clone());
            spawn(move || {
                let (procedure, metadata) = ("p", Vec::new());
                let header = CallHeader { id: 0, procedure, remaining_ms: None, encoding: 0, metadata };
                let admit = |id| known.lock().unwrap().push(id);
                stage.outbound.send_call(header, &mut Payload::default(), LIMIT, admit).unwrap();
                stage.push_out();
            });
        }
        for id in 1..=3 {
            let heard = peer.hear(|message, _| matches!(message, Message::Call(header) if header.id == id));
            assert_eq!(heard, Some(true));
            assert!(known.lock().unwrap().contains(&id), "call {id} left before it was known");
        }
    });
}

#[test]
fn who_waits_for_room_is_told_when_there_is_some() {
    check(|| {
        let (stage, mut peer) = stage();
        for sender in 0..2 {
            let stage = stage.clone();
            spawn(move || {
                for number in 0..EACH {
                    assert!(stage.outbound.wait_for_room(20, sync::now() + FAR, || false));
                    stage.ping(sender, number).unwrap();
                    stage.push_out();
                }
            });
        }
        let outlasting = stage.clone();
        spawn(move || assert!(outlasting.outbound.outlast(1, FAR)));
        hear_in_order(&mut peer, Some(2 * EACH));
    });
}

#[test]
fn who_asks_for_room_is_told_once_there_is_some() {
    check(|| {
        let (stage, mut peer) = stage();
        let told = Arc::new(AtomicUsize::new(0));
        let senders = [0, 1].map(|sender| {
            let (stage, told) = (stage.clone(), told.clone());
            spawn(move || {
                for number in 0..EACH {
                    stage.ping(sender, number).unwrap();
                    told.fetch_add(usize::from(stage.push_out()), Ordering::SeqCst);
                }
            })
        });
        let asking = stage.clone();
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = refused.clone();
        let asker = spawn(move || {
            counted.fetch_add(usize::from(!asking.outbound.room_or_ask(1)), Ordering::SeqCst);
        });
        hear_in_order(&mut peer, Some(2 * EACH));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        asker.join().unwrap();
        assert_eq!(told.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
    });
}

#[test]
fn a_way_out_that_is_closed_lets_nothing_past_and_nobody_waiting() {
    check(|| {
        let (stage, mut peer) = stage();
        let mut senders = Vec::new();
        for sender in 0..2 {
            let stage = stage.clone();
            senders.push(spawn(move || {
                for number in 0..EACH {
                    assert!(stage.outbound.wait_for_room(40, sync::now() + FAR, || false));
                    if stage.ping(sender, number).is_err() {
                        return;
                    }
                    stage.push_out();
                }
            }));
        }
        let closing = stage.clone();
        senders.push(spawn(move || {
            closing.outbound.close();
            assert!(matches!(closing.ping(2, 0), Err(SendError::Closed)));
            assert!(!closing.outbound.is_stuck());
            closing.end.shutdown(Shutdown::Both);
        }));
        hear_in_order(&mut peer, None);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn a_socket_that_breaks_is_told_to_its_writer_and_ends_every_wait() {
    check(|| {
        let (stage, peer) = stage();
        let senders = [0, 1].map(|sender| {
            let stage = stage.clone();
            spawn(move || {
                for number in 0.. {
                    if stage.ping(sender, number).is_err() {
                        return;
                    }
                    assert!(stage.outbound.wait_for_room(1, sync::now() + FAR, || false) || number > 0);
                }
            })
        });
        let writing = stage.clone();
        let writer = spawn(move || {
            loop {
                match writing.outbound.flush() {
                    Progress::Broken(_) => return,
                    Progress::Stuck => {
                        writing.end.wait(Readiness::WRITABLE, None).unwrap();
                        if matches!(writing.outbound.resume(), Progress::Broken(_)) {
                            return;
                        }
                    }
                    Progress::Done | Progress::Room => shuttle::thread::yield_now(),
                }
            }
        });
        peer.end(Shutdown::Both);
        writer.join().unwrap();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}
