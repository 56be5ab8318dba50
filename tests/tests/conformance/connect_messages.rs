//! Connect's "Basic", "Empty Requests" and "Empty Responses", and "Duplicate Metadata".

use rpc_core::service::{Kind, Procedure};
use rpc_core::{Status, Stream};

use crate::lab::{Lab, Transport};
use crate::message::{bytes, frame, request, text};
use crate::service::{Request, Response, TestService as _, Total};

cases! {
    unary_success,
    client_stream_success,
    client_stream_no_requests,
    server_stream_success,
    server_stream_no_responses,
    bidi_stream_full_duplex_success,
    bidi_stream_half_duplex_success,
    bidi_stream_half_duplex_no_requests,
    bidi_stream_half_duplex_no_responses,
    unimplemented,
    unary_empty_request,
    client_stream_empty_request,
    server_stream_empty_request,
    bidi_stream_half_duplex_empty_request,
    unary_empty_response,
    client_stream_empty_response,
    server_stream_empty_response,
    bidi_stream_half_duplex_empty_response,
    duplicate_metadata_unary_success,
    duplicate_metadata_client_stream_success,
    duplicate_metadata_server_stream_success,
    duplicate_metadata_bidi_stream_full_duplex_success,
}

fn sizes(responses: Result<Stream<Response>, Status>) -> Vec<usize> {
    responses.unwrap().map(|response| response.unwrap().payload.len()).collect()
}

fn unary_success(transport: Transport) {
    let lab = Lab::new(transport);
    assert_eq!(lab.client().unary_call(Request::of(13).wants(13)).unwrap().payload.len(), 13);
}

#[track_caller]
fn check_total(transport: Transport, requests: Vec<Request>, expected: (u32, usize)) {
    let lab = Lab::new(transport);
    let Total { requests, payload_size, .. } =
        lab.client().streaming_input_call(Stream::from_iter(requests)).unwrap();
    assert_eq!((requests, payload_size), expected);
}

fn client_stream_success(transport: Transport) {
    check_total(transport, vec![Request::of(13); 3], (3, 39));
}

fn client_stream_no_requests(transport: Transport) {
    check_total(transport, Vec::new(), (0, 0));
}

#[track_caller]
fn check_server_stream(transport: Transport, expected: &[usize]) {
    let lab = Lab::new(transport);
    let request = expected.iter().copied().fold(Request::of(13), Request::wants);
    assert_eq!(sizes(lab.client().streaming_output_call(request)), expected);
}

fn server_stream_success(transport: Transport) {
    check_server_stream(transport, &[13, 14]);
}

fn server_stream_no_responses(transport: Transport) {
    check_server_stream(transport, &[]);
}

fn bidi_stream_full_duplex_success(transport: Transport) {
    let lab = Lab::new(transport);
    let requests = Stream::from_iter([Request::of(13).wants(13), Request::of(13).wants(14).wants(15)]);
    assert_eq!(sizes(lab.client().full_duplex_call(Request::default(), requests)), [13, 14, 15]);
}

#[track_caller]
fn check_half_duplex(transport: Transport, requests: Vec<Request>, expected: &[usize]) {
    let lab = Lab::new(transport);
    assert_eq!(sizes(lab.client().half_duplex_call(Stream::from_iter(requests))), expected);
}

fn bidi_stream_half_duplex_success(transport: Transport) {
    check_half_duplex(transport, vec![Request::of(13).wants(13), Request::of(13).wants(14)], &[13, 14]);
}

fn bidi_stream_half_duplex_no_requests(transport: Transport) {
    check_half_duplex(transport, Vec::new(), &[]);
}

fn bidi_stream_half_duplex_no_responses(transport: Transport) {
    check_half_duplex(transport, vec![Request::of(13); 2], &[]);
}

fn unimplemented(transport: Transport) {
    static UNIMPLEMENTED: Procedure = Procedure::new("unimplemented", Kind::Bidirectional);
    let lab = Lab::new(transport);
    let requests = Stream::from_iter([13u64]);
    let refused = lab.host.client().call_with_streams::<_, _, u64, Status>(&UNIMPLEMENTED, &(), requests);
    assert_eq!(refused.unwrap_err().code(), rpc_core::Code::Unimplemented);
}

/// An empty message is a message.
fn unary_empty_request(transport: Transport) {
    let lab = Lab::new(transport);
    assert_eq!(lab.client().unary_call(Request::default()), Ok(Response::default()));
    assert_eq!((lab.client().empty_call(), lab.begun()), (Ok(()), 2));
}

fn client_stream_empty_request(transport: Transport) {
    check_total(transport, vec![Request::default(); 2], (2, 0));
}

fn server_stream_empty_request(transport: Transport) {
    let lab = Lab::new(transport);
    assert!(sizes(lab.client().streaming_output_call(Request::default())).is_empty());
    assert_eq!(lab.begun(), 1);
}

fn bidi_stream_half_duplex_empty_request(transport: Transport) {
    check_half_duplex(transport, vec![Request::default(), Request::default().wants(13)], &[13]);
}

fn unary_empty_response(transport: Transport) {
    let lab = Lab::new(transport);
    assert_eq!(lab.client().unary_call(Request::of(13).wants(0)), Ok(Response::default()));
}

fn client_stream_empty_response(transport: Transport) {
    check_total(transport, vec![Request::of(0)], (1, 0));
}

fn server_stream_empty_response(transport: Transport) {
    check_server_stream(transport, &[0, 0, 0]);
}

fn bidi_stream_half_duplex_empty_response(transport: Transport) {
    check_half_duplex(transport, vec![Request::of(13).wants(0), Request::of(13).wants(0)], &[0, 0]);
}

/// A key that is given twice, as it stands in a call and in what the procedure tells of it.
fn pairs() -> Vec<u8> {
    let pair = |value: &[u8]| [text("x-conformance-test"), bytes(value)].concat();
    [vec![2], pair(b"Value1"), pair(b"Value2")].concat()
}

/// The call's content up to its payload.
fn call(procedure: &str) -> Vec<u8> {
    [vec![0, 1], text(procedure), vec![0, 0], pairs()].concat()
}

/// A request that wants one empty response with what surrounds the call.
fn telling() -> Vec<u8> {
    [&request(0)[..1], &[1, 0, 0, 0], &[0, 1, 0]].concat()
}

/// The procedure sees both values in their order, however the call is made.
#[track_caller]
fn check_both(transport: Transport, messages: &[Vec<u8>]) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    messages.iter().for_each(|message| peer.say(&frame(&[message])));
    let told = |heard: Vec<u8>| heard.windows(pairs().len()).any(|window| window == pairs());
    assert!((0..2).any(|_| told(peer.hear_frame())), "neither of two messages tells it");
}

fn duplicate_metadata_unary_success(transport: Transport) {
    check_both(transport, &[[call("unary_call"), telling()].concat()]);
}

fn duplicate_metadata_client_stream_success(transport: Transport) {
    let item = [vec![2, 1, 1], telling()].concat();
    check_both(transport, &[call("streaming_input_call"), item, vec![3, 1, 0]]);
}

fn duplicate_metadata_server_stream_success(transport: Transport) {
    check_both(transport, &[[call("streaming_output_call"), telling()].concat()]);
}

fn duplicate_metadata_bidi_stream_full_duplex_success(transport: Transport) {
    let opening = [call("full_duplex_call"), request(0)].concat();
    let item = [vec![2, 1, 1], telling()].concat();
    check_both(transport, &[opening, item, vec![3, 1, 0]]);
}
