//! gRPC's interoperability cases (`doc/interop-test-descriptions.md`), with its sizes and texts.

use std::time::Duration;

use rpc_core::service::{Kind, Procedure};
use rpc_core::{Bytes, Code, Sink, Status, Stream, TrySendError, stream};

use crate::lab::{Lab, SOON, Stage, Transport};
use crate::service::{Request, Response, Surroundings, TestService as _, TestServiceClient};

cases! {
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    custom_metadata,
    status_code_and_message,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
    cancel_after_begin,
    cancel_after_first_response,
    timeout_on_sleeping_server,
    concurrent_large_unary,
    flow_control_pushback,
    rpc_soak,
    channel_soak,
    long_lived_channel,
}

/// Bytes of a large request and of its response.
pub(crate) const LARGE: (usize, usize) = (271_828, 314_159);

/// Bytes of the payloads that a client streams, and of those that a server does.
const CLIENT_SIZES: [usize; 4] = [27_182, 8, 1_828, 45_904];
const SERVER_SIZES: [usize; 4] = [31_415, 9, 2_653, 58_979];

#[track_caller]
fn sent(sink: &Sink<Request>, request: Request) {
    assert_eq!(sink.send(request), Ok(()));
}

#[track_caller]
fn next_size(responses: &mut Stream<Response>) -> usize {
    responses.next().unwrap().unwrap().payload.len()
}

#[track_caller]
pub(crate) fn call_large(client: &TestServiceClient) {
    let response = client.unary_call(Request::of(LARGE.0).wants(LARGE.1)).unwrap();
    assert!(*response.payload == [0; LARGE.1]);
}

fn empty_unary(transport: Transport) {
    let lab = Lab::new(transport);
    assert_eq!(lab.client().empty_call(), Ok(()));
    let mut peer = lab.host.peer();
    peer.call(1, "empty_call", &[]);
    peer.hear_is(&[1, 1, 0]);
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.empty_call());
        let mut server = stage.greeted();
        let call = server.hear_call();
        assert_eq!((call.procedure.as_str(), call.payload.len()), ("empty_call", 0));
        server.reply(call.id, &[]);
        assert_eq!(calling.join().unwrap(), Ok(()));
    });
}

fn large_unary(transport: Transport) {
    call_large(&Lab::new(transport).client());
}

fn client_streaming(transport: Transport) {
    let requests = Stream::from_iter(CLIENT_SIZES.map(Request::of));
    let total = Lab::new(transport).client().streaming_input_call(requests).unwrap();
    assert_eq!((total.requests, total.payload_size), (4, 74_922));
}

fn server_streaming(transport: Transport) {
    let request = SERVER_SIZES.into_iter().fold(Request::default(), Request::wants);
    let lab = Lab::new(transport);
    let responses = lab.client().streaming_output_call(request).unwrap();
    let sizes: Vec<usize> = responses.map(|response| response.unwrap().payload.len()).collect();
    assert_eq!(sizes, SERVER_SIZES);
}

fn ping_pong(transport: Transport) {
    let lab = Lab::new(transport);
    let (sink, requests) = stream();
    let mut responses = lab.client().full_duplex_call(Request::default(), requests).unwrap();
    for (request, response) in CLIENT_SIZES.into_iter().zip(SERVER_SIZES) {
        sent(&sink, Request::of(request).wants(response));
        assert_eq!(next_size(&mut responses), response);
    }
    drop(sink);
    assert_eq!(responses.next(), None);
}

fn empty_stream(transport: Transport) {
    let lab = Lab::new(transport);
    let none = Stream::from_iter(Vec::new());
    let mut responses = lab.client().full_duplex_call(Request::default(), none).unwrap();
    assert_eq!(responses.next(), None);
}

fn custom_metadata(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab
        .client()
        .with_metadata("x-grpc-test-echo-initial", "test_initial_metadata_value")
        .with_metadata("x-grpc-test-echo-trailing-bin", [0xab; 3]);
    let expected = [
        ("x-grpc-test-echo-initial".to_owned(), Bytes::from(&b"test_initial_metadata_value"[..])),
        ("x-grpc-test-echo-trailing-bin".to_owned(), Bytes::from(&[0xab; 3][..])),
    ];
    let request = || Request::of(LARGE.0).wants(LARGE.1).telling();
    let seen = |response: Response| response.surroundings.map(|Surroundings { metadata, .. }| metadata);
    let unary = client.unary_call(request()).unwrap();
    assert_eq!(seen(unary).unwrap(), expected);
    let requests = Stream::from_iter([request()]);
    let mut responses = client.full_duplex_call(Request::default(), requests).unwrap();
    assert_eq!(seen(responses.next().unwrap().unwrap()).unwrap(), expected);
    assert_eq!(responses.next(), None);
}

/// The status comes back as it was asked for, from a unary call and behind a stream.
#[track_caller]
fn check_status(transport: Transport, message: &str) {
    let lab = Lab::new(transport);
    let request = || Request::default().then_fails(Status::unknown(message));
    let refused = lab.client().unary_call(request()).unwrap_err();
    assert_eq!((u8::from(refused.code()), refused.message()), (2, message));
    let requests = Stream::from_iter([request()]);
    let mut responses = lab.client().full_duplex_call(Request::default(), requests).unwrap();
    assert_eq!(responses.next(), Some(Err(refused)));
    assert_eq!(responses.next(), None);
}

fn status_code_and_message(transport: Transport) {
    check_status(transport, "test status message");
}

fn special_status_message(transport: Transport) {
    check_status(transport, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n");
}

/// A call of a procedure that the server does not have is refused, and the channel goes on.
#[track_caller]
fn check_unimplemented(transport: Transport, procedure: &'static Procedure) {
    let lab = Lab::new(transport);
    let client = lab.host.client();
    let refused = client.call::<(), (), Status>(procedure, &()).unwrap_err();
    assert_eq!((u8::from(refused.code()), refused.may_have_run()), (12, false));
    assert!(refused.message().contains(procedure.name), "{refused}");
    assert_eq!(TestServiceClient::new(client).empty_call(), Ok(()));
}

const fn unknown(name: &'static str) -> Procedure {
    Procedure::new(name, Kind::Unary)
}

fn unimplemented_method(transport: Transport) {
    static METHOD: Procedure = unknown("unimplemented_call");
    check_unimplemented(transport, &METHOD);
}

fn unimplemented_service(transport: Transport) {
    static SERVICE: Procedure = unknown("unimplemented_service.unimplemented_call");
    check_unimplemented(transport, &SERVICE);
}

fn cancel_after_begin(transport: Transport) {
    let lab = Lab::new(transport);
    let (_sink, requests) = stream();
    drop(lab.client().full_duplex_call(Request::default(), requests).unwrap());
    assert_eq!(lab.hear_broken().code(), Code::Cancelled);
    assert_eq!(lab.client().empty_call(), Ok(()));
}

fn cancel_after_first_response(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let mut responses = client.full_duplex_call(Request::default(), requests).unwrap();
    sent(&sink, Request::of(27_182).wants(31_415));
    assert_eq!(next_size(&mut responses), 31_415);
    drop(responses);
    assert_eq!(sink.send(Request::default()).unwrap_err().code(), Code::Cancelled);
    assert_eq!(lab.hear_broken().code(), Code::Cancelled);
    assert_eq!(client.empty_call(), Ok(()));
}

fn timeout_on_sleeping_server(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    let (sink, requests) = stream();
    sink.try_send(Request::of(27_182)).unwrap();
    let hurried = client.with_deadline(Duration::from_millis(1));
    let late = match hurried.full_duplex_call(Request::default(), requests) {
        Ok(mut responses) => responses.next().unwrap().unwrap_err(),
        Err(status) => status,
    };
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert_eq!(client.empty_call(), Ok(()));
}

fn concurrent_large_unary(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| (0..10).for_each(|_| call_large(&client)));
        }
    });
    assert_eq!((lab.begun(), lab.host.server.connections()), (1_000, 1));
}

fn flow_control_pushback(transport: Transport) {
    let lab = Lab::new(transport);
    let (sink, requests) = stream();
    let client = lab.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.streaming_input_call(requests));
        sent(&sink, Request::default().at_the_gate());
        lab.hear_at_the_gate("streaming_input_call");
        let mut sent = 1;
        let refused = loop {
            match sink.try_send(Request::of(1024)) {
                Ok(()) => sent += 1,
                Err(TrySendError::Full(request)) => break request,
                Err(TrySendError::Over(status)) => panic!("{status}"),
            }
            assert!(sent < 1_000, "nothing pushes back");
        };
        lab.open_gate(1);
        assert_eq!(sink.send(refused), Ok(()));
        drop(sink);
        let total = calling.join().unwrap().unwrap();
        assert_eq!((total.requests, total.payload_size), (sent + 1, 1024 * sent as usize));
    });
}

fn rpc_soak(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    (0..50).for_each(|_| call_large(&client));
    assert_eq!(lab.host.server.connections(), 1);
}

fn channel_soak(transport: Transport) {
    let lab = Lab::new(transport);
    for _ in 0..50 {
        call_large(&lab.client());
    }
    crate::lab::eventually(&0, || lab.host.server.connections());
}

fn long_lived_channel(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let interval = crossbeam_channel::tick(Duration::from_millis(20));
    for _ in 0..10 {
        interval.recv_timeout(SOON).unwrap();
        call_large(&client);
        assert_eq!(lab.host.server.connections(), 1);
    }
    assert_eq!(lab.begun(), 10);
}
