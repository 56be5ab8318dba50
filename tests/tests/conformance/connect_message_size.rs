//! Connect's "Server Message Size" and "Client Message Size": equal to the limit passes, one more fails, on first and on
//! later messages of all four kinds. The limit is that of a frame; what a frame holds beside a payload is measured.

use rpc_core::limits::FRAME_BEFORE_PREFACE;
use rpc_core::{Code, Limits, Status, Stream};

use crate::lab::{Lab, Stage, Transport};
use crate::service::{Request, Response, TestService as _, TestServiceClient};

cases! {
    unary_request_equal_to_server_limit,
    unary_request_exceeds_server_limit,
    client_stream_all_requests_equal_to_server_limit,
    client_stream_first_request_exceeds_server_limit,
    client_stream_subsequent_request_exceeds_server_limit,
    server_stream_request_equal_to_server_limit,
    server_stream_request_exceeds_server_limit,
    bidi_stream_half_duplex_all_requests_equal_to_server_limit,
    bidi_stream_half_duplex_first_request_exceeds_server_limit,
    bidi_stream_half_duplex_subsequent_request_exceeds_server_limit,
    bidi_stream_full_duplex_all_requests_equal_to_server_limit,
    bidi_stream_full_duplex_first_request_exceeds_server_limit,
    bidi_stream_full_duplex_subsequent_request_exceeds_server_limit,
    unary_response_equal_to_client_limit,
    unary_response_exceeds_client_limit,
    server_stream_all_responses_equal_to_client_limit,
    server_stream_first_response_exceeds_client_limit,
    server_stream_subsequent_response_exceeds_client_limit,
    bidi_stream_half_duplex_all_responses_equal_to_client_limit,
    bidi_stream_half_duplex_first_response_exceeds_client_limit,
    bidi_stream_half_duplex_subsequent_response_exceeds_client_limit,
    bidi_stream_full_duplex_all_responses_equal_to_client_limit,
    bidi_stream_full_duplex_first_response_exceeds_client_limit,
    bidi_stream_full_duplex_subsequent_response_exceeds_client_limit,
}

/// The smallest frame limit that there is.
const LIMIT: u32 = FRAME_BEFORE_PREFACE;

/// A payload whose length takes as many bytes as that of one at the limit.
const PROBE: usize = 60_000;

/// How many messages pass before the one that is too large; `None` if none is.
type Excess = Option<usize>;

/// Makes a call with these requests and says what came back: the sizes of the responses' payloads, or for a call that only
/// counts that of the requests'.
type Kind = fn(&TestServiceClient, Vec<Request>) -> Result<Vec<usize>, Status>;

fn unary(client: &TestServiceClient, mut requests: Vec<Request>) -> Result<Vec<usize>, Status> {
    Ok(vec![client.unary_call(requests.remove(0))?.payload.len()])
}

fn client_stream(client: &TestServiceClient, requests: Vec<Request>) -> Result<Vec<usize>, Status> {
    Ok(vec![client.streaming_input_call(Stream::from_iter(requests))?.payload_size])
}

fn server_stream(client: &TestServiceClient, mut requests: Vec<Request>) -> Result<Vec<usize>, Status> {
    sizes(client.streaming_output_call(requests.remove(0))?)
}

fn half_duplex(client: &TestServiceClient, requests: Vec<Request>) -> Result<Vec<usize>, Status> {
    sizes(client.half_duplex_call(Stream::from_iter(requests))?)
}

fn full_duplex(client: &TestServiceClient, requests: Vec<Request>) -> Result<Vec<usize>, Status> {
    sizes(client.full_duplex_call(Request::default(), Stream::from_iter(requests))?)
}

fn sizes(responses: Stream<Response>) -> Result<Vec<usize>, Status> {
    responses.map(|response| Ok(response?.payload.len())).collect()
}

/// What the frame holds beside a request's payload, as a server hears it.
fn around_request(kind: Kind) -> usize {
    let mut stage = Stage::new(Transport::Memory);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| kind(&client, vec![Request::of(PROBE).wants(5)]));
        let mut server = stage.greeted();
        let frame = loop {
            let frame = server.hear_frame();
            if frame.len() > PROBE {
                break frame;
            }
        };
        drop(server);
        calling.join().unwrap().unwrap_err();
        frame.len() - PROBE
    })
}

/// What the frame holds beside a response's payload: the number of the message, the call's id, the outcome or the number
/// of items; the payload's length; that nothing is told.
const AROUND_RESPONSE: usize = 3 + 3 + 1;

/// Payloads at the limit, except one that is one byte too long behind so many others.
fn at_limit(around: usize, count: usize, excess: Excess) -> Vec<usize> {
    let limit = usize::try_from(LIMIT).unwrap();
    (0..count).map(|index| limit - around + usize::from(excess == Some(index))).collect()
}

#[track_caller]
fn check_refused(lab: &Lab, client: &TestServiceClient, outcome: Result<Vec<usize>, Status>) {
    let refused = outcome.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("65537") && refused.message().contains("65536"), "{refused}");
    assert_eq!((client.empty_call(), lab.host.server.connections()), (Ok(()), 1));
}

#[track_caller]
fn check_requests(transport: Transport, kind: Kind, count: usize, excess: Excess) {
    let lab = Lab::limited(transport, Limits { frame: LIMIT, ..Limits::default() });
    let client = lab.client();
    let sizes = at_limit(around_request(kind), count, excess);
    let requests = sizes.iter().map(|size| Request::of(*size).wants(5)).collect();
    let outcome = kind(&client, requests);
    match excess {
        Some(_) => check_refused(&lab, &client, outcome),
        None => assert!([vec![5; count], vec![sizes.iter().sum()]].contains(&outcome.unwrap())),
    }
}

#[track_caller]
fn check_responses(transport: Transport, kind: Kind, count: usize, excess: Excess) {
    let lab = Lab::new(transport);
    let client = lab.host.client().with_limits(Limits { frame: LIMIT, ..Limits::default() });
    let client = TestServiceClient::new(client);
    let responses = at_limit(AROUND_RESPONSE, count, excess);
    let request = responses.iter().copied().fold(Request::of(5), Request::wants);
    let outcome = kind(&client, vec![request]);
    match excess {
        Some(_) => check_refused(&lab, &client, outcome),
        None => assert_eq!(outcome, Ok(responses)),
    }
}

/// A case a line: its name, what is checked, of which kind of call, with how many messages, and which is too large.
macro_rules! checks {
    ($($case:ident: $check:ident $kind:ident $count:literal $excess:expr;)*) => {
        $(fn $case(transport: Transport) {
            $check(transport, $kind, $count, $excess);
        })*
    };
}

checks! {
    unary_request_equal_to_server_limit: check_requests unary 1 None;
    unary_request_exceeds_server_limit: check_requests unary 1 Some(0);
    client_stream_all_requests_equal_to_server_limit: check_requests client_stream 2 None;
    client_stream_first_request_exceeds_server_limit: check_requests client_stream 2 Some(0);
    client_stream_subsequent_request_exceeds_server_limit: check_requests client_stream 2 Some(1);
    server_stream_request_equal_to_server_limit: check_requests server_stream 1 None;
    server_stream_request_exceeds_server_limit: check_requests server_stream 1 Some(0);
    bidi_stream_half_duplex_all_requests_equal_to_server_limit: check_requests half_duplex 2 None;
    bidi_stream_half_duplex_first_request_exceeds_server_limit: check_requests half_duplex 2 Some(0);
    bidi_stream_half_duplex_subsequent_request_exceeds_server_limit: check_requests half_duplex 2 Some(1);
    bidi_stream_full_duplex_all_requests_equal_to_server_limit: check_requests full_duplex 2 None;
    bidi_stream_full_duplex_first_request_exceeds_server_limit: check_requests full_duplex 2 Some(0);
    bidi_stream_full_duplex_subsequent_request_exceeds_server_limit: check_requests full_duplex 2 Some(1);
    unary_response_equal_to_client_limit: check_responses unary 1 None;
    unary_response_exceeds_client_limit: check_responses unary 1 Some(0);
    server_stream_all_responses_equal_to_client_limit: check_responses server_stream 2 None;
    server_stream_first_response_exceeds_client_limit: check_responses server_stream 2 Some(0);
    server_stream_subsequent_response_exceeds_client_limit: check_responses server_stream 2 Some(1);
    bidi_stream_half_duplex_all_responses_equal_to_client_limit: check_responses half_duplex 2 None;
    bidi_stream_half_duplex_first_response_exceeds_client_limit: check_responses half_duplex 2 Some(0);
    bidi_stream_half_duplex_subsequent_response_exceeds_client_limit: check_responses half_duplex 2 Some(1);
    bidi_stream_full_duplex_all_responses_equal_to_client_limit: check_responses full_duplex 2 None;
    bidi_stream_full_duplex_first_response_exceeds_client_limit: check_responses full_duplex 2 Some(0);
    bidi_stream_full_duplex_subsequent_response_exceeds_client_limit: check_responses full_duplex 2 Some(1);
}
