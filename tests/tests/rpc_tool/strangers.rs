//! Servers that are not there, say nothing, or say the wrong thing.

use std::io::Read;
use std::net::TcpListener;

use super::*;

#[test]
fn nobody_there_is_code_3() {
    let port = system_tests::free_port();
    let nobody = format!("127.0.0.1:{port}");
    rpc(&["call", "x", "--to", &nobody]).failed(3, "Unavailable: cannot connect to");
    rpc(&["list", &nobody]).failed(3, "Unavailable");
    rpc(&["list", "--binder", &nobody]).failed(3, "the binder cannot be asked (start one with `binder`");
    rpc(&["health", "--to", &nobody]).failed(3, "Unavailable");
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let begun = Instant::now();
    rpc(&["call", "x", "--to", &address, "--deadline", "200ms"]).failed(3, "DeadlineExceeded");
    rpc(&["health", "--to", &address, "--deadline", "200ms"]).failed(3, "DeadlineExceeded");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn a_server_of_another_kind_is_named_in_one_line() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let answering = thread::Builder::new().spawn(move || {
        let (mut peer, _) = stranger.accept().unwrap();
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b[2J").unwrap();
        // Until the other side has read it, and closes.
        peer.read_to_end(&mut Vec::new()).ok();
    });
    rpc(&["call", "x", "--to", &address, "--kind", "unary", "--deadline", "5s"]).failed(3, "Unavailable");
    answering.unwrap().join().unwrap();
}
