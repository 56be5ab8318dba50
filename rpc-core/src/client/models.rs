//! A client's connection under every order: its table of calls, and who reads.

mod reading;
mod streams;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::calls::Answer;
use super::connection::{Connection, Departure};
use crate::codec::Payload;
use crate::limits::Limits;
use crate::models::peer::Peer;
use crate::models::pipe::pipe;
use crate::resolve::Endpoint;
use crate::status::Status;
use crate::stream::Legs;
use crate::sync;
use crate::wire::{CallHeader, Message, ReplyOutcome};

const FAR: Duration = Duration::from_secs(3600);

/// Room for everything that a model says.
const WIDE: usize = 1 << 20;

fn connect(room: usize) -> (Arc<Connection>, Peer) {
    connect_with(room, Limits::default())
}

fn connect_with(room: usize, limits: Limits) -> (Arc<Connection>, Peer) {
    let (near, far) = pipe(room);
    (Connection::new(Endpoint::new("model", 1), near, limits), Peer::new(far))
}

fn far() -> Instant {
    sync::now() + FAR
}

/// Starts a call whose argument is one word.
fn start(
    connection: &Connection,
    word: u8,
    deadline: Instant,
    departure: Departure,
    legs: Option<Legs>,
) -> Result<u64, Status> {
    let metadata = Vec::new();
    let header = CallHeader { id: 0, procedure: "p", remaining_ms: None, encoding: 0, metadata };
    let send = |payload: &mut Payload| connection.start(header, payload, deadline, departure, legs);
    Payload::around(&mut vec![word; 3], send)
}

/// Makes a call and gives it up at its deadline, as its callers do; whether it was answered, with its own word.
fn call(connection: &Connection, word: u8, deadline: Instant) -> Result<(), Status> {
    let id = start(connection, word, deadline, Departure::WithItsCaller, None)?;
    match connection.wait(id, deadline) {
        Ok(Answer::Returned(body)) => {
            assert_eq!(body.bytes(), [word; 3], "the answer to another call");
            Ok(())
        }
        Ok(Answer::Failed(_)) => panic!("nobody said that"),
        Ok(Answer::Status(status)) => Err(status),
        Err(_) => {
            connection.cancel(id);
            Err(Status::deadline_exceeded("given up"))
        }
    }
}

/// What a server hears.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Call(u64, Vec<u8>),
    Cancel(u64),
    Items(u64, u32),
    End(u64),
    Credit(u64, u32),
}

fn ask(peer: &mut Peer) -> Option<Asked> {
    peer.hear(|message, payload| match message {
        Message::Call(header) => Asked::Call(header.id, payload.to_vec()),
        Message::Cancel { id } => Asked::Cancel(id),
        Message::Items { id, count } => Asked::Items(id, count),
        Message::End { id, .. } => Asked::End(id),
        Message::Credit { id, items } => Asked::Credit(id, items),
        other => panic!("{other:?}"),
    })
}

/// The next call, whatever is said beside it.
fn ask_call(peer: &mut Peer) -> (u64, Vec<u8>) {
    loop {
        if let Asked::Call(id, word) = ask(peer).expect("a call") {
            return (id, word);
        }
    }
}

fn answer(peer: &Peer, (id, word): &(u64, Vec<u8>)) {
    peer.say(&Message::Reply { id: *id, outcome: ReplyOutcome::Returned }, word);
}
