//! gRPC's negative HTTP/2 cases (`doc/negative-http2-interop-test-descriptions.md`): scripted servers that misbehave, in
//! terms of our own protocol.
//!
//! HTTP/2 resets one call; here a server fails a stream with `End`, and what is left of a reset is a lost connection.

use std::net::Shutdown;
use std::sync::Barrier;

use rpc_core::{Code, Limits, Status, Stream};

use crate::grpc_interop::{LARGE, call_large};
use crate::lab::{Lab, Stage, Transport};
use crate::message::{Status as Refusal, frame, response, varint};
use crate::peer::{FRAME, Peer};
use crate::service::{Request, Response, TestService as _, TestServiceClient};

cases! {
    rst_after_header,
    rst_during_data,
    rst_after_data,
    ping,
    max_streams,
    max_streams_on_a_fresh_channel,
}

cases_by_address! {
    goaway,
}

/// What a scripted server resets a stream with.
const RESET: Refusal<'static> = Refusal { code: Code::Aborted, may_have_run: true, message: "reset" };

fn goaway(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| (0..2).for_each(|_| call_large(&client)));
        let mut former = stage.greeted();
        let first = former.hear_call();
        former.goodbye(first.id);
        former.reply(first.id, &response(LARGE.1));
        let mut server = stage.greeted();
        let second = server.hear_call();
        assert_eq!((second.id, &second.payload), (1, &first.payload));
        server.reply(second.id, &response(LARGE.1));
        calling.join().unwrap();
        assert!(former.hear_out().is_empty(), "the client said something behind the goodbye");
    });
}

/// How a large call ends whose answer the script gives; the connection is lost behind it.
fn unary(transport: Transport, script: impl FnOnce(&mut Peer, u64) + Send) -> Result<Response, Status> {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.unary_call(Request::of(LARGE.0).wants(LARGE.1)));
        let mut server = stage.greeted();
        let call = server.hear_call();
        script(&mut server, call.id);
        server.shut_down(Shutdown::Both);
        calling.join().unwrap()
    })
}

/// What comes of four responses whose server follows the script; a call behind it shows whether the connection lives.
fn streamed(transport: Transport, script: impl FnOnce(&mut Peer, u64) + Send) -> Vec<Result<usize, Status>> {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let take_all = |client: &TestServiceClient| {
        let responses: Stream<Response> = client.streaming_output_call(Request::default()).unwrap();
        let taken = responses.map(|response| Ok(response?.payload.len())).collect();
        assert_eq!(client.empty_call(), Ok(()));
        taken
    };
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| take_all(&client));
        let mut server = stage.greeted();
        let call = server.hear_call();
        script(&mut server, call.id);
        let next = server.hear_call();
        server.reply(next.id, &[]);
        calling.join().unwrap()
    })
}

#[track_caller]
fn check_lost(outcome: Result<Response, Status>) {
    let lost = outcome.unwrap_err();
    assert_eq!((lost.code(), lost.may_have_run()), (Code::Unavailable, true), "{lost}");
}

#[track_caller]
fn check_reset(taken: &[Result<usize, Status>], sizes: &[usize]) {
    let (last, before) = taken.split_last().unwrap();
    let sizes: Vec<Result<usize, Status>> = sizes.iter().copied().map(Ok).collect();
    assert_eq!(before, sizes);
    let end = last.as_ref().unwrap_err();
    assert_eq!((end.code(), end.message()), (Code::Aborted, "reset"));
}

fn rst_after_header(transport: Transport) {
    check_lost(unary(transport, |server, id| {
        let reply = frame(&[&[1], &varint(id), &[0], &response(LARGE.1)]);
        server.say(&reply[..7]);
    }));
    let taken = streamed(transport, |server, id| {
        server.reply(id, &[]);
        server.fail_items(id, &RESET);
    });
    check_reset(&taken, &[]);
}

fn rst_during_data(transport: Transport) {
    check_lost(unary(transport, |server, id| {
        let reply = frame(&[&[1], &varint(id), &[0], &response(LARGE.1)]);
        server.say(&reply[..reply.len() / 2]);
    }));
    let taken = streamed(transport, |server, id| {
        server.reply(id, &[]);
        server.items(id, 1, &response(LARGE.1));
        server.items(id, 1, &response(9));
        server.fail_items(id, &RESET);
    });
    check_reset(&taken, &[LARGE.1, 9]);
}

/// What came before the loss is read: a whole answer is an answer, and items are items without an end.
fn rst_after_data(transport: Transport) {
    let whole = unary(transport, |server, id| server.reply(id, &response(LARGE.1)));
    assert_eq!(whole.unwrap().payload.len(), LARGE.1);
    let taken = streamed(transport, |server, id| {
        server.reply(id, &[]);
        (1..=4).for_each(|size| server.items(id, 1, &response(size)));
        server.fail_items(id, &RESET);
    });
    check_reset(&taken, &[1, 2, 3, 4]);
}

/// Pings of a server need no answer in our protocol: that TCP takes them says that somebody is there. Those of a client are
/// all answered, also while a call runs.
fn ping(transport: Transport) {
    let whole = unary(transport, |server, id| {
        let reply = frame(&[&[1], &varint(id), &[0], &response(LARGE.1)]);
        (0..10).for_each(|nonce| server.ping(nonce));
        server.say(&reply);
        (0..10).for_each(|nonce| server.ping(nonce));
    });
    assert_eq!(whole.unwrap().payload.len(), LARGE.1);
    let taken = streamed(transport, |server, id| {
        server.ping(1);
        server.reply(id, &[]);
        server.ping(2);
        server.items(id, 1, &response(9));
        server.ping(3);
        server.end_items(id);
        server.ping(4);
    });
    assert_eq!(taken, [Ok(9)]);
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.ping(1);
    peer.hear_is(&[7, 1]);
    peer.call(1, "unary_call", &[0, 0, 0, 0, 1]);
    lab.hear_at_the_gate("unary_call");
    for nonce in 2..100 {
        peer.ping(nonce);
        peer.hear_is(&[&[7], &varint(nonce)[..]].concat());
    }
    lab.open_gate(1);
    peer.hear_is(&[1, 1, 0, 0, 0]);
}

/// A server that runs one call at a time never hears of a second one before it has answered.
fn max_streams(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let call = || assert_eq!(client.unary_call(Request::of(9)).unwrap().payload.len(), LARGE.1);
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| {
            call();
            std::thread::scope(|scope| (0..10).for_each(|_| drop(scope.spawn(call))));
        });
        let mut server = stage.accept();
        server.greet_client_with(FRAME, 1);
        for _ in 0..11 {
            let call = server.hear_call();
            // A pong would come behind a call that was sent meanwhile.
            assert!(!server.has_more(), "a call came while another ran");
            server.reply(call.id, &response(LARGE.1));
        }
        calling.join().unwrap();
    });
}

/// A client that does not know yet how few calls its server runs has none refused, however it makes them.
fn max_streams_on_a_fresh_channel(transport: Transport) {
    let lab = Lab::limited(transport, Limits { calls_in_flight: 2, ..Limits::default() });
    let (client, all_at_once) = (lab.client(), Barrier::new(20));
    let call = |number: usize| {
        all_at_once.wait();
        let (ask, started) = (Request::default().wants(number), client.start());
        let answer =
            if number.is_multiple_of(2) { client.unary_call(ask) } else { started.unary_call(ask).wait() };
        assert_eq!(answer.unwrap().payload.len(), number);
    };
    let call = &call;
    std::thread::scope(|scope| (0..20).for_each(|number| drop(scope.spawn(move || call(number)))));
    let client = lab.client();
    let pending: Vec<_> = (0..20).map(|_| client.start().empty_call()).collect();
    pending.into_iter().for_each(|call| assert_eq!(call.wait(), Ok(())));
    assert_eq!((lab.begun(), lab.host.server.connections()), (40, 2));
}
