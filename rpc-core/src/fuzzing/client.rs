//! A client that is fed a server's bytes.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::server::say;
use super::{Desk, DeskClient};
use crate::client::Client;
use crate::limits::STREAM_CREDIT;
use crate::status::Status;
use crate::stream::{Stream, stream};
use crate::transport::{Socket, Transport};

/// What stands between two things that the server says.
const PAUSE: &[u8] = b"\n--\n";

/// The server says so many things at the most; the rest is one.
const SAID: usize = 16;

/// A server that hears nothing for so long says the next thing.
const QUIET: Duration = Duration::from_micros(200);

/// No call waits longer than its server talks, by much.
const BUSY: Duration = Duration::from_secs(10);

/// A server says these bytes, a piece whenever it has heard something, and ends. Every call of the client ends, and no
/// stream holds more than it may.
///
/// # Panics
/// When that is not so.
pub fn client(input: &[u8]) {
    let (near, far) = UnixStream::pair().expect("two sockets");
    let far = Socket::from(far);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| talk(&far, input));
        call(&DeskClient::new(Client::over(near).with_deadline(BUSY)));
    });
    assert!(begun.elapsed() < BUSY, "a call outlives its connection");
}

fn talk(far: &Socket, input: &[u8]) {
    for said in pieces(input) {
        hear(far, Some(Instant::now() + QUIET));
        say(far, said);
    }
    far.shutdown(Shutdown::Write);
    while hear(far, None) {}
}

/// Whether the client has said something.
fn hear(far: &Socket, until: Option<Instant>) -> bool {
    matches!(far.read(&mut Vec::with_capacity(4096), until), Ok(1..))
}

fn pieces(mut input: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while pieces.len() + 1 < SAID
        && let Some(at) = input.windows(PAUSE.len()).position(|bytes| bytes == PAUSE)
    {
        let (piece, rest) = input.split_at(at);
        pieces.push(piece);
        input = rest.get(PAUSE.len()..).unwrap_or_default();
    }
    pieces.push(input);
    pieces
}

/// One call of each kind; what comes of them is the server's affair.
fn call(desk: &DeskClient) {
    let early = desk.start().withdraw(300);
    desk.echo("olá".to_owned()).ok();
    if let Ok(entries) = desk.entries() {
        count(entries);
    }
    let (sink, amounts) = stream();
    [100, 250, 251].into_iter().for_each(|amount| drop(sink.try_send(amount)));
    drop(sink);
    desk.deposit(amounts).ok();
    let (sink, amounts) = stream();
    if let Ok(changed) = desk.change(amounts) {
        sink.try_send(1).ok();
        drop(sink);
        count(changed);
    }
    early.wait().ok();
    drop(desk.start().wait());
}

/// Takes what has come, and a little more than a credit at the most.
fn count(items: Stream<u64>) {
    items.take(STREAM_CREDIT as usize + 1).for_each(|item: Result<u64, Status>| drop(item));
}
