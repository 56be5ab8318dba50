//! Bytes that are not ours, and connections that say nothing, against the real chat server and binder.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use system_tests::{BinderProgram, Chatter, Process, SOON, ServerProgram};

#[track_caller]
fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Sends bytes and reads until the server closes, which it must.
#[track_caller]
fn refused(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // The server may have closed in the middle of a long sequence.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

/// A preface of ours, and what follows it.
fn after_preface(bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![0xF1, b'R', b'P', b'C', 24, 0, 1, 1, 0, 0, 0, 0, 0, 0, 128, 0, 0, 4, 0, 0, 0, 0, 0, 0];
    all.extend_from_slice(bytes);
    all
}

#[track_caller]
fn survives(process: &Process, address: SocketAddr) {
    let before = process.status("Threads");
    refused(address, b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n");
    refused(address, &[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
    let noise: Vec<u8> = (0u32..1 << 20).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    refused(address, &noise);
    refused(address, &after_preface(&[0xff; 64]));
    refused(address, &after_preface(&[0, 0, 0, 0]));
    refused(address, &after_preface(&[4, 0, 0, 0, 0xfd, 1, 2, 3]));
    let half = TcpStream::connect(address).unwrap();
    (&half).write_all(&after_preface(&[100, 0, 0, 0, 0])).unwrap();
    drop(half);
    until("threads are back", || process.status("Threads") <= before + 2);
}

#[test]
fn strangers_are_refused_and_everyone_else_is_served() {
    let binder = BinderProgram::start();
    let server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    survives(&server.process, server.address);
    survives(&binder.process, binder.address);
    ana.say("still here");
    ana.hear("still here");
    Chatter::join(&binder, "bia").enter("rust");
}

#[test]
fn ten_thousand_silent_connections_leave_no_trace() {
    let binder = BinderProgram::start();
    let server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    let threads = server.process.status("Threads");
    let descriptors = server.process.descriptors();
    let memory = server.process.status("VmRSS");
    let silent: Vec<TcpStream> = (0..10_000).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    ana.say("in the crowd");
    ana.hear("in the crowd");
    Chatter::join(&binder, "bia").enter("rust");
    drop(silent);
    until("threads are back", || server.process.status("Threads") <= threads + 4);
    until("descriptors are back", || server.process.descriptors() <= descriptors + 4);
    until("memory is back", || server.process.status("VmRSS") <= memory + (32 << 10));
    ana.say("and after");
    ana.hear("and after");
}
