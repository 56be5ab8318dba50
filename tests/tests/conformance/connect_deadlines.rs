//! Connect's "Timeouts" and "Deadline Propagation".

use std::time::Duration;

use rpc_core::{Code, Status, Stream, stream};

use crate::lab::{Lab, Transport};
use crate::service::{Request, Response, Surroundings, TestService as _, TestServiceClient};

cases! {
    timeout_unary,
    timeout_client_stream,
    timeout_server_stream,
    timeout_bidi_stream_full_duplex,
    timeout_bidi_stream_half_duplex,
    propagation_unary_success,
    propagation_client_stream_success,
    propagation_server_stream_success,
    propagation_bidi_stream_full_duplex_success,
}

/// A response that does not come within any test's time.
fn late() -> Request {
    Request::default().wants_after(Duration::from_secs(600), 16)
}

/// The call fails by its own time, the procedure is told of it, and the channel goes on. On a busy machine a short time may
/// be over before the procedure begins; then the call gets more.
#[track_caller]
fn check_late(
    transport: Transport,
    procedure: &str,
    call: impl Fn(&TestServiceClient) -> Result<(), Status>,
) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let told = |milliseconds| {
        let late = call(&client.with_deadline(Duration::from_millis(milliseconds))).unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
        late.may_have_run() && lab.hears_cancelled(procedure)
    };
    assert!([200, 2_000, 10_000].into_iter().any(told), "no {procedure} was told that its time is over");
    assert_eq!(client.empty_call(), Ok(()));
}

fn first(mut responses: Stream<Response>) -> Result<(), Status> {
    responses.next().unwrap().map(drop)
}

fn timeout_unary(transport: Transport) {
    check_late(transport, "unary_call", |client| client.unary_call(late()).map(drop));
}

fn timeout_client_stream(transport: Transport) {
    check_late(transport, "streaming_input_call", |client| {
        client.streaming_input_call(Stream::from_iter([Request::of(16), late()])).map(drop)
    });
}

fn timeout_server_stream(transport: Transport) {
    check_late(transport, "streaming_output_call", |client| first(client.streaming_output_call(late())?));
}

fn timeout_bidi_stream_full_duplex(transport: Transport) {
    check_late(transport, "full_duplex_call", |client| {
        let (sink, requests) = stream();
        let responses = client.full_duplex_call(Request::default(), requests)?;
        sink.send(late())?;
        let outcome = first(responses);
        // The call's time is also that of what it sends.
        assert!(sink.send(late()).is_err());
        outcome
    });
}

fn timeout_bidi_stream_half_duplex(transport: Transport) {
    check_late(transport, "half_duplex_call", |client| {
        first(client.half_duplex_call(Stream::from_iter([late(), Request::of(16)]))?)
    });
}

const GIVEN: Duration = Duration::from_secs(60);

/// The procedure has less time than its caller was given, and not much less.
#[track_caller]
fn check_told(surroundings: Option<Surroundings>) {
    let remaining = surroundings.unwrap().remaining.unwrap();
    assert!(remaining <= GIVEN && remaining > GIVEN / 2, "{remaining:?}");
}

fn client(lab: &Lab) -> TestServiceClient {
    lab.client().with_deadline(GIVEN)
}

fn propagation_unary_success(transport: Transport) {
    let lab = Lab::new(transport);
    check_told(client(&lab).unary_call(Request::default().telling()).unwrap().surroundings);
}

fn propagation_client_stream_success(transport: Transport) {
    let lab = Lab::new(transport);
    let requests = Stream::from_iter([Request::default().telling()]);
    check_told(client(&lab).streaming_input_call(requests).unwrap().surroundings);
}

fn propagation_server_stream_success(transport: Transport) {
    let lab = Lab::new(transport);
    let mut responses = client(&lab).streaming_output_call(Request::default().telling().wants(0)).unwrap();
    check_told(responses.next().unwrap().unwrap().surroundings);
}

fn propagation_bidi_stream_full_duplex_success(transport: Transport) {
    let lab = Lab::new(transport);
    let requests = Stream::from_iter([Request::default().telling().wants(0)]);
    let mut responses = client(&lab).full_duplex_call(Request::default(), requests).unwrap();
    check_told(responses.next().unwrap().unwrap().surroundings);
}
