//! What gRPC's interoperability document lists as to do or postponed, under its own names.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use rpc_core::limits::{METADATA_BYTES, METADATA_ENTRIES};
use rpc_core::{Code, Context, Limits, Pending, Status, Stream, TrySendError, stream};

use crate::lab::{Lab, SOON, Stage, Transport, eventually};
use crate::message::{Status as Refusal, bytes, frame, response, text, varint};
use crate::peer::{FRAME, Peer};
use crate::service::{Request, Response, TestService as _, TestServiceClient};

cases! {
    thousands_of_simultaneous_calls_on_one_channel,
    thousands_of_simultaneous_calls_on_different_channels,
    thousands_of_calls_time_out_at_once,
    cancel_before_start,
    cancel_after_sent_first_message,
    cancel_after_received_headers,
    timeout_but_completed_before_expire,
    pushback_at_client_for_large_messages,
    pushback_at_server_for_large_messages,
    going_over_max_concurrent_streams_does_not_fail,
    large_amount_of_headers,
    server_responds_before_client_sends,
    resilience_to_buggy_servers,
}

cases_by_address! {
    reconnect_after_transport_failure,
}

/// So many bytes more than a call's number come back, so that answers that were mixed up are seen.
const MARGIN: usize = 7;

#[track_caller]
fn answered_in_turn(pending: Vec<Pending<Response, Status>>) {
    for (number, answer) in pending.into_iter().enumerate() {
        assert_eq!(answer.wait().unwrap().payload.len(), number + MARGIN);
    }
}

fn start_calls(client: &TestServiceClient, calls: usize) -> Vec<Pending<Response, Status>> {
    let client = client.start();
    (0..calls).map(|number| client.unary_call(Request::default().wants(number + MARGIN))).collect()
}

fn thousands_of_simultaneous_calls_on_one_channel(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| answered_in_turn(start_calls(&client, 1_000)));
        }
    });
    assert_eq!((lab.begun(), lab.host.server.connections()), (4_000, 1));
}

fn thousands_of_simultaneous_calls_on_different_channels(transport: Transport) {
    let lab = Lab::new(transport);
    let clients: Vec<_> = (0..100).map(|_| lab.client()).collect();
    let pending: Vec<_> = clients.iter().map(|client| start_calls(client, 20)).collect();
    pending.into_iter().for_each(answered_in_turn);
    assert_eq!((lab.begun(), lab.host.server.connections()), (2_000, 100));
}

fn thousands_of_calls_time_out_at_once(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    let begun = Instant::now();
    let hurried = Context::background().with_deadline(begun + Duration::from_millis(200));
    let start = || client.start().unary_call(Request::default().at_the_gate());
    let pending: Vec<_> = hurried.scope(|| (0..2_000).map(|_| start()).collect());
    for answer in pending {
        assert_eq!(answer.wait().unwrap_err().code(), Code::DeadlineExceeded);
    }
    assert!(begun.elapsed() < SOON);
    assert_eq!(client.empty_call(), Ok(()));
    assert_eq!(lab.host.server.connections(), 1);
    assert_eq!(lab.host.server.shutdown(SOON), Ok(()));
}

fn cancel_before_start(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let over = Context::background().with_deadline(Instant::now());
    for call in [TestServiceClient::empty_call, |client: &TestServiceClient| {
        client.full_duplex_call(Request::default(), Stream::from_iter([])).map(drop)
    }] {
        let refused = over.scope(|| call(&client)).unwrap_err();
        assert_eq!((refused.code(), refused.may_have_run()), (Code::DeadlineExceeded, false));
    }
    assert_eq!(lab.begun(), 0);
    drop(client.start().unary_call(Request::default().at_the_gate()));
    assert_eq!(client.empty_call(), Ok(()));
}

fn cancel_after_sent_first_message(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    sink.send(Request::of(271_828).at_the_gate()).unwrap();
    lab.hear_at_the_gate("full_duplex_call");
    drop(responses);
    lab.hear_cancelled("full_duplex_call");
    assert_eq!(sink.send(Request::default()).unwrap_err().code(), Code::Cancelled);
    assert_eq!(client.empty_call(), Ok(()));
}

fn cancel_after_received_headers(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let responses = client.streaming_output_call(Request::default().at_the_gate().wants(9)).unwrap();
    lab.hear_at_the_gate("streaming_output_call");
    drop(responses);
    lab.hear_cancelled("streaming_output_call");
    lab.hear_gone("streaming_output_call");
    assert_eq!((lab.made(), client.empty_call()), (0, Ok(())));
}

fn timeout_but_completed_before_expire(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client().with_deadline(SOON);
    let request = || Request::default().wants_after(Duration::from_millis(10), 9);
    assert_eq!(client.unary_call(request()).unwrap().payload.len(), 9);
    let requests = Stream::from_iter([request(), request()]);
    let responses = client.full_duplex_call(request(), requests).unwrap();
    assert_eq!(responses.map(Result::unwrap).count(), 3);
}

/// Items of this size use more credit than one.
const LARGE_ITEM: usize = 64 << 10;

fn pushback_at_client_for_large_messages(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let (sent, total) = std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.streaming_input_call(requests));
        sink.send(Request::default().at_the_gate()).unwrap();
        lab.hear_at_the_gate("streaming_input_call");
        let mut sent = 0;
        let status = loop {
            match sink.try_send(Request::of(LARGE_ITEM)) {
                Ok(()) => sent += 1,
                Err(why) => break why,
            }
            assert!(sent < 200, "nothing pushes back");
        };
        assert!(matches!(status, TrySendError::Full(_)), "{status:?}");
        assert_eq!(client.empty_call(), Ok(()), "the pushback is the stream's only");
        lab.open_gate(1);
        drop(sink);
        (sent, calling.join().unwrap().unwrap())
    });
    assert_eq!(total.payload_size, sent * LARGE_ITEM);
}

fn pushback_at_server_for_large_messages(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let request = (0..300).fold(Request::default(), |request, _| request.wants(LARGE_ITEM));
    let responses = client.streaming_output_call(request).unwrap();
    // The first of them are on their way unasked; that nobody takes them stops the rest.
    eventually(&true, || lab.made() > 32);
    for _ in 0..20 {
        assert_eq!(client.empty_call(), Ok(()));
    }
    assert!(lab.made() < 200, "{} were made for a consumer that takes none", lab.made());
    assert_eq!(responses.map(|response| response.unwrap().payload.len()).sum::<usize>(), 300 * LARGE_ITEM);
}

fn going_over_max_concurrent_streams_does_not_fail(transport: Transport) {
    let lab = Lab::limited(transport, Limits { calls_in_flight: 2, ..Limits::default() });
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..10).map(|_| scope.spawn(|| client.unary_call(Request::default().at_the_gate()))).collect();
        (0..2).for_each(|_| lab.hear_at_the_gate("unary_call"));
        // Each that leaves makes room for one: never are more than two begun and not let through.
        for through in 0..8 {
            assert_eq!(lab.begun(), 3 + through);
            lab.open_gate(1);
            lab.hear_at_the_gate("unary_call");
        }
        assert_eq!(lab.begun(), 11);
        lab.open_gate(2);
        calls.into_iter().for_each(|call| drop(call.join().unwrap().unwrap()));
    });
}

/// A call with one pair of metadata.
fn call_with(key: &str, value: &[u8]) -> Vec<u8> {
    frame(&[&[0, 1], &text("empty_call"), &[0, 0, 1], &text(key), &bytes(value)])
}

fn large_amount_of_headers(transport: Transport) {
    let lab = Lab::new(transport);
    let client = |bytes: usize| lab.client().with_metadata("x", vec![b'X'; bytes - 1]);
    let told = client(METADATA_BYTES).unary_call(Request::default().telling()).unwrap();
    let metadata = told.surroundings.unwrap().metadata;
    assert_eq!((metadata.len(), metadata[0].1.len()), (1, METADATA_BYTES - 1));
    let refused = client(METADATA_BYTES + 1).empty_call().unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::InvalidArgument, false));
    let mut peer = lab.host.peer();
    peer.say(&call_with("x", &[b'X'; 63 << 10]));
    let refusal = peer.hear_frame();
    assert_eq!(refusal[..5], [1, 1, 2, u8::from(Code::InvalidArgument), 0]);
    let pairs =
        |count: usize| (0..count).map(|_| [text("x"), bytes(b"X")].concat()).collect::<Vec<_>>().concat();
    for (id, count, outcome) in [(2, METADATA_ENTRIES, 0), (3, METADATA_ENTRIES + 1, 2)] {
        let count_text = varint(u64::try_from(count).unwrap());
        peer.say(&frame(&[&[0, id], &text("empty_call"), &[0, 0], &count_text, &pairs(count)]));
        assert_eq!(peer.hear_frame()[..3], [1, id, outcome]);
    }
    assert_eq!(lab.begun(), 2);
}

fn server_responds_before_client_sends(transport: Transport) {
    let lab = Lab::new(transport);
    let (sink, requests) = stream();
    let mut responses = lab.client().full_duplex_call(Request::default().wants(9), requests).unwrap();
    assert_eq!(responses.next().unwrap().unwrap().payload.len(), 9);
    sink.send(Request::default().wants(10)).unwrap();
    assert_eq!(responses.next().unwrap().unwrap().payload.len(), 10);
    drop(sink);
    assert_eq!(responses.next(), None);
}

/// What a server says to its first call that ends the connection, and that call.
const FATAL: [&[u8]; 9] = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x02\0\0\0\x09\0",
    b"\x01\0\0\0\x05",
    b"\x03\0\0\0\x01\x01\x03",
    b"\x07\0\0\0\x01\x01\x02\x05\x02\0\0",
    b"\x08\0\0\0\x01\x01\x02\x05\0\x01\xff\0",
    b"\x07\0\0\0\0\x01\x01a\0\0\0",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
];

/// What a server may say without need: replies to other calls, a stream's messages for a call without one, pings.
const HARMLESS: [&[u8]; 8] = [
    b"\x03\0\0\0\x01\x63\0",
    b"\x04\0\0\0\x02\x01\x01\x07",
    b"\x04\0\0\0\x02\x63\x01\x07",
    b"\x03\0\0\0\x03\x01\0",
    b"\x03\0\0\0\x04\x01\x40",
    b"\x02\0\0\0\x05\x01",
    b"\x02\0\0\0\x06\x07",
    b"\x02\0\0\0\x07\x07",
];

/// How a call ends whose server is played by `script`, and a second one behind it.
#[track_caller]
fn played<const CALLS: usize>(
    transport: Transport,
    script: impl FnOnce(&mut Peer) + Send,
) -> [Result<Response, Status>; CALLS] {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| [(); CALLS].map(|()| client.unary_call(Request::of(9))));
        script(&mut stage.accept());
        calling.join().unwrap()
    })
}

fn resilience_to_buggy_servers(transport: Transport) {
    for bytes in FATAL {
        let [end] = played(transport, |server| {
            server.greet_client();
            server.hear_call();
            server.say(bytes);
            server.hear_out();
        });
        let lost = end.unwrap_err();
        assert_eq!((lost.code(), lost.may_have_run()), (Code::Unavailable, true), "{bytes:?}");
    }
    let [stranger] = played(transport, |server| {
        server.hear_preface();
        server.say(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        server.hear_out();
    });
    assert!(stranger.unwrap_err().message().contains("HTTP"));
    let [first, second] = played(transport, |server| {
        server.greet_client();
        let first = server.hear_call();
        HARMLESS.iter().for_each(|bytes| server.say(bytes));
        server.reply(first.id, &response(9));
        server.reply(first.id, &response(10));
        let second = server.hear_call();
        server.reply(second.id, &response(11));
    });
    assert_eq!((first.unwrap().payload.len(), second.unwrap().payload.len()), (9, 11));
    let [garbled, fine] = played(transport, |server| {
        server.greet_client_with(FRAME, 1);
        let first = server.hear_call();
        server.reply(first.id, b"\xff\xff");
        let second = server.hear_call();
        server.refuse(second.id, &Refusal { code: Code::Aborted, may_have_run: true, message: "" });
    });
    assert_eq!(garbled.unwrap_err().code(), Code::Internal);
    assert_eq!(fine.unwrap_err().code(), Code::Aborted);
}

fn reconnect_after_transport_failure(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let lost = client.unary_call(Request::of(9));
            // A loss that comes together with an answer may be found by the next call, which is then repeated.
            [lost, client.repeatable_call(Request::of(9)), client.repeatable_call(Request::of(9))]
        });
        let mut server = stage.greeted();
        server.hear_call();
        server.shut_down(Shutdown::Both);
        for size in [10, 11] {
            let mut server = stage.greeted();
            let call = server.hear_call();
            assert_eq!(call.id, 1);
            server.reply(call.id, &response(size));
            server.shut_down(Shutdown::Both);
        }
        let [lost, first, second] = calling.join().unwrap();
        assert_eq!(lost.unwrap_err().code(), Code::Unavailable);
        assert_eq!((first.unwrap().payload.len(), second.unwrap().payload.len()), (10, 11));
    });
}
