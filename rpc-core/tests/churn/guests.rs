//! Who comes and how they go. Every second one is rude.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc_core::{Client, stream};

use crate::mill::{Mill as _, MillClient};
use crate::peer::{PREFACE, Peer, call, echo, framed};

/// So many guests, `crowd` of them at the same time.
pub(crate) fn come_and_go(server: SocketAddr, guests: usize, crowd: usize) {
    let next = AtomicUsize::new(0);
    let come = || {
        loop {
            let guest = next.fetch_add(1, Ordering::Relaxed);
            if guest >= guests {
                return;
            }
            if guest.is_multiple_of(2) { visit(server, guest / 2) } else { intrude(server, guest / 2) }
        }
    };
    std::thread::scope(|scope| (0..crowd).for_each(|_| drop(scope.spawn(come))));
}

/// A client of ours that does one thing and leaves, with or without what it has begun.
fn visit(server: SocketAddr, way: usize) {
    let mill = MillClient::new(Client::connect(server.to_string()));
    match way % 6 {
        0 => assert_eq!(mill.echo("x".to_owned()), Ok("x".to_owned())),
        1 => assert_eq!(mill.bulk(100_000).unwrap().len(), 100_000),
        2 => assert_eq!(mill.count(100).unwrap().count(), 100),
        3 => {
            let (sink, numbers) = stream();
            std::thread::scope(|scope| {
                scope.spawn(move || (0..100).for_each(|number| sink.send(number).unwrap()));
                assert_eq!(mill.sum(numbers), Ok(4950));
            });
        }
        // Gives its calls and streams up.
        4 => drop((mill.start().hold(), mill.start().echo("x".to_owned()))),
        _ => {
            let (sink, numbers) = stream();
            let mut doubled = mill.double(numbers).unwrap();
            sink.send(21).unwrap();
            assert_eq!(doubled.next(), Some(Ok(42)));
            drop((doubled, sink));
        }
    }
}

/// One that says some of what it should and goes: by close, half-close or reset.
fn intrude(server: SocketAddr, way: usize) {
    let mut peer = Peer::silent(server);
    let items = framed(&[2, 1, 3, 1, 2, 3]);
    let endless = call(1, "count", &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let said = match way % 8 {
        // In mid-handshake, and without a word.
        0 => PREFACE[..11].to_vec(),
        1 => Vec::new(),
        // In a stream, from the server or from here, with credit or without.
        2 => [&PREFACE[..], &endless, &framed(&[4, 1, 64])].concat(),
        3 => [&PREFACE[..], &call(1, "sum", b""), &items].concat(),
        4 => [&PREFACE[..], &call(1, "double", b""), &items, &items[..5]].concat(),
        // In a call, with a large answer on its way, and in a frame.
        5 => [&PREFACE[..], &call(1, "hold", b""), &echo(2)].concat(),
        6 => [&PREFACE[..], &call(1, "bulk", &[0xfc, 0, 0, 16, 0])].concat(),
        _ => [&PREFACE[..], &echo(1), &echo(2)[..9]].concat(),
    };
    peer.say(&said);
    match way / 8 % 4 {
        0 => drop(peer),
        1 => peer.end_sending(),
        2 => peer.reset(),
        // It hears that it is served before it goes.
        _ => {
            if said.len() > PREFACE.len() {
                assert!(peer.hear_preface());
            }
            peer.reset();
        }
    }
}
