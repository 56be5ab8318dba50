//! Traces that go from caller to callee, as spans show them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "traces/recorder.rs"]
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::layers::{TraceContext, Tracing};
use rpc_core::{Client, Context, Server, Status, Stream};

use self::recorder::Recorder;

#[rpc_core::service]
trait Relay {
    /// Asks the next one, if there is one, and says what its `tracestate` is.
    fn ask(&self) -> Result<Option<String>, Status>;
    fn fail(&self) -> Result<(), Status>;
    fn burst(&self) -> Result<(), Status>;
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    fn bytes_of_metadata(&self) -> Result<usize, Status>;
}

struct Station(Option<RelayClient>);

impl Relay for Station {
    fn ask(&self) -> Result<Option<String>, Status> {
        let own = Context::current().value::<TraceContext>().unwrap();
        match &self.0 {
            Some(next) => next.ask(),
            None => Ok(own.state().map(str::to_owned)),
        }
    }

    fn fail(&self) -> Result<(), Status> {
        Err(Status::not_found("nothing here"))
    }

    fn burst(&self) -> Result<(), Status> {
        panic!("on purpose")
    }

    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn bytes_of_metadata(&self) -> Result<usize, Status> {
        Ok(Context::current().metadata().iter().map(|(key, value)| key.len() + value.len()).sum())
    }
}

const SOON: Duration = Duration::from_secs(10);

fn server(next: Option<RelayClient>) -> Server {
    let service = RelayService::new(Arc::new(Station(next)));
    Server::builder().layer(Tracing::new()).service(service).bind("127.0.0.1:0").unwrap()
}

fn client(server: &Server) -> Client {
    Client::connect(server.address().to_string()).with_deadline(SOON)
}

fn relay(server: &Server) -> RelayClient {
    RelayClient::new(client(server).with_layer(Tracing::new()))
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A trace of this test's own.
fn parent(number: u8) -> (TraceContext, String) {
    let text = PARENT.replace("0af7", &format!("{number:04x}"));
    let parent = TraceContext::parse(text.as_bytes()).unwrap();
    let trace = parent.trace_id();
    (parent, trace)
}

#[test]
fn a_trace_goes_on_from_caller_to_callee_and_through_nested_calls() {
    let recorder = Recorder::of_this_process();
    let last = server(None);
    let first = server(Some(relay(&last)));
    let (parent, trace) = parent(1);
    Context::background().with_value(parent).scope(|| relay(&first).ask()).unwrap();
    let spans = recorder.closed(&trace, 4);
    let mut above = "b7ad6b7169203331".to_owned();
    for side in ["client", "server", "client", "server"] {
        let span = spans.iter().find(|span| span.field("parent") == above).unwrap();
        assert_eq!((span.field("side"), span.field("procedure")), (side, "ask"));
        assert_eq!(span.field("code"), "ok");
        assert_eq!(span.has("peer"), side == "server");
        span.field("microseconds").parse::<u64>().unwrap();
        above = span.field("span").to_owned();
    }
}

#[test]
fn a_call_of_no_trace_begins_one() {
    let recorder = Recorder::of_this_process();
    let server = server(None);
    relay(&server).fail().unwrap_err();
    let root = recorder.find(|span| span.field("procedure") == "fail" && span.field("side") == "client");
    assert!(!root.has("parent"));
    assert_eq!(root.field("code"), "failed");
    let spans = recorder.closed(root.field("trace"), 2);
    assert!(spans.iter().any(|span| span.has("parent") && span.field("parent") == root.field("span")));
}

#[test]
fn the_span_of_a_stream_ends_with_it() {
    let recorder = Recorder::of_this_process();
    let server = server(None);
    let (parent, trace) = parent(3);
    let context = Context::background().with_value(parent);
    let relay = relay(&server);
    let mut items = context.scope(|| relay.count(1000)).unwrap();
    items.next().unwrap().unwrap();
    assert!(recorder.all(&trace).iter().all(|span| span.field("side") == "server" || !span.has("code")));
    drop(items);
    let spans = recorder.closed(&trace, 2);
    assert!(spans.iter().all(|span| ["Cancelled", "ok"].contains(&span.field("code"))), "{spans:?}");
}

#[test]
fn a_panic_closes_the_spans_of_its_call() {
    let recorder = Recorder::of_this_process();
    let server = server(None);
    let (parent, trace) = parent(4);
    Context::background().with_value(parent).scope(|| relay(&server).burst()).unwrap_err();
    let spans = recorder.closed(&trace, 2);
    assert!(spans.iter().all(|span| span.field("code") == "Internal"), "{spans:?}");
}

#[test]
fn what_others_say_of_a_trace_is_passed_on() {
    let last = server(None);
    let first = server(Some(relay(&last)));
    let client = client(&first).with_metadata("traceparent", PARENT).with_metadata("tracestate", "a=1,b=2");
    assert_eq!(RelayClient::new(client.clone()).ask(), Ok(Some("a=1,b=2".to_owned())));
    let bad = RelayClient::new(client.with_metadata("tracestate", "A=1"));
    assert_eq!(bad.ask(), Ok(None));
}

#[test]
fn a_hostile_traceparent_costs_the_trace_and_not_the_call() {
    let recorder = Recorder::of_this_process();
    let server = server(None);
    for (number, hostile) in [&b""[..], b"\xff\xfe", &[b'0'; 16_000], b"00-0-0-0"].into_iter().enumerate() {
        let items = 9000 + u64::try_from(number).unwrap();
        let client = client(&server).with_metadata("traceparent", hostile);
        assert_eq!(RelayClient::new(client).count(items).unwrap().count(), usize::try_from(items).unwrap());
    }
    let orphans = || {
        recorder.spans().into_iter().filter(|span| span.field("procedure") == "count" && !span.has("parent"))
    };
    assert!(orphans().count() >= 4);
}

#[test]
fn a_call_whose_metadata_is_full_goes_without_its_trace() {
    let server = server(None);
    let full = vec![7; 16_384 - 1];
    let client = client(&server).with_metadata("k", full).with_layer(Tracing::new());
    assert_eq!(RelayClient::new(client).bytes_of_metadata(), Ok(16_384));
}
