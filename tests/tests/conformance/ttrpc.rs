//! What ttrpc tests of itself (Go: `server_test.go`, `stream_test.go`, `stream_full_test.go`, `integration`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::service::{Kind, Procedure};
use rpc_core::{Code, Context, Limits, Server, Sink, Status, Stream, TrySendError, stream};

use crate::lab::{Lab, SOON, Stage, Transport, eventually};
use crate::service::{Request, Response, TestService as _};

cases! {
    server,
    server_unimplemented,
    server_listener_closed,
    server_shutdown,
    server_close,
    immediate_server_shutdown,
    oversize_call,
    client_eof,
    server_eof,
    server_request_timeout,
    server_connections_leak,
    streaming_service_echo,
    streaming_service_echo_stream,
    streaming_service_sum_stream,
    streaming_service_divide_stream,
    streaming_service_echo_null,
    streaming_service_echo_null_stream,
    streaming_service_empty_payload_stream,
    stream_client,
    stream_handler_context_cancel_on_return,
    stream_not_consumed_does_not_block_connection,
    stream_full_on_server,
}

fn server(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| {
        for size in [3, 4] {
            let client = &client;
            scope.spawn(move || {
                let response = client.unary_call(Request::of(size).wants(2 * size)).unwrap();
                assert_eq!(response.payload.len(), 2 * size);
            });
        }
    });
    assert_eq!(lab.host.server.connections(), 1);
}

fn server_unimplemented(transport: Transport) {
    static NOT_FOUND: Procedure = Procedure::new("not.found", Kind::Unary);
    let lab = Lab::new(transport);
    let refused = lab.host.client().call::<(), (), Status>(&NOT_FOUND, &()).unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(lab.host.server.shutdown(SOON), Ok(()));
}

fn server_listener_closed(transport: Transport) {
    let lab = Lab::new(transport);
    let late = lab.client();
    assert_eq!(lab.host.server.shutdown(SOON), Ok(()));
    let refused = late.empty_call().unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::Unavailable, false));
}

fn server_shutdown(transport: Transport) {
    let lab = Lab::new(transport);
    let (client, other) = (lab.client(), lab.client());
    assert_eq!(other.empty_call(), Ok(()));
    std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..5).map(|_| scope.spawn(|| client.unary_call(Request::default().at_the_gate()))).collect();
        (0..5).for_each(|_| lab.hear_at_the_gate("unary_call"));
        let gate = lab.gate.clone();
        let leaving = scope.spawn(|| lab.host.server.shutdown(SOON));
        // A call that is refused says that the shutdown has begun.
        eventually(&true, || other.empty_call().is_err());
        assert!(!leaving.is_finished());
        (0..5).for_each(|_| gate.send(()).unwrap());
        for call in calls {
            assert_eq!(call.join().unwrap(), Ok(Response::default()));
        }
        assert_eq!(leaving.join().unwrap(), Ok(()));
    });
}

fn server_close(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let pending = client.start().unary_call(Request::default().at_the_gate());
    lab.hear_at_the_gate("unary_call");
    assert_eq!(lab.host.server.shutdown(Duration::ZERO), Ok(()));
    assert!(pending.wait().is_err());
}

fn immediate_server_shutdown(transport: Transport) {
    let lab = Lab::new(transport);
    let silent = lab.host.stranger();
    assert_eq!(lab.host.server.shutdown(SOON), Ok(()));
    drop(silent);
}

fn oversize_call(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let limit = usize::try_from(Limits::default().frame).unwrap();
    let refused = client.unary_call(Request::of(limit + 1)).unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::ResourceExhausted, false));
    let refused = client.unary_call(Request::default().wants(limit + 1)).unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!((client.empty_call(), lab.host.server.connections()), (Ok(()), 1));
}

fn client_eof(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    assert_eq!(lab.host.server.shutdown(SOON), Ok(()));
    let refused = client.empty_call().unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::Unavailable, false));
}

fn server_eof(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.empty_call());
        let mut server = stage.greeted();
        server.hear_call();
        drop(server);
        let lost = calling.join().unwrap().unwrap_err();
        assert_eq!((lost.code(), lost.may_have_run()), (Code::Unavailable, true));
    });
}

fn server_request_timeout(transport: Transport) {
    let given = Duration::from_secs(600);
    let lab = Lab::new(transport);
    let client = lab.client().with_deadline(given);
    let seen = client.unary_call(Request::default().telling()).unwrap().surroundings.unwrap();
    let remaining = seen.remaining.unwrap();
    assert!(remaining <= given && remaining > given - SOON, "{remaining:?}");
}

fn server_connections_leak(transport: Transport) {
    let lab = Lab::new(transport);
    assert_eq!(lab.host.server.connections(), 0);
    for _ in 0..10 {
        let client = lab.client();
        assert_eq!(client.empty_call(), Ok(()));
        assert_eq!(lab.host.server.connections(), 1);
        drop(client);
        eventually(&0, || lab.host.server.connections());
    }
}

fn streaming_service_echo(transport: Transport) {
    let lab = Lab::new(transport);
    assert_eq!(lab.client().unary_call(Request::of(7).wants(7)).unwrap().payload.len(), 7);
}

/// Each of so many requests is answered before the next is sent.
#[track_caller]
fn check_exchange(transport: Transport, exchanges: usize) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let mut responses = client.full_duplex_call(Request::default(), requests).unwrap();
    for number in 0..exchanges {
        sink.send(Request::of(number).wants(number + 1)).unwrap();
        assert_eq!(responses.next().unwrap().unwrap().payload.len(), number + 1);
    }
    drop(sink);
    assert_eq!(responses.next(), None);
}

fn streaming_service_echo_stream(transport: Transport) {
    check_exchange(transport, 50);
}

fn streaming_service_sum_stream(transport: Transport) {
    let lab = Lab::new(transport);
    let total = lab.client().streaming_input_call(Stream::from_iter((0..202).map(Request::of))).unwrap();
    assert_eq!((total.requests, total.payload_size), (202, 201 * 202 / 2));
}

fn streaming_service_divide_stream(transport: Transport) {
    let lab = Lab::new(transport);
    let request = (0..30).fold(Request::default(), Request::wants);
    let responses = lab.client().streaming_output_call(request).unwrap();
    assert_eq!(responses.map(|part| part.unwrap().payload.len()).sum::<usize>(), 29 * 30 / 2);
}

fn streaming_service_echo_null(transport: Transport) {
    let lab = Lab::new(transport);
    let requests = Stream::from_iter(vec![Request::default(); 100]);
    assert_eq!(lab.client().streaming_input_call(requests).unwrap().requests, 100);
}

fn streaming_service_echo_null_stream(transport: Transport) {
    let lab = Lab::new(transport);
    let ten = (0..10).fold(Request::default(), |request, _| request.wants(0));
    let requests = Stream::from_iter(vec![ten; 100]);
    let responses = lab.client().full_duplex_call(Request::default(), requests).unwrap();
    assert_eq!(responses.map(Result::unwrap).count(), 1_000);
}

fn streaming_service_empty_payload_stream(transport: Transport) {
    let lab = Lab::new(transport);
    let mut responses = lab.client().streaming_output_call(Request::default().wants(0).wants(0)).unwrap();
    assert_eq!(responses.next(), Some(Ok(Response::default())));
    assert_eq!(responses.next(), Some(Ok(Response::default())));
    assert_eq!(responses.next(), None);
}

fn stream_client(transport: Transport) {
    check_exchange(transport, 100);
}

#[rpc_core::service]
trait Quick {
    /// Returns at once; what it had to notice its cancellation goes to the test.
    fn quick(&self, numbers: Stream<u64>) -> Result<u64, Status>;
}

struct Leaver(Sender<Receiver<Infallible>>);

impl Quick for Leaver {
    fn quick(&self, _numbers: Stream<u64>) -> Result<u64, Status> {
        self.0.send(Context::current().cancelled()).unwrap();
        Ok(7)
    }
}

/// Who waits for the end of a call is not left behind when its procedure returns.
fn stream_handler_context_cancel_on_return(transport: Transport) {
    let (cancelled, seen) = bounded(1);
    let service = QuickService::new(Arc::new(Leaver(cancelled)));
    let host = transport.serve(Server::builder().service(service));
    let (sink, numbers) = stream();
    let client = QuickClient::new(host.client());
    assert_eq!(client.quick(numbers), Ok(7));
    assert_eq!(sink.send(8).unwrap_err().code(), Code::Cancelled);
    let waiting = seen.recv_timeout(SOON).unwrap();
    assert!(waiting.recv_timeout(SOON).unwrap_err().is_disconnected());
}

/// Sends until the stream takes no more; says how many it took.
fn fill(sink: &Sink<Request>) -> usize {
    let mut sent = 0;
    loop {
        match sink.try_send(Request::of(100).wants(100)) {
            Ok(()) => sent += 1,
            Err(TrySendError::Full(_)) => return sent,
            Err(TrySendError::Over(status)) => panic!("{status}"),
        }
        assert!(sent < 100_000, "nothing pushes back");
    }
}

fn stream_not_consumed_does_not_block_connection(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let abandoned = client.full_duplex_call(Request::default(), requests).unwrap();
    assert!(fill(&sink) >= 64);
    assert_eq!(client.unary_call(Request::of(9).wants(9)).unwrap().payload.len(), 9);
    let requests = Stream::from_iter([Request::default().wants(10)]);
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    assert_eq!(responses.map(|response| response.unwrap().payload.len()).sum::<usize>(), 10);
    assert_eq!(lab.host.server.connections(), 1);
    drop(abandoned);
}

fn stream_full_on_server(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    let responses = client.full_duplex_call(Request::default().at_the_gate(), requests).unwrap();
    lab.hear_at_the_gate("full_duplex_call");
    assert!(fill(&sink) >= 64);
    for _ in 0..10 {
        assert_eq!(client.unary_call(Request::of(9).wants(9)).unwrap().payload.len(), 9);
    }
    assert_eq!(lab.host.server.connections(), 1);
    drop(responses);
    lab.hear_cancelled("full_duplex_call");
}
