//! What yamux tests of its sessions (`session_test.go`): a stream of theirs is a call with streams here.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use rpc_core::{Code, Limits, Status, Stream, TrySendError, stream};

use crate::lab::{Lab, SOON, Stage, Transport};
use crate::message::{frame, request, response};
use crate::peer::Peer;
use crate::service::{Request, Response, TestService as _, TestServiceClient};

cases! {
    ping_timeout,
    keep_alive,
    keep_alive_timeout,
    close_before_ack,
    open_stream_timeout,
    close_close_timeout,
    send_data_small,
    send_data_large,
    go_away,
    many_streams,
    many_streams_ping_pong,
    half_close,
    half_close_session_shutdown,
    read_deadline,
    read_deadline_blocked_read,
    write_deadline,
    write_deadline_blocked_write,
    backlog_exceeded,
    backlog_exceeded_accept,
    send_data_very_large,
    session_window_update_write_during_read,
    session_partial_read_window_update,
    session_ping_of_death,
    session_connection_write_timeout,
}

/// How a call ends whose client asks after 50 ms of silence, waits so long for anything, and whose server follows a script.
fn asked(
    transport: Transport,
    pong_time: Duration,
    script: impl FnOnce(&mut Peer, u64) + Send,
) -> Result<(), Status> {
    let mut stage = Stage::new(transport);
    let keepalive = Duration::from_millis(50);
    let client = stage.limited_client(Limits { keepalive, pong_time, ..Limits::default() });
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.empty_call());
        let mut server = stage.greeted();
        let id = server.hear_call().id;
        script(&mut server, id);
        calling.join().unwrap()
    })
}

/// A ping that is not answered as such does no harm: anything that comes says that somebody is there.
fn ping_timeout(transport: Transport) {
    let outcome = asked(transport, SOON, |server, id| {
        assert_eq!(server.hear_frame()[0], 6);
        server.reply(id, &[]);
    });
    assert_eq!(outcome, Ok(()));
}

fn keep_alive(transport: Transport) {
    let outcome = asked(transport, SOON, |server, id| {
        for _ in 0..3 {
            let ping = server.hear_frame();
            assert_eq!(ping[0], 6);
            server.say(&frame(&[&[7], &ping[1..]]));
        }
        server.reply(id, &[]);
    });
    assert_eq!(outcome, Ok(()));
}

fn keep_alive_timeout(transport: Transport) {
    let begun = Instant::now();
    let lost = asked(transport, Duration::from_millis(50), |server, _| {
        assert_eq!(server.hear_frame()[0], 6);
        assert!(server.hear_out().is_empty());
    });
    let lost = lost.unwrap_err();
    assert_eq!((lost.code(), lost.may_have_run()), (Code::Unavailable, true), "{lost}");
    assert!(begun.elapsed() < SOON / 2);
}

fn close_before_ack(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    for _ in 0..100 {
        drop(client.start().unary_call(Request::of(9)));
        drop(client.full_duplex_call(Request::default(), Stream::from_iter([])).unwrap());
    }
    assert_eq!(client.unary_call(Request::of(9).wants(9)).unwrap().payload.len(), 9);
    assert_eq!(lab.host.server.connections(), 1);
}

fn open_stream_timeout(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client().with_deadline(Duration::from_millis(300));
    std::thread::scope(|scope| {
        let (_sink, requests) = stream();
        let opening = scope.spawn(|| client.full_duplex_call(Request::default(), requests).map(drop));
        let mut server = stage.greeted();
        let id = server.hear_call().id;
        assert_eq!(opening.join().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
        server.hear_is(&[5, u8::try_from(id).unwrap()]);
    });
}

/// A call that only the far side has ended is over here too.
fn close_close_timeout(transport: Transport) {
    let lab = Lab::limited(transport, Limits { calls_in_flight: 1, ..Limits::default() });
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    let (sink, requests) = stream();
    let status = Status::aborted("ended by the server");
    let opening = Request::default().then_fails(status.clone());
    let mut responses = client.full_duplex_call(opening, requests).unwrap();
    assert_eq!(responses.next(), Some(Err(status)));
    assert_eq!(sink.send(Request::default()).unwrap_err().code(), Code::Cancelled);
    assert_eq!(client.empty_call(), Ok(()), "the call's place is free although its sink lives");
}

/// So many requests of a size, each answered with as much.
#[track_caller]
fn check_echo(client: &TestServiceClient, messages: usize, size: usize) {
    let requests = Stream::from_iter((0..messages).map(move |_| Request::of(size).wants(size)));
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    let sizes: Vec<usize> = responses.map(|response| response.unwrap().payload.len()).collect();
    assert_eq!(sizes, vec![size; messages]);
}

fn send_data_small(transport: Transport) {
    check_echo(&Lab::new(transport).client(), 1_000, 4);
}

fn send_data_large(transport: Transport) {
    check_echo(&Lab::new(transport).client(), 32, 128 << 10);
}

fn go_away(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let mut server = std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.empty_call());
        let mut server = stage.greeted();
        let id = server.hear_call().id;
        server.goodbye(id);
        server.reply(id, &[]);
        assert_eq!(calling.join().unwrap(), Ok(()));
        server
    });
    drop(stage);
    let refused = client.empty_call().unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::Unavailable, false));
    drop(client);
    assert!(server.hear_out().is_empty(), "the client said something behind the goodbye");
}

fn many_streams(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| (0..50).for_each(|_| drop(scope.spawn(|| check_echo(&client, 16, 512)))));
    assert_eq!((lab.begun(), lab.host.server.connections()), (50, 1));
}

#[track_caller]
fn ping_pong(client: &TestServiceClient, exchanges: usize) {
    let (sink, requests) = stream();
    let mut responses = client.full_duplex_call(Request::default(), requests).unwrap();
    for size in 0..exchanges {
        sink.send(Request::of(size).wants(size)).unwrap();
        assert_eq!(responses.next().unwrap().unwrap().payload.len(), size);
    }
}

fn many_streams_ping_pong(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| (0..25).for_each(|_| drop(scope.spawn(|| ping_pong(&client, 50)))));
    assert_eq!(lab.host.server.connections(), 1);
}

fn half_close(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let (sink, requests) = stream();
    sink.try_send(Request::of(1).wants(1)).unwrap();
    sink.try_send(Request::of(3).wants(3)).unwrap();
    drop(sink);
    let responses = client.full_duplex_call(Request::default(), requests).unwrap();
    let sizes: Vec<usize> = responses.map(|response| response.unwrap().payload.len()).collect();
    assert_eq!(sizes, [1, 3]);
}

/// Who has sent everything may end its side of the connection: what it sent is read, and the answer comes.
fn half_close_session_shutdown(transport: Transport) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.call(1, "streaming_input_call", &[]);
    (0..32).for_each(|_| peer.items(1, 1, &request(8 << 10)));
    peer.end_items(1);
    peer.shut_down(Shutdown::Write);
    let reply = loop {
        let frame = peer.hear_frame();
        if frame[0] == 1 {
            break frame;
        }
    };
    // 32 requests, and 262,144 bytes of payload.
    assert_eq!(reply, [1, 1, 0, 32, 252, 0, 0, 4, 0, 0]);
    peer.hear_end();
}

/// A stream that nothing comes on, of a call with this much time.
fn silent(lab: &Lab, time: Duration) -> Stream<Response> {
    lab.client().with_deadline(time).streaming_output_call(Request::default().at_the_gate()).unwrap()
}

#[track_caller]
fn check_late(mut responses: Stream<Response>) {
    let begun = Instant::now();
    assert_eq!(responses.next().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < SOON);
}

fn read_deadline(transport: Transport) {
    let lab = Lab::new(transport);
    let responses = silent(&lab, Duration::from_millis(500));
    lab.hear_cancelled("streaming_output_call");
    check_late(responses);
}

fn read_deadline_blocked_read(transport: Transport) {
    let lab = Lab::new(transport);
    check_late(silent(&lab, Duration::from_millis(500)));
    lab.hear_cancelled("streaming_output_call");
}

/// Sending to a procedure that takes nothing ends with the call's time.
#[track_caller]
fn check_write_deadline(transport: Transport, size: usize) {
    let lab = Lab::new(transport);
    let client = lab.client().with_deadline(Duration::from_millis(500));
    let (sink, requests) = stream();
    let _responses = client.full_duplex_call(Request::default().at_the_gate(), requests).unwrap();
    let begun = Instant::now();
    let late = loop {
        if let Err(status) = sink.send(Request::of(size)) {
            break status;
        }
    };
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < SOON);
}

fn write_deadline(transport: Transport) {
    check_write_deadline(transport, 512);
}

fn write_deadline_blocked_write(transport: Transport) {
    check_write_deadline(transport, 64 << 10);
}

/// A call that waits for a place does not wait for ever: the server's end is its end.
fn backlog_exceeded(transport: Transport) {
    let lab = Lab::limited(transport, Limits { calls_in_flight: 4, ..Limits::default() });
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    let held: Vec<_> = (0..4).map(|_| client.start().unary_call(Request::default().at_the_gate())).collect();
    (0..4).for_each(|_| lab.hear_at_the_gate("unary_call"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.empty_call());
        assert_eq!(lab.host.server.shutdown(Duration::from_millis(10)), Ok(()));
        let refused = waiting.join().unwrap().unwrap_err();
        assert_eq!((refused.code(), refused.may_have_run()), (Code::Unavailable, false), "{refused}");
    });
    held.into_iter().for_each(|call| drop(call.wait().unwrap_err()));
}

fn backlog_exceeded_accept(transport: Transport) {
    let lab = Lab::limited(transport, Limits { calls_in_flight: 4, ..Limits::default() });
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    std::thread::scope(|scope| (0..20).for_each(|_| drop(scope.spawn(|| check_echo(&client, 3, 9)))));
    assert_eq!((lab.begun(), lab.host.server.connections()), (21, 1));
}

fn send_data_very_large(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| check_echo(&client, 16, 64 << 10)))));
}

/// A client whose sending is stuck still receives: two full directions do not wait for each other.
fn session_window_update_write_during_read(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let (sink, requests) = stream();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let upload = client.full_duplex_call(Request::default(), requests).unwrap();
            (upload, client.streaming_output_call(Request::default()).unwrap())
        });
        let mut server = stage.greeted();
        let upload = server.hear_call().id;
        server.reply(upload, &[]);
        let flood = server.hear_call().id;
        server.reply(flood, &[]);
        server.credit(upload, 1_000_000);
        let (_upload, responses) = calling.join().unwrap();
        let begun = Instant::now();
        while !matches!(sink.try_send(Request::of(64 << 10)), Err(TrySendError::Full(_))) {
            assert!(begun.elapsed() < SOON, "an unread upload is not stopped");
        }
        (0..64).for_each(|_| server.items(flood, 1, &response(4 << 10)));
        server.end_items(flood);
        assert_eq!(responses.map(|r| r.unwrap().payload.len()).sum::<usize>(), 64 * (4 << 10));
    });
}

/// Who takes half of what it gave credit for gives that back.
fn session_partial_read_window_update(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.streaming_output_call(Request::default()).unwrap());
        let mut server = stage.greeted();
        let id = server.hear_call().id;
        server.reply(id, &[]);
        (0..64).for_each(|_| server.items(id, 1, &response(9)));
        let mut responses = calling.join().unwrap();
        assert_eq!(responses.by_ref().take(32).map(Result::unwrap).count(), 32);
        server.hear_is(&[4, 1, 32]);
        (0..32).for_each(|_| server.items(id, 1, &response(9)));
        server.end_items(id);
        assert_eq!(responses.map(Result::unwrap).count(), 64);
    });
}

/// Pings whose answers nobody reads harm nobody, and are answered when somebody reads.
fn session_ping_of_death(transport: Transport) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    for _ in 0..1_000 {
        peer.say(&b"\x02\0\0\0\x06\x07".repeat(50));
    }
    assert_eq!(lab.client().empty_call(), Ok(()));
    assert_eq!(peer.hear(6 * 50_000), b"\x02\0\0\0\x07\x07".repeat(50_000));
    peer.call(1, "empty_call", &[]);
    peer.hear_is(&[1, 1, 0]);
}

/// A server that takes nothing for the time it is given loses the connection, and every call learns why.
fn session_connection_write_timeout(transport: Transport) {
    let mut stage = Stage::new(transport);
    let limits = Limits { write_stall: Duration::from_millis(200), ..Limits::default() };
    let client = stage.limited_client(limits);
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.unary_call(Request::of(8_000_000)));
        let server = stage.greeted();
        let lost = calling.join().unwrap().unwrap_err();
        assert_eq!((lost.code(), lost.may_have_run()), (Code::Unavailable, true));
        assert!(lost.message().contains("took nothing for 200ms"), "{lost}");
        drop(server);
    });
}
