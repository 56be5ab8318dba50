//! Connect's "Errors": every code from a unary call and from a server stream, with details, before and behind responses.
//!
//! What Connect sends as trailers travels here in the status' details.

use rpc_core::{Code, Status, Stream, stream};

use crate::lab::{Lab, Transport};
use crate::service::{Request, Response, TestService as _, TestServiceClient};

cases! {
    unary_error_with_metadata,
    unary_unicode_error_message,
    server_stream_error_with_metadata,
    server_stream_error_with_responses,
    server_stream_error_with_no_responses,
    client_stream_error_one_request,
    client_stream_error_with_metadata,
    client_stream_error_multiple_requests,
    bidi_stream_error_with_metadata,
    bidi_stream_full_duplex_error_with_responses,
    bidi_stream_full_duplex_error_no_responses,
    bidi_stream_half_duplex_error_with_responses,
    bidi_stream_half_duplex_error_with_no_responses,
}

/// A case for each code and each of the two kinds.
macro_rules! codes {
    ($($code:ident: $unary:ident, $server_stream:ident;)*) => {
        $(fn $unary(transport: Transport) {
            check_unary(transport, &Status::new(Code::$code, "unary failed"));
        }

        fn $server_stream(transport: Transport) {
            check_server_stream(transport, &Status::new(Code::$code, "server stream failed"), 0);
        })*

        mod codes {
            use super::{$($unary, $server_stream,)*};

            cases! { $($unary, $server_stream,)* }
        }

        const CODES: [Code; Code::ALL.len()] = [$(Code::$code,)*];
    };
}

codes! {
    Cancelled: unary_canceled, server_stream_canceled;
    Unknown: unary_unknown, server_stream_unknown;
    InvalidArgument: unary_invalid_argument, server_stream_invalid_argument;
    DeadlineExceeded: unary_deadline_exceeded, server_stream_deadline_exceeded;
    NotFound: unary_not_found, server_stream_not_found;
    AlreadyExists: unary_already_exists, server_stream_already_exists;
    PermissionDenied: unary_permission_denied, server_stream_permission_denied;
    ResourceExhausted: unary_resource_exhausted, server_stream_resource_exhausted;
    FailedPrecondition: unary_failed_precondition, server_stream_failed_precondition;
    Aborted: unary_aborted, server_stream_aborted;
    OutOfRange: unary_out_of_range, server_stream_out_of_range;
    Unimplemented: unary_unimplemented, server_stream_unimplemented;
    Internal: unary_internal, server_stream_internal;
    Unavailable: unary_unavailable, server_stream_unavailable;
    DataLoss: unary_data_loss, server_stream_data_loss;
    Unauthenticated: unary_unauthenticated, server_stream_unauthenticated;
}

/// How a call that answers with a stream ends: responses of 12 bytes, then the status.
#[track_caller]
fn check_stream(responses: Result<Stream<Response>, Status>, expected: &Status, before: usize) {
    let mut responses = responses.unwrap();
    for _ in 0..before {
        assert_eq!(responses.next().unwrap().unwrap().payload.len(), 12);
    }
    assert_eq!(responses.next(), Some(Err(expected.clone())));
    assert_eq!(responses.next(), None);
}

fn failing(status: &Status, before: usize) -> Request {
    let request = Request::default().then_fails(status.clone());
    (0..before).fold(request, |request, _| request.wants(12))
}

#[track_caller]
fn check_unary(transport: Transport, status: &Status) {
    assert_eq!(CODES, Code::ALL);
    let lab = Lab::new(transport);
    let client = lab.client();
    assert_eq!(client.unary_call(failing(status, 0)), Err(status.clone()));
    assert_eq!(client.empty_call(), Ok(()));
}

#[track_caller]
fn check_server_stream(transport: Transport, status: &Status, before: usize) {
    let lab = Lab::new(transport);
    let client = lab.client();
    check_stream(client.streaming_output_call(failing(status, before)), status, before);
    assert_eq!(client.empty_call(), Ok(()));
}

/// A call that takes a stream fails at the request that says so, or behind the last.
#[track_caller]
fn check_client_stream(transport: Transport, status: &Status, requests: Vec<Request>) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let outcome = client.streaming_input_call(Stream::from_iter(requests));
    assert_eq!(outcome, Err(status.clone()));
    assert_eq!(client.empty_call(), Ok(()));
}

type Bidirectional = fn(&TestServiceClient, Vec<Request>) -> Result<Stream<Response>, Status>;

fn full_duplex(client: &TestServiceClient, requests: Vec<Request>) -> Result<Stream<Response>, Status> {
    client.full_duplex_call(Request::default(), Stream::from_iter(requests))
}

fn half_duplex(client: &TestServiceClient, requests: Vec<Request>) -> Result<Stream<Response>, Status> {
    client.half_duplex_call(Stream::from_iter(requests))
}

#[track_caller]
fn check_bidi(transport: Transport, call: Bidirectional, status: &Status, before: usize) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let responses = call(&client, vec![failing(status, before), Request::of(12).wants(12)]);
    check_stream(responses, status, before);
    assert_eq!(client.empty_call(), Ok(()));
}

fn detailed(message: &str) -> Status {
    Status::internal(message).with_details(*b"\0details\xff")
}

fn unary_error_with_metadata(transport: Transport) {
    check_unary(transport, &detailed("unary failed"));
    check_unary(transport, &detailed("unary did not run").not_run());
}

fn unary_unicode_error_message(transport: Transport) {
    check_unary(transport, &Status::failed_precondition("bad ☺ and 😈, ŕéšúmé, 電, and a nul \0 too"));
}

fn server_stream_error_with_metadata(transport: Transport) {
    check_server_stream(transport, &detailed("server stream failed"), 0);
}

fn server_stream_error_with_responses(transport: Transport) {
    check_server_stream(transport, &Status::internal("server stream failed"), 1);
    check_server_stream(transport, &Status::internal("server stream failed"), 200);
}

fn server_stream_error_with_no_responses(transport: Transport) {
    check_server_stream(transport, &Status::internal("server stream failed"), 0);
}

fn client_stream_error_one_request(transport: Transport) {
    let status = Status::internal("client stream failed");
    check_client_stream(transport, &status, vec![failing(&status, 0)]);
}

fn client_stream_error_with_metadata(transport: Transport) {
    let status = detailed("client stream failed");
    check_client_stream(transport, &status, vec![failing(&status, 0)]);
}

fn client_stream_error_multiple_requests(transport: Transport) {
    let status = Status::internal("client stream failed");
    let last = vec![Request::of(12), Request::of(12), failing(&status, 0)];
    check_client_stream(transport, &status, last);
    let first = vec![failing(&status, 0), Request::of(12), Request::of(12)];
    check_client_stream(transport, &status, first);
}

fn bidi_stream_error_with_metadata(transport: Transport) {
    check_bidi(transport, full_duplex, &detailed("bidi stream failed"), 1);
}

fn bidi_stream_full_duplex_error_with_responses(transport: Transport) {
    let status = Status::internal("bidi full duplex stream failed");
    check_bidi(transport, full_duplex, &status, 2);
    let lab = Lab::new(transport);
    let (sink, requests) = stream();
    let mut responses = lab.client().full_duplex_call(Request::default(), requests).unwrap();
    sink.send(Request::default().wants(12)).unwrap();
    assert_eq!(responses.next().unwrap().unwrap().payload.len(), 12);
    sink.send(failing(&status, 0)).unwrap();
    assert_eq!(responses.next(), Some(Err(status)));
    assert_eq!(sink.send(Request::default()).unwrap_err().code(), Code::Cancelled);
}

fn bidi_stream_full_duplex_error_no_responses(transport: Transport) {
    check_bidi(transport, full_duplex, &Status::internal("bidi full duplex stream failed"), 0);
}

fn bidi_stream_half_duplex_error_with_responses(transport: Transport) {
    check_bidi(transport, half_duplex, &Status::internal("bidi half duplex stream failed"), 2);
}

fn bidi_stream_half_duplex_error_with_no_responses(transport: Transport) {
    check_bidi(transport, half_duplex, &Status::internal("bidi half duplex stream failed"), 0);
}
