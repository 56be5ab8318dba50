//! How connections end, in order and otherwise.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rpc_core::{Client, Code, Limits, Status};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::lab::{Authority, HOST, Lab as _, LabClient, SOON, Stand, eventually, lab, serve, stand};
use crate::relay::{Fault, Relay};

/// What a reply of so many bytes takes passes the handshake and the first call's answer, and is cut by a fault far behind.
const BULK: usize = 200_000;

/// A client whose connection is spoilt behind the handshake and a first call.
fn spoilt(stand: &Stand, authority: &Authority, fault: Fault) -> (LabClient, Relay) {
    let relay = Relay::before(stand.server.address(), fault);
    let client = lab(&Client::connect(relay.address()).with_tls(authority.client()));
    assert_eq!(client.echo("x".to_owned()).unwrap(), "x");
    (client, relay)
}

fn fails(client: &LabClient) -> Status {
    client.bulk(vec![7; BULK].into()).unwrap_err()
}

#[test]
fn a_record_that_was_changed_on_the_way_ends_its_connection() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let (client, _relay) = spoilt(&stand, &authority, Fault::ChangeAfter(100_000));
    let status = fails(&client);
    assert_eq!((status.code(), status.may_have_run()), (Code::Unavailable, true), "{status}");
    assert!(status.message().ends_with("bytes came that were changed on the way"), "{status}");
    assert_eq!(stand.client(&authority.client()).echo("x".to_owned()).unwrap(), "x");
}

#[test]
fn bytes_that_are_no_record_end_their_connection() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let (client, _relay) = spoilt(&stand, &authority, Fault::Insert(100_000, b"no record at all"));
    let status = fails(&client);
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.may_have_run(), "{status}");
}

#[test]
fn an_end_in_the_middle_of_a_record_is_no_orderly_end() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let (client, _relay) = spoilt(&stand, &authority, Fault::CutAfter(100_000));
    let status = fails(&client);
    let words = "the connection was cut off: the server did not say that it ends (TLS close_notify)";
    assert!(status.message().ends_with(words), "{status}");
    assert!(status.may_have_run(), "{status}");
}

#[test]
fn an_orderly_end_is_told_as_one() {
    let authority = Authority::new("lab");
    let limits = Limits { idle: Duration::from_millis(50), ..Limits::default() };
    let stand = stand(limits, |builder| builder.tls(authority.server(&[HOST])).bind("127.0.0.1:0").unwrap());
    let client = stand.client(&authority.client());
    for _ in 0..3 {
        assert_eq!(client.echo("x".to_owned()).unwrap(), "x");
        // The server has said goodbye to an idle connection, and closed.
        eventually(&0, || stand.server.connections());
    }
}

/// A client of rustls alone that has greeted, and the server's preface.
fn greeted(stand: &Stand, authority: &Authority) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(HOST).unwrap()).unwrap();
    let socket = TcpStream::connect(stand.server.address()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(b"\xf1RPC\x18\0\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\0\0\0\0").unwrap();
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).unwrap();
    assert!(preface.starts_with(b"\xf1RPC"));
    stream
}

/// A call of `wait` under way: the server's answer is awaited.
fn waits(stream: &mut StreamOwned<ClientConnection, TcpStream>, stand: &Stand) {
    stream.write_all(b"\x0a\0\0\0\x00\x01\x04wait\0\0\0").unwrap();
    stream.flush().unwrap();
    stand.entered.recv_timeout(SOON).unwrap();
}

#[test]
fn a_client_that_says_that_it_sends_nothing_more_still_gets_its_answers() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let mut stream = greeted(&stand, &authority);
    waits(&mut stream, &stand);
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    stream.sock.shutdown(Shutdown::Write).unwrap();
    stand.gate.send(()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let reply = b"\x0b\0\0\0\x01\x01\0\x07through";
    assert!(answer.windows(reply.len()).any(|window| window == reply), "{answer:?}");
}

#[test]
fn a_client_that_is_cut_off_has_its_calls_cancelled() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let mut stream = greeted(&stand, &authority);
    waits(&mut stream, &stand);
    // The socket ends, and TLS has not said so.
    stream.sock.shutdown(Shutdown::Write).unwrap();
    eventually(&0, || stand.server.connections());
}

#[test]
fn a_shutdown_says_goodbye_and_answers_what_runs() {
    let authority = Authority::new("lab");
    let Stand { server, gate, entered, .. } = serve(&authority.server(&[HOST]));
    let address = format!("{HOST}:{}", server.address().port());
    let client = lab(&Client::connect(address).with_tls(authority.client()));
    let waiting = client.start().wait();
    entered.recv_timeout(SOON).unwrap();
    std::thread::scope(|scope| {
        let down = scope.spawn(|| server.shutdown(SOON));
        let refused = loop {
            match client.echo("late".to_owned()) {
                Ok(_) => {}
                Err(status) => break status,
            }
        };
        assert!(!refused.may_have_run(), "{refused}");
        gate.send(()).unwrap();
        assert_eq!(waiting.wait().unwrap(), "through");
        down.join().unwrap().unwrap();
    });
}

#[test]
fn who_is_too_many_learns_that_the_server_is_full() {
    let authority = Authority::new("lab");
    let limits = Limits { connections: Some(1), ..Limits::default() };
    let stand = stand(limits, |builder| builder.tls(authority.server(&[HOST])).bind("127.0.0.1:0").unwrap());
    let first = stand.client(&authority.client());
    assert_eq!(first.echo("1".to_owned()).unwrap(), "1");
    let words = "the server takes no connection now: it is full, or shutting down";
    crate::lab::check_unreachable(&stand.client(&authority.client()), words);
    assert_eq!(first.echo("2".to_owned()).unwrap(), "2");
}

/// A client that takes nothing is given up by what the socket takes of its records, and stalls nobody else.
#[test]
fn a_client_that_reads_nothing_is_given_up_and_others_go_on() {
    let authority = Authority::new("lab");
    let limits = Limits { write_stall: Duration::from_millis(300), ..Limits::default() };
    let stand = stand(limits, |builder| builder.tls(authority.server(&[HOST])).bind("127.0.0.1:0").unwrap());
    let other = stand.client(&authority.client());
    assert_eq!(other.echo("x".to_owned()).unwrap(), "x");
    let mut mute = greeted(&stand, &authority);
    mute.sock.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let mebibyte = vec![7; 1 << 20];
    for id in 1..=64 {
        let head = [0, id, 4, b'b', b'u', b'l', b'k', 0, 0, 0, 0xfc, 0, 0, 0x10, 0];
        let length = u32::try_from(head.len() + mebibyte.len()).unwrap().to_le_bytes();
        // The server takes no more when nobody takes its answers.
        if mute.write_all(&[&length[..], &head, &mebibyte].concat()).is_err() {
            break;
        }
    }
    eventually(&1, || {
        assert_eq!(other.echo("x".to_owned()).unwrap(), "x");
        stand.server.connections()
    });
}
