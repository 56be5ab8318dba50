//! How a client ends that is told to, or that nobody reads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::rig::{Client, Stage};

#[test]
fn signals_end_a_client_in_order() {
    let stage = Stage::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut client = stage.client(&["--username", "ana", "--json"]);
        client.line();
        let since = Instant::now();
        client.signal(signal);
        let mut rest = String::new();
        client.output.read_to_string(&mut rest).unwrap();
        assert_eq!(client.child.wait().unwrap().code(), Some(0));
        assert!(since.elapsed() < Duration::from_secs(5));
        assert!(stage.chat.users().is_empty());
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_chat_that_is_not_there() {
    let mut client = Client::start("127.0.0.1:1", &["--username", "ana"]);
    client.errors().read_line(&mut String::new()).unwrap();
    client.signal(Signal::TERM);
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_ends_the_wait_for_a_binder_that_never_answers() {
    let binder = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::start(&binder.local_addr().unwrap().to_string(), &["--username", "ana"]);
    let _asked = binder.accept().unwrap();
    let since = Instant::now();
    client.signal(Signal::TERM);
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let stage = Stage::new();
    let mut client = stage.client(&["--username", "ana", "--json"]);
    client.line();
    let Client { child, input, output, .. } = &mut client;
    drop(std::mem::replace(output, BufReader::new(dead_output())));
    // The client may be gone before it has read everything.
    let _ = input.as_mut().unwrap().write_all("/rooms\n".repeat(1_000).as_bytes());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The story: a client whose pager had stopped reading could not be ended by the one signal that supervisors send.
#[test]
fn a_signal_ends_a_client_whose_output_nobody_reads() {
    let stage = Stage::new();
    let mut bia = stage.client(&["--username", "bia", "--json"]);
    bia.input.as_mut().unwrap().write_all(b"/create rust\n/join rust\n").unwrap();
    bia.read_to(r#""event":"joined""#);
    for (name, last, seen) in
        [("ana", "hi", r#""body":"hi""#), ("eva", "/quit", r#""left","username":"eva""#)]
    {
        let mut client = stage.client(&["--username", name, "--json"]);
        // Far more than a pipe holds.
        let script = "/help\n".repeat(300) + "/join rust\n" + last + "\n";
        client.input.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        bia.read_to(seen);
        let since = Instant::now();
        client.signal(Signal::TERM);
        assert_eq!(client.child.wait().unwrap().code(), Some(0), "{name}");
        assert!(since.elapsed() < Duration::from_secs(5), "{name}");
    }
}

/// The output of a process that has ended.
fn dead_output() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    child.wait().unwrap();
    output
}
