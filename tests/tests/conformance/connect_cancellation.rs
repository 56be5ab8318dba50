//! Connect's "Client Cancellation": a caller gives a call up before or behind its last request, or between responses, and
//! the far side is told.

use std::time::Duration;

use crossbeam_channel::bounded;
use rpc_core::{Code, Sink, Status, Stream, stream};

use crate::around;
use crate::lab::{Lab, SOON, Transport};
use crate::service::{Request, Response, TestService as _};

cases! {
    unary_cancel_after_close_send,
    client_stream_cancel_before_close_send,
    client_stream_cancel_after_close_send,
    server_stream_cancel_after_close_send,
    server_stream_cancel_after_responses,
    bidi_stream_full_duplex_cancel_after_responses,
    bidi_stream_full_duplex_cancel_before_close_send,
    bidi_stream_full_duplex_cancel_after_close_send,
    bidi_stream_half_duplex_cancel_after_responses,
    bidi_stream_half_duplex_cancel_before_close_send,
    bidi_stream_half_duplex_cancel_after_close_send,
}

/// A pause that only a cancelled call does not sit out.
const LONG: Duration = Duration::from_secs(600);

/// Two responses, the second of which does not come.
fn one_response() -> Request {
    Request::default().wants(16).wants_after(LONG, 16)
}

#[track_caller]
fn take_one(responses: &mut Stream<Response>) {
    assert_eq!(responses.next().unwrap().unwrap().payload.len(), 16);
}

/// The procedure sees that the call is over, and the channel goes on.
#[track_caller]
fn check_told(lab: &Lab, procedure: &str) {
    lab.hear_cancelled(procedure);
    assert_eq!(lab.client().empty_call(), Ok(()));
}

#[track_caller]
fn check_over(sink: &Sink<Request>) {
    assert_eq!(sink.send(Request::default()).unwrap_err().code(), Code::Cancelled);
}

fn unary_cancel_after_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let pending = client.start().unary_call(Request::default().at_the_gate());
    lab.hear_at_the_gate("unary_call");
    drop(pending);
    check_told(&lab, "unary_call");
}

fn client_stream_cancel_before_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    sink.try_send(Request::of(16)).unwrap();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.streaming_input_call(requests));
        sink.send(Request::of(16)).unwrap();
        sink.fail(Status::cancelled("the caller thought better of it"));
        assert_eq!(calling.join().unwrap().unwrap_err().code(), Code::Cancelled);
    });
    assert_eq!(lab.hear_broken().message(), "the caller thought better of it");
    assert_eq!(client.empty_call(), Ok(()));
}

/// Who waits for the one answer has nothing to drop: it is the call around it that is given up.
fn client_stream_cancel_after_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let inner = lab.client();
    let (told, heard) = bounded(1);
    let (_host, outer) = around::serve(transport, move || {
        let requests = Stream::from_iter([Request::of(16), Request::default().at_the_gate()]);
        let outcome = inner.streaming_input_call(requests).map(drop);
        told.send(outcome.clone()).unwrap();
        outcome
    });
    let pending = outer.start().around();
    lab.hear_at_the_gate("streaming_input_call");
    drop(pending);
    lab.hear_cancelled("streaming_input_call");
    assert_eq!(heard.recv_timeout(SOON).unwrap().unwrap_err().code(), Code::Cancelled);
    assert_eq!(lab.client().empty_call(), Ok(()));
}

fn server_stream_cancel_after_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let responses = client.streaming_output_call(Request::default().at_the_gate()).unwrap();
    lab.hear_at_the_gate("streaming_output_call");
    drop(responses);
    check_told(&lab, "streaming_output_call");
}

fn server_stream_cancel_after_responses(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let mut responses = client.streaming_output_call(one_response()).unwrap();
    take_one(&mut responses);
    drop(responses);
    check_told(&lab, "streaming_output_call");
}

fn bidi_stream_full_duplex_cancel_after_responses(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let mut responses = client.full_duplex_call(Request::default(), requests).unwrap();
    sink.send(one_response()).unwrap();
    take_one(&mut responses);
    drop(responses);
    check_over(&sink);
    check_told(&lab, "full_duplex_call");
}

fn bidi_stream_full_duplex_cancel_before_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    sink.send(Request::default().at_the_gate()).unwrap();
    lab.hear_at_the_gate("full_duplex_call");
    drop(responses);
    check_over(&sink);
    check_told(&lab, "full_duplex_call");
}

fn bidi_stream_full_duplex_cancel_after_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let requests = Stream::from_iter([Request::default(), Request::default().at_the_gate()]);
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    lab.hear_at_the_gate("full_duplex_call");
    drop(responses);
    check_told(&lab, "full_duplex_call");
}

fn bidi_stream_half_duplex_cancel_after_responses(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let requests = Stream::from_iter([one_response(), Request::of(16)]);
    let mut responses = client.half_duplex_call(requests).unwrap();
    take_one(&mut responses);
    drop(responses);
    check_told(&lab, "half_duplex_call");
}

fn bidi_stream_half_duplex_cancel_before_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    sink.try_send(Request::of(16)).unwrap();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.half_duplex_call(requests).map(drop));
        sink.fail(Status::cancelled("the caller thought better of it"));
        assert_eq!(calling.join().unwrap().unwrap_err().code(), Code::Cancelled);
    });
    assert_eq!(lab.hear_broken().code(), Code::Cancelled);
}

fn bidi_stream_half_duplex_cancel_after_close_send(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let requests = Stream::from_iter([Request::of(16), Request::default().at_the_gate()]);
    let responses = client.half_duplex_call(requests).unwrap();
    lab.hear_at_the_gate("half_duplex_call");
    drop(responses);
    check_told(&lab, "half_duplex_call");
}
