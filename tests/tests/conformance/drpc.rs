//! What drpc tests of itself (`internal/integration`, `internal/grpccompat`, `drpcstream`).

use std::net::Shutdown;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use rpc_core::{Code, Context, Limits, Sink, Status, Stream, stream};

use crate::around;
use crate::lab::{Lab, SOON, Stage, Transport};
use crate::message::{Status as Refusal, response};
use crate::peer::Peer;
use crate::service::{Request, Response, TestService as _};

cases! {
    cancel,
    cancellation_propagation_unitary,
    cancellation_propagation_stream,
    cancel_while_write_blocked,
    cancel_repeated_pooled,
    cancel_error_after_cancel,
    cancel_cancel_after_error,
    cancel_cancel_after_success,
    error,
    error_message,
    error_context,
    transport_error,
    transport_blocked,
    transport_error_causes_cancel,
    stream_state_transitions,
    stream_unblocks,
    simple,
    concurrent,
    large,
}

#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Code {
    outcome.unwrap_err().code()
}

/// A call inside one that was given up does not begin.
#[track_caller]
fn check_not_begun(transport: Transport, lab: &Lab) {
    let inner = lab.client();
    let (entered, at_it) = bounded(1);
    let (told, heard) = bounded(1);
    let (_host, outer) = around::serve(transport, move || {
        entered.send(()).unwrap();
        // The channel carries nothing: it ends when the call is given up.
        Context::current().cancelled().recv_timeout(SOON).unwrap_err();
        told.send(inner.empty_call()).unwrap();
        Ok(())
    });
    let pending = outer.start().around();
    at_it.recv_timeout(SOON).unwrap();
    drop(pending);
    let refused = heard.recv_timeout(SOON).unwrap().unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::Cancelled, false));
    assert_eq!(lab.begun(), 0);
}

/// A call that is over leaves the channel as it was; one that is given up on its way ends its sending.
fn cancel(transport: Transport) {
    let lab = Lab::new(transport);
    check_not_begun(transport, &lab);
    let client = lab.client();
    let mut pending = client.start().empty_call();
    assert_eq!(pending.wait_timeout(SOON), Some(Ok(())));
    drop(pending);
    assert_eq!(client.empty_call(), Ok(()));
    let (sink, requests) = stream();
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    (0..10).for_each(|_| sink.send(Request::of(1)).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || drop(responses));
        while sink.send(Request::of(1)).is_ok() {}
    });
    assert_eq!(lab.hear_broken().code(), Code::Cancelled);
    assert_eq!((client.empty_call(), lab.host.server.connections()), (Ok(()), 1));
}

fn cancellation_propagation_unitary(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let pending = client.start().unary_call(Request::default().at_the_gate());
    lab.hear_at_the_gate("unary_call");
    drop(pending);
    lab.hear_cancelled("unary_call");
}

fn cancellation_propagation_stream(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (_sink, requests) = stream();
    let responses = client.full_duplex_call(Request::default().at_the_gate(), requests).unwrap();
    lab.hear_at_the_gate("full_duplex_call");
    drop(responses);
    lab.hear_cancelled("full_duplex_call");
}

/// A server that greets, begins to answer the first call, gives all the credit there is, and reads nothing more.
fn begin_and_stop_reading(stage: &mut Stage) -> Peer {
    let mut server = stage.greeted();
    let call = server.hear_call();
    server.reply(call.id, &[]);
    server.credit(call.id, 1_000_000);
    server
}

fn cancel_while_write_blocked(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let (sink, requests) = stream();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.full_duplex_call(Request::default(), requests).unwrap());
        let server = begin_and_stop_reading(&mut stage);
        let responses = calling.join().unwrap();
        let blocked = scope.spawn(move || {
            loop {
                if let Err(status) = sink.send(Request::of(64 << 10)) {
                    return status;
                }
            }
        });
        // Whether it blocks already makes no difference to the outcome.
        std::thread::park_timeout(Duration::from_millis(50));
        drop(responses);
        assert_eq!(blocked.join().unwrap().code(), Code::Cancelled);
        drop(server);
    });
}

fn cancel_repeated_pooled(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    for _ in 0..300 {
        let requests = Stream::from_iter([1, 2, 3].map(Request::of));
        assert_eq!(client.streaming_input_call(requests).unwrap().payload_size, 6);
        drop(client.full_duplex_call(Request::default(), Stream::from_iter([])).unwrap());
    }
    assert_eq!(lab.host.server.connections(), 1);
}

/// An error that the procedure has for a call which was given up reaches nobody, and harms nobody.
fn cancel_error_after_cancel(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let marker = Request::default().at_the_gate().then_fails(Status::aborted("marker"));
    let responses = client.full_duplex_call(marker, requests).unwrap();
    lab.hear_at_the_gate("full_duplex_call");
    drop(responses);
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);
    lab.hear_gone("full_duplex_call");
    assert_eq!(client.empty_call(), Ok(()));
}

fn cancel_cancel_after_error(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let marker = Request::default().then_fails(Status::aborted("marker"));
    let mut responses = client.full_duplex_call(marker, requests).unwrap();
    assert_eq!(code(responses.next().unwrap()), Code::Aborted);
    assert_eq!(responses.next(), None);
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);
    drop(responses);
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);
    assert_eq!(client.empty_call(), Ok(()));
}

fn cancel_cancel_after_success(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let mut responses = client.full_duplex_call(Request::default().wants(2), requests).unwrap();
    assert_eq!(responses.next().unwrap().unwrap().payload.len(), 2);
    assert_eq!(sink.send(Request::default().at_the_gate()), Ok(()));
    lab.hear_at_the_gate("full_duplex_call");
    drop(responses);
    lab.hear_cancelled("full_duplex_call");
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);
}

fn error(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    for code in Code::ALL {
        let status = Status::new(code, "no");
        assert_eq!(client.unary_call(Request::default().then_fails(status.clone())), Err(status));
    }
}

fn error_message(transport: Transport) {
    let lab = Lab::new(transport);
    let status = Status::unknown("some unique error message");
    let failed = lab.client().unary_call(Request::default().then_fails(status)).unwrap_err();
    assert_eq!(failed.to_string(), "some unique error message");
}

/// A procedure's own word of a cancellation or a deadline is not taken for its caller's.
fn error_context(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    for status in [Status::cancelled("the context"), Status::deadline_exceeded("the context")] {
        assert_eq!(client.unary_call(Request::default().then_fails(status.clone())), Err(status));
    }
    assert_eq!(client.empty_call(), Ok(()));
}

fn transport_error(transport: Transport) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.call(1, "unary_call", &[0, 0, 0, 0, 1]);
    lab.hear_at_the_gate("unary_call");
    peer.shut_down(Shutdown::Both);
    lab.hear_cancelled("unary_call");
}

/// A server that reads nothing costs a call its time and no more, however much the call wants to send.
fn transport_blocked(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client().with_deadline(Duration::from_millis(500));
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let calling = scope.spawn(|| client.unary_call(Request::of(8_000_000)));
        let server = stage.greeted();
        assert_eq!(code(calling.join().unwrap()), Code::DeadlineExceeded);
        assert_eq!(code(client.empty_call()), Code::DeadlineExceeded);
        assert!(begun.elapsed() < SOON);
        drop(server);
    });
}

fn transport_error_causes_cancel(transport: Transport) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.call(1, "full_duplex_call", &[0, 0, 0, 0, 0]);
    peer.hear_is(&[1, 1, 0]);
    peer.shut_down(Shutdown::Both);
    lab.hear_broken();
    lab.hear_gone("full_duplex_call");
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let (sink, requests) = stream();
        let calling = scope.spawn(|| client.full_duplex_call(Request::default(), requests).unwrap());
        let server = begin_and_stop_reading(&mut stage);
        let mut responses = calling.join().unwrap();
        let waiting = scope.spawn(move || code(responses.next().unwrap()));
        drop(server);
        assert_eq!(waiting.join().unwrap(), Code::Unavailable);
        while sink.send(Request::default()).is_ok() {}
    });
}

type Both = (Sink<Request>, Stream<Response>);

/// A call under way whose server is scripted, and what the script does to it.
fn under_way(transport: Transport, script: impl FnOnce(&mut Peer, u64) + Send) -> (Both, Peer, Stage) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let (sink, requests) = stream();
    let (responses, server) = std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.full_duplex_call(Request::default(), requests).unwrap());
        let mut server = stage.greeted();
        let id = server.hear_call().id;
        server.reply(id, &[]);
        script(&mut server, id);
        (calling.join().unwrap(), server)
    });
    ((sink, responses), server, stage)
}

const FAILED: Refusal<'static> = Refusal { code: Code::Aborted, may_have_run: true, message: "no" };

/// What is left of sending and of receiving when one side has done one thing.
fn stream_state_transitions(transport: Transport) {
    let ended = |server: &mut Peer, id| server.end_items(id);
    let ((sink, mut responses), ..) = under_way(transport, ended);
    assert_eq!(responses.next(), None);
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);

    let failed = |server: &mut Peer, id| server.fail_items(id, &FAILED);
    let ((sink, mut responses), ..) = under_way(transport, failed);
    assert_eq!(responses.next(), Some(Err(Status::aborted("no"))));
    assert_eq!(code(sink.send(Request::default())), Code::Aborted);

    // The server wants no more, and goes on answering.
    let ((sink, mut responses), ..) = under_way(transport, |server, id| {
        server.cancel(id);
        server.items(id, 1, &response(9));
        server.end_items(id);
    });
    assert_eq!(responses.next().unwrap().unwrap().payload.len(), 9);
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);
    assert_eq!(responses.next(), None);

    // The client has sent everything, and goes on receiving.
    let ((sink, mut responses), mut server, _stage) = under_way(transport, |_, _| {});
    drop(sink);
    server.hear_is(&[3, 1, 0]);
    server.items(1, 1, &response(9));
    server.end_items(1);
    assert_eq!(responses.map(|response| response.unwrap().payload.len()).sum::<usize>(), 9);

    let ((sink, dropped), mut server, _stage) = under_way(transport, |_, _| {});
    responses = dropped;
    drop(responses);
    assert_eq!(code(sink.send(Request::default())), Code::Cancelled);
    server.hear_is(&[5, 1]);
}

/// What a server does to a call of this id.
type Script = fn(&mut Peer, u64);

/// Whoever waits for the next response is woken by every way in which a stream can end.
fn stream_unblocks(transport: Transport) {
    let scripts: [(Script, Option<Code>); 4] = [
        (|server, id| server.end_items(id), None),
        (|server, id| server.fail_items(id, &FAILED), Some(Code::Aborted)),
        (|server, _| server.shut_down(Shutdown::Both), Some(Code::Unavailable)),
        (|server, _| server.say(&[0; 4]), Some(Code::Unavailable)),
    ];
    for (script, expected) in scripts {
        let ((_sink, mut responses), mut server, _stage) = under_way(transport, |_, _| {});
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || responses.next().map(|end| code(end)));
            script(&mut server, 1);
            assert_eq!(waiting.join().unwrap(), expected);
        });
    }
}

fn simple(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let three = || Stream::from_iter([1, 2, 3].map(|size| Request::of(size).wants(size)));
    let sum = |responses: Stream<Response>| responses.map(|r| r.unwrap().payload.len()).sum::<usize>();
    for _ in 0..10 {
        assert_eq!(client.unary_call(Request::of(1).wants(1)).unwrap().payload.len(), 1);
        assert_eq!(client.streaming_input_call(three()).unwrap().payload_size, 6);
        let request = Request::default().wants(3).wants(2).wants(1);
        assert_eq!(sum(client.streaming_output_call(request).unwrap()), 6);
        assert_eq!(sum(client.full_duplex_call(Request::default(), three()).unwrap()), 6);
    }
}

fn concurrent(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| {
        for size in 0..20 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..50 {
                    let response = client.unary_call(Request::of(size).wants(size)).unwrap();
                    assert_eq!(response.payload.len(), size);
                }
            });
        }
    });
    assert_eq!((lab.begun(), lab.host.server.connections()), (1_000, 1));
}

fn large(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let largest = usize::try_from(Limits::default().frame).unwrap() - 100;
    for size in [0, 1, 250, 251, 65_535, 65_536, 1 << 20, largest] {
        assert_eq!(client.unary_call(Request::of(size).wants(size)).unwrap().payload.len(), size);
        let requests = Stream::from_iter([Request::of(size).wants(size)]);
        let responses = client.full_duplex_call(Request::default(), requests).unwrap();
        assert_eq!(responses.map(|r| r.unwrap().payload.len()).sum::<usize>(), size);
    }
}
