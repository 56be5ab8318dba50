//! Calls in JSON over a real socket: the typed stub, and by name.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "contracts/trouble.rs"]
mod contracts;

use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::{
    Broadcast, Bytes, Client, Code, Context, Encoding, Json, JsonClient, JsonError, Lag, Limits, Server,
    Status, Stream,
};
use serde::{Deserialize, Serialize};

use self::contracts::Trouble;

const SOON: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    words: String,
    seal: Bytes,
}

#[rpc_core::service]
trait Notes {
    fn join(&self, words: Vec<String>, between: Option<String>) -> Result<Note, Trouble>;
    fn none(&self) -> Result<(), Trouble>;
    fn r#type(&self, r#type: u8) -> Result<u8, Trouble>;
    fn count(&self, to: u32) -> Result<Stream<u32>, Trouble>;
    fn sum(&self, start: u64, numbers: Stream<u64>) -> Result<u64, Trouble>;
    fn shout(&self, words: Stream<String>) -> Result<Stream<String>, Trouble>;
    fn news(&self) -> Result<Stream<Note>, Trouble>;
    fn who(&self) -> Result<Option<Vec<u8>>, Trouble>;
    fn large(&self, size: u32) -> Result<String, Trouble>;
    fn wait(&self) -> Result<(), Trouble>;
}

struct Clerk {
    news: Mutex<Broadcast<Note>>,
}

impl Notes for Clerk {
    fn join(&self, words: Vec<String>, between: Option<String>) -> Result<Note, Trouble> {
        if words.is_empty() {
            return Err(Trouble::Empty);
        }
        Ok(Note { words: words.join(&between.unwrap_or_default()), seal: Bytes::from(vec![0, 255]) })
    }

    fn none(&self) -> Result<(), Trouble> {
        Ok(())
    }

    fn r#type(&self, r#type: u8) -> Result<u8, Trouble> {
        Ok(r#type)
    }

    fn count(&self, to: u32) -> Result<Stream<u32>, Trouble> {
        if to == 0 { Err(Trouble::Empty) } else { Ok(Stream::from_iter(0..to)) }
    }

    fn sum(&self, start: u64, mut numbers: Stream<u64>) -> Result<u64, Trouble> {
        Ok(numbers.try_fold(start, |sum, number| number.map(|number| sum + number))?)
    }

    fn shout(&self, words: Stream<String>) -> Result<Stream<String>, Trouble> {
        Ok(Stream::from_iter(words.map_while(Result::ok).map(|word| word.to_uppercase())))
    }

    fn news(&self) -> Result<Stream<Note>, Trouble> {
        Ok(self.news.lock().unwrap().subscribe().1)
    }

    fn who(&self) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(Context::current().metadata().first("who").map(<[u8]>::to_vec))
    }

    fn large(&self, size: u32) -> Result<String, Trouble> {
        Ok("x".repeat(size.try_into().unwrap()))
    }

    fn wait(&self) -> Result<(), Trouble> {
        Context::current().cancelled().recv().unwrap_err();
        Ok(())
    }
}

struct Stand {
    server: Server,
    clerk: Arc<Clerk>,
    client: Client,
}

fn stand() -> Stand {
    let lag = Lag { items: 10_000, ..Lag::default() };
    let clerk = Arc::new(Clerk { news: Mutex::new(Broadcast::with_lag(lag)) });
    let server = Server::builder().service(NotesService::new(clerk.clone())).bind("127.0.0.1:0").unwrap();
    let client = Client::connect(server.address().to_string()).with_deadline(SOON);
    Stand { server, clerk, client }
}

impl Stand {
    fn typed(&self) -> NotesClient {
        NotesClient::new(self.client.with_encoding(Encoding::Json))
    }

    fn json(&self) -> JsonClient {
        self.client.json()
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// The sentence of a status that refuses a call, which did not run.
#[track_caller]
fn refused(outcome: Result<Json, JsonError>) -> String {
    match outcome {
        Err(JsonError::Status(status)) => {
            assert_eq!((status.code(), status.may_have_run()), (Code::InvalidArgument, false));
            status.message().to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_typed_stub_calls_in_json_as_it_does_in_bincode() {
    let stand = stand();
    let notes = stand.typed();
    let note = Note { words: "a-b".to_owned(), seal: Bytes::from(vec![0, 255]) };
    assert_eq!(notes.join(words(&["a", "b"]), Some("-".to_owned())), Ok(note));
    assert_eq!(notes.join(vec![], None), Err(Trouble::Empty));
    assert_eq!(notes.none(), Ok(()));
    assert_eq!(notes.start().r#type(7).wait(), Ok(7));
    let counted: Result<Vec<u32>, Status> = notes.count(1000).unwrap().collect();
    assert_eq!(counted.unwrap(), (0..1000).collect::<Vec<_>>());
    assert_eq!(notes.sum(1, Stream::from_iter(0..1000)), Ok(499_501));
    let shouted: Result<Vec<String>, Status> =
        notes.shout(Stream::from_iter(words(&["a\nb", "ç"]))).unwrap().collect();
    assert_eq!(shouted.unwrap(), words(&["A\nB", "Ç"]));
}

#[test]
fn calls_of_both_encodings_share_a_connection() {
    let stand = stand();
    let (bincode, json) = (NotesClient::new(stand.client.clone()), stand.typed());
    for round in 0..10 {
        assert_eq!(bincode.r#type(round), Ok(round));
        assert_eq!(json.r#type(round), Ok(round));
    }
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn a_procedure_is_called_by_name_with_json_in_and_out() {
    let stand = stand();
    let json = stand.json();
    let note = json.call("join", r#"{"between":" ","words":["a","b"]}"#).unwrap();
    assert_eq!(note.as_str(), r#"{"words":"a b","seal":[0,255]}"#);
    assert_eq!(
        json.call("join", r#" [["a","b"], null] "#).unwrap().as_str(),
        r#"{"words":"ab","seal":[0,255]}"#
    );
    assert_eq!(json.call("join", r#"{"words":[]}"#), Err(JsonError::Failed("\"Empty\"".parse().unwrap())));
    assert_eq!(json.call("type", r#"{"type":7}"#).unwrap().as_str(), "7");
    for none in ["", "{}", "[]", "null"] {
        assert_eq!(json.call("none", none).unwrap().as_str(), "null");
    }
    assert_eq!(json.start("none", "").unwrap().wait().unwrap().as_str(), "null");
}

#[test]
fn streams_go_by_name_too() {
    let stand = stand();
    let json = stand.json();
    let counted = json.call_for_stream("count", r#"{"to":3}"#).unwrap();
    assert_eq!(counted.map(|item| item.unwrap().to_string()).collect::<Vec<_>>(), ["0", "1", "2"]);
    let refused = json.call_for_stream("count", "[0]").unwrap_err();
    assert_eq!(refused, JsonError::Failed("\"Empty\"".parse().unwrap()));
    let numbers = ["1", " 2 ", "18446744073709551000"].map(|text| text.parse::<Json>().unwrap());
    let sum = json.call_with_stream("sum", r#"{"start":4}"#, Stream::from_iter(numbers)).unwrap();
    assert_eq!(sum.as_str(), "18446744073709551007");
    let said = Stream::from_iter([r#""a""#.parse::<Json>().unwrap()]);
    let mut shouted = json.call_with_streams("shout", "", said).unwrap();
    assert_eq!(shouted.next().unwrap().unwrap().as_str(), "\"A\"");
    assert!(shouted.next().is_none());
}

#[test]
fn what_a_broadcast_sends_is_written_for_each_subscriber_as_he_wants_it() {
    let stand = stand();
    let (mut json, mut typed) =
        (stand.json().call_for_stream("news", "").unwrap(), stand.typed().news().unwrap());
    let mut bincode = NotesClient::new(stand.client.clone()).news().unwrap();
    let note = |number: u32| Note { words: format!("\n{number}"), seal: Bytes::default() };
    let news = std::mem::take(&mut *stand.clerk.news.lock().unwrap());
    for number in 0..2000 {
        news.send(&note(number)).unwrap();
    }
    news.send(&Note { words: "x".repeat(100_000), seal: Bytes::from(vec![255; 100_000]) }).unwrap();
    drop(news);
    for number in 0..2000 {
        let text = format!(r#"{{"words":"\n{number}","seal":[]}}"#);
        assert_eq!(json.next().unwrap().unwrap().as_str(), text);
        assert_eq!(typed.next().unwrap().unwrap(), note(number));
        assert_eq!(bincode.next().unwrap().unwrap(), note(number));
    }
    assert!(json.next().unwrap().unwrap().as_str().len() > 500_000);
    assert_eq!(typed.next().unwrap().unwrap(), bincode.next().unwrap().unwrap());
    assert!(json.next().is_none() && typed.next().is_none() && bincode.next().is_none());
}

#[test]
fn arguments_that_are_wrong_are_refused_with_the_right_names() {
    let stand = stand();
    let json = stand.json();
    let sentence = refused(json.call("join", r#"{"word":["a"]}"#));
    assert!(sentence.contains("no argument \"word\"; the arguments are words, between"), "{sentence}");
    let sentence = refused(json.call("join", "{}"));
    assert!(sentence.contains("\"words\" is missing; the arguments are words, between"), "{sentence}");
    let sentence = refused(json.call("type", r#"{"type":256}"#));
    assert!(sentence.contains("the argument \"type\": invalid value: integer `256`"), "{sentence}");
    let sentence = refused(json.call_with_stream("sum", r#"{"numbers":[]}"#, Stream::from_iter([])));
    assert!(sentence.contains("no argument \"numbers\"; the arguments are start"), "{sentence}");
    refused(json.call("none", r#"{"a":1}"#));
}

#[test]
fn arguments_that_are_no_json_are_refused_before_they_are_sent() {
    let stand = stand();
    let sentence = refused(stand.json().call("none", "{"));
    assert!(sentence.contains("this is not a JSON document"), "{sentence}");
    refused(stand.json().call("", "{}"));
    assert_eq!(stand.server.connections(), 0);
}

#[test]
fn deadlines_metadata_and_limits_hold_as_in_any_call() {
    let stand = stand();
    let who = stand.client.with_metadata("who", "ana").json();
    assert_eq!(who.call("who", "").unwrap().as_str(), "[97,110,97]");
    let hasty = stand.client.with_deadline(Duration::from_millis(20)).json();
    let JsonError::Status(late) = hasty.call("wait", "").unwrap_err() else { panic!("no status") };
    assert_eq!(late.code(), Code::DeadlineExceeded);
    let small = stand.client.with_limits(Limits { frame: 65_536, ..Limits::default() }).json();
    let JsonError::Status(large) = small.call("large", "[70000]").unwrap_err() else { panic!("no status") };
    assert_eq!(large.code(), Code::ResourceExhausted);
    assert_eq!(small.call("type", "[1]").unwrap().as_str(), "1");
}

#[test]
fn an_encoding_that_nobody_knows_is_unimplemented_and_the_connection_lives() {
    use std::io::{Read, Write};
    let stand = stand();
    let mut peer = TcpStream::connect(stand.server.address()).unwrap();
    peer.set_read_timeout(Some(SOON)).unwrap();
    peer.write_all(b"\xf1RPC\x18\0\x01\x01\0\0\0\0\0\0\x80\0\0\0\0\0\x40\0\0\0").unwrap();
    peer.write_all(b"\x0b\0\0\0\0\x01\x04none\0\x02\0{\x0b\0\0\0\0\x02\x04none\0\x01\0{").unwrap();
    let mut said = [0; 24 + 4];
    peer.read_exact(&mut said).unwrap();
    let mut reply = vec![0; said[24].into()];
    peer.read_exact(&mut reply).unwrap();
    assert_eq!(reply[..5], [1, 1, 2, 12, 0]);
    assert!(String::from_utf8_lossy(&reply).contains("encoding 2 is not known; 0 is bincode, 1 is JSON"));
}
