//! The bytes of PROTOCOL.md and of vectors.json, played against the real server and the real client.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

#[path = "protocol/desk.rs"]
mod desk;
#[path = "protocol/document.rs"]
mod document;
#[path = "protocol/mirror.rs"]
mod mirror;
#[path = "protocol/peer.rs"]
mod peer;
#[path = "protocol/vectors.rs"]
mod vectors;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use desk::{Desk as _, DeskClient, REFUND, Trouble};
use document::{Side, blocks, conversation, hex};
use peer::{Peer, listen};
use rpc_core::{Client, Code, JsonError, Status, stream};
use vectors::{Fatal, Hex, Longer, Malformed, MalformedJson, Preface, Refused, To, Value, Verdict, vectors};

/// Payload encodings.
const BINCODE: u8 = 0;
const JSON: u8 = 1;

const SOON: Duration = Duration::from_secs(10);

/// The first call of the exchange, made by the real client.
fn echo(client: &Client) -> Result<String, Trouble> {
    DeskClient::new(client.with_metadata("who", "ana")).echo("olá".to_owned())
}

#[test]
fn every_conversation_of_the_document_is_played_here() {
    let names: BTreeSet<&str> = blocks().into_iter().map(|(conversation, _)| conversation).collect();
    assert_eq!(names, BTreeSet::from(["exchange", "ping", "server-stream", "client-stream", "json"]));
}

#[test]
fn the_server_says_the_bytes_of_the_exchange() {
    let (server, cancelled) = desk::open();
    let mut peer = Peer::connect(server.address());
    let exchange = conversation("exchange");
    let (goodbye, talk) = exchange.split_last().unwrap();
    peer.play(Side::Client, talk);
    cancelled.recv_timeout(SOON).unwrap();
    thread::scope(|scope| {
        let closing = scope.spawn(|| server.shutdown(SOON));
        goodbye.check(&peer.hear(goodbye.bytes().len()));
        peer.hear_end(goodbye.name);
        drop(peer);
        closing.join().unwrap().unwrap();
    });
}

#[test]
fn the_client_says_the_bytes_of_the_exchange_and_calls_elsewhere_after_the_goodbye() {
    let listener = listen();
    let client = Client::connect(listener.local_addr().unwrap().to_string());
    let exchange = conversation("exchange");
    thread::scope(|scope| {
        let calling = scope.spawn(move || {
            assert_eq!(echo(&client), Ok("olá".to_owned()));
            let desk = DeskClient::new(client.clone());
            assert_eq!(desk.withdraw(300), Err(Trouble::Short { missing: 50 }));
            let refused = client.start::<_, (), Trouble>(&REFUND, &()).wait().unwrap_err().status();
            assert_eq!((refused.code(), refused.may_have_run()), (Code::Unimplemented, false));
            drop(desk.start().wait());
            assert_eq!(echo(&client), Ok("olá".to_owned()));
        });
        let mut first = Peer::accept(&listener);
        first.play(Side::Server, &exchange);
        let mut second = Peer::accept(&listener);
        second.play(Side::Server, &exchange[..4]);
        calling.join().unwrap();
    });
}

#[test]
fn the_server_answers_pings_and_ignores_fields_of_later_versions() {
    let (server, _) = desk::open();
    Peer::greeted(server.address()).play(Side::Client, &conversation("ping"));
}

#[test]
fn the_server_says_the_bytes_of_streams() {
    let (server, _) = desk::open();
    for name in ["server-stream", "client-stream", "json"] {
        Peer::greeted(server.address()).play(Side::Client, &conversation(name));
    }
}

/// Plays the server of one conversation, behind the prefaces, to the real client.
fn play_to<T>(name: &str, calling: impl FnOnce(DeskClient) -> T + Send) -> T
where
    T: Send,
{
    let listener = listen();
    let client = Client::connect(listener.local_addr().unwrap().to_string());
    thread::scope(|scope| {
        let called = scope.spawn(move || calling(DeskClient::new(client)));
        let mut peer = Peer::accept(&listener);
        peer.play(Side::Server, &conversation("exchange")[..2]);
        peer.play(Side::Server, &conversation(name));
        called.join().unwrap()
    })
}

#[test]
fn the_client_says_the_bytes_of_streams() {
    let entries = play_to("server-stream", |desk| {
        desk.entries().unwrap().collect::<Result<Vec<u64>, Status>>().unwrap()
    });
    assert_eq!(entries, (1..=65).collect::<Vec<_>>());
    let deposited = play_to("client-stream", |desk| {
        let (sink, amounts) = stream();
        [100, 250, 251].into_iter().for_each(|amount| sink.try_send(amount).unwrap());
        drop(sink);
        desk.deposit(amounts)
    });
    assert_eq!(deposited, Ok(601));
}

#[test]
fn the_client_says_the_bytes_of_json() {
    play_to("json", |desk| {
        let desk = desk.client().json();
        assert_eq!(desk.call("echo", r#"{"text":"olá"}"#).unwrap().as_str(), "\"olá\"");
        let failed = desk.call("withdraw", r#"{"amount":300}"#).unwrap_err();
        let JsonError::Failed(trouble) = failed else { panic!("{failed}") };
        assert_eq!(trouble.as_str(), r#"{"Short":{"missing":50}}"#);
        let (sink, amounts) = stream();
        ["100", "250", "251"].iter().for_each(|amount| sink.try_send(amount.parse().unwrap()).unwrap());
        drop(sink);
        assert_eq!(desk.call_with_stream("deposit", "{}", amounts).unwrap().as_str(), "601");
    });
}

/// What the real client makes of a server that answers its first call with these bytes.
fn client_hears(said: &[u8]) -> Result<String, Trouble> {
    let listener = listen();
    let client = Client::connect(listener.local_addr().unwrap().to_string());
    let exchange = conversation("exchange");
    thread::scope(|scope| {
        let calling = scope.spawn(move || echo(&client));
        let mut peer = Peer::accept(&listener);
        for block in [&exchange[0], &exchange[2]] {
            block.check(&peer.hear(block.bytes().len()));
        }
        peer.say(said);
        peer.hear_end(&hex(said));
        calling.join().unwrap()
    })
}

#[track_caller]
fn check_lost(outcome: Result<String, Trouble>) {
    let status = outcome.unwrap_err().status();
    assert_eq!((status.code(), status.may_have_run()), (Code::Unavailable, true), "{status}");
}

#[test]
fn prefaces_are_accepted_and_refused_by_both_sides() {
    let (server, _) = desk::open();
    let exchange = conversation("exchange");
    for Preface { hex: Hex(preface), verdict } in &vectors().prefaces {
        let mut peer = Peer::connect(server.address());
        peer.say(preface);
        if *verdict == Verdict::Accepted {
            peer.play(Side::Client, &exchange[1..4]);
            let reply = [&preface[..], &exchange[3].bytes()].concat();
            assert_eq!(client_hears(&reply), Ok("olá".to_owned()), "{}", hex(preface));
            continue;
        }
        if matches!(verdict, Verdict::OtherVersions | Verdict::Tls) {
            exchange[1].check(&peer.hear(exchange[1].bytes().len()));
        }
        peer.hear_end(&hex(preface));
        check_lost(client_hears(preface));
    }
}

#[test]
fn fatal_frames_end_the_connection() {
    let (server, _) = desk::open();
    let greeting = conversation("exchange")[1].bytes();
    for Fatal { to, hex: Hex(bytes), why } in &vectors().fatal {
        if *to != To::Client {
            let mut peer = Peer::greeted(server.address());
            peer.say(bytes);
            peer.hear_end(why);
        }
        if *to != To::Server {
            check_lost(client_hears(&[&greeting[..], bytes].concat()));
        }
    }
}

/// The content of the reply to a call of the procedure that mirrors a type.
fn mirrored(server: SocketAddr, of_type: &str, encoding: u8, payload: &[u8]) -> Vec<u8> {
    let procedure = mirror::procedure(of_type);
    let name_length = u8::try_from(procedure.len()).unwrap();
    let content = [&[0, 1, name_length], procedure.as_bytes(), &[0, encoding, 0], payload].concat();
    let length = u32::try_from(content.len()).unwrap();
    let mut peer = Peer::greeted(server);
    peer.say(&[&length.to_le_bytes(), &content[..]].concat());
    peer.hear_frame()
}

/// What a mirror understood, as JSON, and the bytes it gave back.
#[track_caller]
fn reflection(server: SocketAddr, of_type: &str, payload: &[u8]) -> (String, String) {
    let reply = mirrored(server, of_type, BINCODE, payload);
    let returned = reply.strip_prefix(&[1, 1, 0]);
    let returned = returned.unwrap_or_else(|| panic!("{of_type} {}: {}", hex(payload), hex(&reply)));
    let (length, behind) = match returned {
        [251, low, high, behind @ ..] => (u16::from_le_bytes([*low, *high]), behind),
        [length, behind @ ..] => (u16::from(*length), behind),
        [] => panic!("{of_type} {}: an empty answer", hex(payload)),
    };
    let (json, value) = behind.split_at(usize::from(length));
    (String::from_utf8(json.to_vec()).unwrap(), hex(value))
}

#[test]
fn values_cross_the_wire_as_these_bytes_and_mean_this() {
    let server = mirror::open();
    for Value { of_type, hex: Hex(bytes), json } in &vectors().values {
        let expected = (json.get().to_owned(), hex(bytes));
        assert_eq!(reflection(server.address(), of_type, bytes), expected, "{of_type}");
    }
}

/// A value of a call in JSON is what it is in bincode, also where JSON has the longer numbers.
#[test]
fn values_cross_the_wire_in_json() {
    let server = mirror::open();
    // JSON has no infinity: it is written as null, and does not come back.
    for Value { of_type, json, .. } in vectors().values.iter().filter(|value| value.readable()) {
        let (shown, json) = (serde_json::to_string(json.get()).unwrap(), json.get());
        for arguments in [format!("[{json}]"), format!("{{\"value\":{json}}}")] {
            let reply = mirrored(server.address(), of_type, JSON, arguments.as_bytes());
            let expected = [&[1, 1, 0], format!("[{shown},{json}]").as_bytes()].concat();
            assert_eq!(String::from_utf8_lossy(&reply), String::from_utf8_lossy(&expected), "{of_type}");
        }
    }
}

#[test]
fn json_that_does_not_decode_is_invalid_and_did_not_run() {
    let server = mirror::open();
    for MalformedJson { of_type, json, why } in &vectors().malformed_json {
        let reply = mirrored(server.address(), of_type, JSON, format!("[{json}]").as_bytes());
        assert_eq!(hex(&reply[..5]), "0101020300", "{why}: {of_type} {json}");
    }
}

#[test]
fn longer_forms_are_understood_and_come_back_short() {
    let server = mirror::open();
    for Longer { of_type, hex: Hex(bytes), shortest: Hex(shortest) } in &vectors().longer {
        let (_, back) = reflection(server.address(), of_type, bytes);
        assert_eq!(back, hex(shortest), "{of_type} {}", hex(bytes));
    }
}

#[test]
fn arguments_that_do_not_decode_are_invalid_and_did_not_run() {
    let server = mirror::open();
    for Malformed { of_type, hex: Hex(bytes), why } in &vectors().malformed {
        let reply = mirrored(server.address(), of_type, BINCODE, bytes);
        assert_eq!(hex(&reply[..5]), "0101020300", "{why}: {of_type} {}", hex(bytes));
    }
}

#[test]
fn calls_are_refused_with_these_codes_and_did_not_run() {
    let server = mirror::open();
    for Refused { hex: Hex(call), code, why } in &vectors().refused {
        let mut peer = Peer::greeted(server.address());
        peer.say(call);
        assert_eq!(peer.hear_frame()[..5], [1, 1, 2, *code, 0], "{why}");
    }
}
