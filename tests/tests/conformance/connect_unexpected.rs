//! Connect's "Unexpected Requests", "Unexpected Responses" and "Error and End-Stream", in terms of our messages: what
//! scripted peers say against the rules fails a call in words, or ends the connection.

use rpc_core::{Code, Status, Stream};

use crate::lab::{Lab, Stage, Transport};
use crate::message::{Status as Refusal, bytes, frame, request, response, text};
use crate::peer::Peer;
use crate::service::{Request, TestService as _, TestServiceClient};

cases! {
    server_stream_no_request,
    server_stream_multiple_requests,
    unexpected_verb,
    unexpected_uri,
    unexpected_request_codec,
    unexpected_request_content_type,
    client_stream_ok_but_no_response,
    client_stream_multiple_responses,
    server_stream_no_end_stream,
    bidi_stream_half_duplex_no_end_stream,
    unexpected_error_body,
    unexpected_response_content_type,
    unexpected_codec,
    unexpected_stream_codec,
    error_unrecognized_code,
    error_missing_message,
    error_invalid_details,
    end_stream_unrecognized_code,
    end_stream_missing_message,
    end_stream_allow_unrecognized_fields,
}

/// What the server answers to one message whose content is this, and that it goes on.
#[track_caller]
fn check_refused(transport: Transport, content: &[&[u8]], code: Code) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.say(&frame(content));
    assert_eq!(peer.hear_frame()[..5], [1, 1, 2, u8::from(code), 0], "refused as {code}, not run");
    peer.call(2, "empty_call", &[]);
    peer.hear_is(&[1, 2, 0]);
    assert_eq!(lab.begun(), 1);
}

fn server_stream_no_request(transport: Transport) {
    let content = [&[0, 1], &text("streaming_output_call")[..], &[0, 0, 0]];
    check_refused(transport, &content, Code::InvalidArgument);
}

fn server_stream_multiple_requests(transport: Transport) {
    let content = [&[0, 1], &text("streaming_output_call")[..], &[0, 0, 0], &request(0), &request(0)];
    check_refused(transport, &content, Code::InvalidArgument);
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.call(1, "streaming_output_call", &[&request(0)[..1], &[1, 9, 0, 0, 0, 0, 0]].concat());
    peer.items(1, 1, &request(0));
    peer.hear_is(&[1, 1, 0]);
    peer.hear_is(&[&[2, 1, 1], &response(9)[..]].concat());
    peer.hear_is(&[3, 1, 0]);
}

/// A message that does not exist, and those that a client does not send.
fn unexpected_verb(transport: Transport) {
    for content in [&[9u8, 0][..], &[1, 1, 0], &[8, 0, 14, 0, 0, 0]] {
        let lab = Lab::new(transport);
        let mut peer = lab.host.peer();
        peer.say(&frame(&[content]));
        peer.hear_end();
        assert_eq!(lab.client().empty_call(), Ok(()));
    }
}

fn unexpected_uri(transport: Transport) {
    let content = [&[0, 1], &text("unknown_service.unknown_method")[..], &[0, 0, 0]];
    check_refused(transport, &content, Code::Unimplemented);
}

fn unexpected_request_codec(transport: Transport) {
    let content = [&[0, 1], &text("unary_call")[..], &[0, 250, 0], &request(0)];
    check_refused(transport, &content, Code::Unimplemented);
}

fn unexpected_request_content_type(transport: Transport) {
    for bytes in [&b"POST /unary_call HTTP/1.1\r\n"[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n"] {
        let lab = Lab::new(transport);
        let mut stranger = lab.host.stranger();
        stranger.say(bytes);
        stranger.hear_end();
        assert_eq!(lab.client().empty_call(), Ok(()));
    }
}

/// How a call ends that a scripted server answers, and whether a second one still goes through the same connection.
fn answered<T: Send>(
    transport: Transport,
    call: impl FnOnce(&TestServiceClient) -> T + Send,
    script: impl FnOnce(&mut Peer, u64) + Send,
) -> T {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let outcome = call(&client);
            assert_eq!(client.empty_call(), Ok(()));
            outcome
        });
        let mut server = stage.greeted();
        let first = server.hear_call();
        script(&mut server, first.id);
        let next = server.hear_call();
        server.reply(next.id, &[]);
        calling.join().unwrap()
    })
}

fn unary(client: &TestServiceClient) -> Result<usize, Status> {
    Ok(client.unary_call(Request::of(9))?.payload.len())
}

fn client_stream(client: &TestServiceClient) -> Result<u32, Status> {
    Ok(client.streaming_input_call(Stream::from_iter([Request::of(9)]))?.requests)
}

fn server_stream(client: &TestServiceClient) -> Result<usize, Status> {
    client.streaming_output_call(Request::of(9))?.map(|response| Ok(response?.payload.len())).sum()
}

fn half_duplex(client: &TestServiceClient) -> Result<usize, Status> {
    let requests = Stream::from_iter([Request::of(9)]);
    client.half_duplex_call(requests)?.map(|response| Ok(response?.payload.len())).sum()
}

fn client_stream_ok_but_no_response(transport: Transport) {
    let outcome = answered(transport, client_stream, |server, id| server.reply(id, &[]));
    assert_eq!(outcome.unwrap_err().code(), Code::Internal);
}

fn client_stream_multiple_responses(transport: Transport) {
    let outcome = answered(transport, client_stream, |server, id| {
        server.reply(id, &[7, 0, 0]);
        server.reply(id, &[8, 0, 0]);
    });
    assert_eq!(outcome, Ok(7));
}

/// A stream whose connection ends before it does has not ended regularly.
#[track_caller]
fn check_cut_short(transport: Transport, call: fn(&TestServiceClient) -> Result<usize, Status>) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| call(&client));
        let mut server = stage.greeted();
        let id = server.hear_call().id;
        server.reply(id, &[]);
        server.items(id, 1, &response(9));
        drop(server);
        assert_eq!(calling.join().unwrap().unwrap_err().code(), Code::Unavailable);
    });
}

fn server_stream_no_end_stream(transport: Transport) {
    check_cut_short(transport, server_stream);
}

fn bidi_stream_half_duplex_no_end_stream(transport: Transport) {
    check_cut_short(transport, half_duplex);
}

fn unexpected_error_body(transport: Transport) {
    let garbled = [&[1, 1, 1], &b"<html></html>"[..]].concat();
    let outcome = answered(transport, unary, |server, _| server.say(&frame(&[&garbled])));
    let failure = outcome.unwrap_err();
    assert_eq!(failure.code(), Code::Internal);
    assert!(failure.message().contains("does not decode"), "{failure}");
}

fn unexpected_response_content_type(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| unary(&client));
        let mut server = stage.accept();
        server.hear_preface();
        server.say(b"HTTP/1.1 415 Unsupported Media Type\r\n\r\n");
        let failure = calling.join().unwrap().unwrap_err();
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(failure.message().contains("an HTTP answer came"), "{failure}");
    });
}

fn unexpected_codec(transport: Transport) {
    let outcome = answered(transport, unary, |server, id| server.reply(id, br#"{"payload":""}"#));
    assert_eq!(outcome.unwrap_err().code(), Code::Internal);
}

fn unexpected_stream_codec(transport: Transport) {
    let outcome = answered(transport, server_stream, |server, id| {
        server.reply(id, &[]);
        server.items(id, 1, br#"{"payload":""}"#);
        server.end_items(id);
    });
    assert_eq!(outcome.unwrap_err().code(), Code::Internal);
}

/// A refusal of this code, message and details, as it stands in a reply and in the end of a stream.
fn refusal(code: u8, message: &str, details: &[u8]) -> Vec<u8> {
    [vec![code, 1], text(message), bytes(details)].concat()
}

fn error_unrecognized_code(transport: Transport) {
    for code in [0, 17, 250] {
        let content = [vec![1, 1, 2], refusal(code, "oops", b"")].concat();
        let outcome = answered(transport, unary, |server, _| server.say(&frame(&[&content])));
        assert_eq!(outcome, Err(Status::unknown("oops")));
    }
}

fn error_missing_message(transport: Transport) {
    let outcome = answered(transport, unary, |server, id| {
        server.refuse(id, &Refusal { code: Code::OutOfRange, may_have_run: true, message: "" });
    });
    let failure = outcome.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Code::OutOfRange, ""));
    assert_eq!(failure.to_string(), "OutOfRange");
}

/// Details are bytes: nothing in them is wrong.
fn error_invalid_details(transport: Transport) {
    let content = [vec![1, 1, 2], refusal(11, "oops", b"\xff\0{")].concat();
    let outcome = answered(transport, unary, |server, _| server.say(&frame(&[&content])));
    assert_eq!(outcome.unwrap_err().details(), b"\xff\0{");
}

/// How a stream ends whose `End` has this content behind the call's id.
fn end_of_stream(transport: Transport, end: &[u8]) -> Result<usize, Status> {
    answered(transport, server_stream, |server, id| {
        server.reply(id, &[]);
        server.items(id, 1, &response(9));
        server.say(&frame(&[&[3, 1], end]));
    })
}

fn end_stream_unrecognized_code(transport: Transport) {
    let end = [vec![1], refusal(99, "oops", b"")].concat();
    assert_eq!(end_of_stream(transport, &end), Err(Status::unknown("oops")));
}

fn end_stream_missing_message(transport: Transport) {
    let end = [vec![1], refusal(11, "", b"")].concat();
    assert_eq!(end_of_stream(transport, &end), Err(Status::out_of_range("")));
}

fn end_stream_allow_unrecognized_fields(transport: Transport) {
    assert_eq!(end_of_stream(transport, &[0, 0xab, 0xcd]), Ok(9));
    let end = [vec![1], refusal(11, "oops", b""), vec![0xab]].concat();
    assert_eq!(end_of_stream(transport, &end), Err(Status::out_of_range("oops")));
}
