//! Peers that speak something else, or stop half-way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rpc_core::{Client, Code, Limits, Server, threads};

use crate::lab::{Authority, HOST, Lab as _, SOON, Stand, check_unreachable, eventually, lab, serve, stand};
use crate::relay::{Fault, Relay};

/// What a client says first: a record that carries a hello, and nothing of it but its beginning.
const HALF_A_HELLO: [u8; 11] = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

fn plain() -> Stand {
    stand(Limits::default(), |builder| builder.bind("127.0.0.1:0").unwrap())
}

fn silent(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// All that the server says until its end.
fn heard(mut stream: &TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // Whoever is refused may be reset.
    stream.read_to_end(&mut said).ok();
    said
}

#[test]
fn a_client_over_tls_is_told_that_the_server_speaks_without() {
    let (stand, authority) = (plain(), Authority::new("lab"));
    check_unreachable(&stand.client(&authority.client()), "the server speaks without TLS");
    assert_eq!(lab(&Client::connect(stand.address())).echo("x".to_owned()).unwrap(), "x");
}

#[test]
fn a_client_without_tls_is_told_that_the_server_wants_it() {
    let stand = serve(&Authority::new("lab").server(&[HOST]));
    let status = lab(&Client::connect(stand.address())).echo("x".to_owned()).unwrap_err();
    assert_eq!((status.code(), status.may_have_run()), (Code::Unavailable, false), "{status}");
    assert!(status.message().ends_with("this server is reached over TLS only"), "{status}");
    eventually(&0, || stand.server.connections());
}

/// A server without TLS whose bytes are `said`, for a client with it.
#[track_caller]
fn check_foreign_server(said: &'static [u8], words: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{HOST}:{}", listener.local_addr().unwrap().port());
    let server = threads::spawn("foreign", move || {
        // A call is attempted twice where it certainly did not run.
        for _ in 0..2 {
            let mut stream = listener.accept().unwrap().0;
            stream.set_read_timeout(Some(SOON)).unwrap();
            let mut hello = [0; 16];
            stream.read_exact(&mut hello).unwrap();
            stream.write_all(said).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            heard(&stream);
        }
    });
    let client = lab(&Client::connect(address).with_tls(Authority::new("lab").client()));
    check_unreachable(&client, words);
    drop(server);
}

#[test]
fn a_server_of_another_protocol_is_named() {
    check_foreign_server(
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "an HTTP answer came instead of a TLS handshake",
    );
    check_foreign_server(b"SSH-2.0-OpenSSH_9.6\r\n", "an SSH greeting came instead of a TLS handshake");
    check_foreign_server(b"", "the server closed the connection in the TLS handshake");
    check_foreign_server(
        &[21, 3, 3, 0, 2, 2, 70],
        "the server has no version of TLS in common with this side",
    );
    check_foreign_server(&[21, 3, 3, 0, 2, 2, 120], "the server speaks another protocol over TLS");
    let words = "the server takes no connection now: it is full, or shutting down";
    check_foreign_server(&[21, 3, 3, 0, 2, 2, 90], words);
}

#[test]
fn a_client_of_another_protocol_costs_its_own_connection_only() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let client = stand.client(&authority.client());
    for said in [
        &b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0",
        &[22, 3, 1, 0xff, 0xff, 9, 9, 9],
    ] {
        let mut stream = silent(&stand.server);
        stream.write_all(said).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // At most an alert, and then the end.
        assert!(heard(&stream).len() <= 7);
    }
    assert_eq!(client.echo("x".to_owned()).unwrap(), "x");
    eventually(&1, || stand.server.connections());
}

/// Says `beginning`, then nothing: the connection ends within the time of a preface.
#[track_caller]
fn check_slow(beginning: &[u8], trickle: &[u8]) {
    let authority = Authority::new("lab");
    let time = Duration::from_millis(300);
    let limits = Limits { preface_time: time, ..Limits::default() };
    let stand = stand(limits, |builder| builder.tls(authority.server(&[HOST])).bind("127.0.0.1:0").unwrap());
    let begun = Instant::now();
    let mut stream = silent(&stand.server);
    stream.write_all(beginning).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut left = trickle.iter();
    loop {
        match stream.read(&mut [0; 64]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                left.next().and_then(|byte| stream.write_all(&[*byte]).ok());
            }
            _ => break,
        }
    }
    assert!(begun.elapsed() >= time && begun.elapsed() < SOON, "{:?}", begun.elapsed());
    eventually(&0, || stand.server.connections());
    assert_eq!(stand.client(&authority.client()).echo("x".to_owned()).unwrap(), "x");
}

#[test]
fn who_says_nothing_or_half_a_hello_is_let_go_in_time() {
    check_slow(&[], &[]);
    check_slow(&HALF_A_HELLO, &[]);
}

#[test]
fn who_trickles_a_hello_has_no_more_time_than_others() {
    check_slow(&HALF_A_HELLO, &[0; 200]);
}

#[test]
fn a_handshake_whose_bytes_come_one_by_one_succeeds() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]).with_client_ca_pem(authority.pem()).unwrap());
    let relay = Relay::before(stand.server.address(), Fault::Trickle);
    let client = lab(&Client::connect(relay.address()).with_tls(authority.client_named("ana")));
    assert_eq!(client.whoami().unwrap(), ["ana"]);
    assert_eq!(client.count(1000).unwrap().map(Result::unwrap).sum::<u64>(), 499_500);
}

#[test]
fn a_server_that_says_nothing_costs_a_call_its_deadline_at_most() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{HOST}:{}", listener.local_addr().unwrap().port());
    let client = lab(&Client::connect(address).with_tls(Authority::new("lab").client()));
    let begun = Instant::now();
    let status = client.with_deadline(Duration::from_millis(200)).echo("x".to_owned()).unwrap_err();
    assert!(!status.may_have_run(), "{status}");
    assert!(begun.elapsed() < SOON);
}
