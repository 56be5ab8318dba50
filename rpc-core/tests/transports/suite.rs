//! What holds over every transport.

use std::time::Duration;

use rpc_core::{Code, Limits, Stream};

use crate::lab::{self, Lab as _, SOON, Stand, Transport, eventually};

fn stand(transport: Transport) -> Stand {
    lab::stand(transport, Limits::default())
}

pub(crate) fn values_and_errors_travel(transport: Transport) {
    let stand = stand(transport);
    assert_eq!(stand.lab.echo("olá 🦀".to_owned()), Ok("olá 🦀".to_owned()));
    let refused = stand.lab.refuse().unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "not for you"));
    assert_eq!(stand.server.connections(), 1);
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

pub(crate) fn a_mebibyte_comes_back_whole(transport: Transport) {
    let stand = stand(transport);
    let bytes: Vec<u8> = (0..1 << 20).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let started: Vec<_> = (0..8).map(|_| stand.lab.start().bulk(bytes.clone().into())).collect();
    for call in started {
        assert!(call.wait().unwrap().into_vec() == bytes);
    }
}

pub(crate) fn threads_share_a_connection(transport: Transport) {
    let stand = stand(transport);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let lab = &stand.lab;
            scope.spawn(move || {
                for call in 0..100 {
                    let text = format!("{thread}/{call}");
                    assert_eq!(lab.echo(text.clone()), Ok(text));
                }
            });
        }
    });
    assert_eq!(stand.server.connections(), 1);
}

/// A client that did not know the server's limit yet sent up to 64 calls at once, of which the server refused the most.
pub(crate) fn the_first_calls_of_a_client_wait_for_their_turn(transport: Transport) {
    let stand = lab::stand(transport, Limits { calls_in_flight: 1, ..Limits::default() });
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..10).map(|_| scope.spawn(|| stand.lab.wait())).collect();
        for _ in 0..10 {
            stand.entered.recv_timeout(SOON).unwrap();
            stand.gate.send(()).unwrap();
        }
        for call in calls {
            assert_eq!(call.join().unwrap(), Ok("through".to_owned()));
        }
    });
}

pub(crate) fn a_fast_call_overtakes_a_slow_one(transport: Transport) {
    let stand = stand(transport);
    let slow = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    assert_eq!(stand.lab.echo("fast".to_owned()), Ok("fast".to_owned()));
    stand.gate.send(()).unwrap();
    assert_eq!(slow.wait(), Ok("through".to_owned()));
}

pub(crate) fn a_deadline_ends_the_call_on_both_sides(transport: Transport) {
    let stand = stand(transport);
    let late = stand.lab.with_deadline(Duration::from_millis(30)).wait().unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    stand.cancelled.recv_timeout(SOON).unwrap();
    assert_eq!(stand.lab.echo("on".to_owned()), Ok("on".to_owned()));
}

pub(crate) fn streams_go_both_ways(transport: Transport) {
    let stand = stand(transport);
    let counted: Result<Vec<_>, _> = stand.lab.count(1000).unwrap().collect();
    assert_eq!(counted, Ok((0..1000).collect()));
    assert_eq!(stand.lab.sum(Stream::from_iter(0..1000)), Ok(499_500));
    let doubled: Result<Vec<_>, _> = stand.lab.double(Stream::from_iter(0..1000)).unwrap().collect();
    assert_eq!(doubled, Ok((0..2000).step_by(2).collect()));
    assert_eq!(stand.server.connections(), 1);
}

pub(crate) fn a_peer_that_vanishes_cancels_its_calls(transport: Transport) {
    const PREFACE: &[u8] = b"\xf1RPC\x18\0\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\0\0\0\0";
    const WAIT: &[u8] = b"\x0d\0\0\0\0\x01\x04wait\x01\xfb\x30\x75\0\0";
    let stand = stand(transport);
    let mut peer = stand.stranger();
    peer.write_all(&[PREFACE, WAIT].concat()).unwrap();
    stand.entered.recv_timeout(SOON).unwrap();
    drop(peer);
    stand.cancelled.recv_timeout(SOON).unwrap();
    // The client of an adopted socket is connected before it calls.
    let adopted = matches!(transport, Transport::AdoptedTcp | Transport::AdoptedUnix);
    eventually(&usize::from(adopted), || stand.server.connections());
}

pub(crate) fn shutdown_lets_running_calls_end_and_refuses_new_ones(transport: Transport) {
    let stand = stand(transport);
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    let (server, gate) = (stand.server, stand.gate);
    std::thread::scope(|scope| {
        let closing = scope.spawn(move || server.shutdown(SOON));
        let refused = loop {
            match stand.lab.echo("x".to_owned()) {
                Ok(_) => std::thread::yield_now(),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(!refused.may_have_run(), "{refused:?}");
        gate.send(()).unwrap();
        assert_eq!(pending.wait(), Ok("through".to_owned()));
        assert_eq!(closing.join().unwrap(), Ok(()));
    });
}

pub(crate) fn shutdown_cancels_what_outlives_the_grace(transport: Transport) {
    let stand = stand(transport);
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    assert_eq!(stand.server.shutdown(Duration::from_millis(10)), Ok(()));
    stand.cancelled.recv_timeout(SOON).unwrap();
    assert_eq!(pending.wait().unwrap_err().code(), Code::Unavailable);
}

pub(crate) fn a_client_past_the_cap_reads_why(transport: Transport) {
    let stand = lab::stand(transport, Limits { connections: Some(1), ..Limits::default() });
    assert_eq!(stand.lab.echo("x".to_owned()), Ok("x".to_owned()));
    for _ in 0..40 {
        let refused = stand.another_client().echo("x".to_owned()).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
        assert!(refused.message().contains("holds 1 connections") && !refused.may_have_run(), "{refused:?}");
    }
    assert_eq!(stand.lab.echo("x".to_owned()), Ok("x".to_owned()));
}

pub(crate) fn a_stranger_is_refused_without_a_word(transport: Transport) {
    let stand = stand(transport);
    assert_eq!(stand.lab.echo("x".to_owned()), Ok("x".to_owned()));
    let mut stranger = stand.stranger();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    let end = stranger.read_to_end(&mut heard);
    // A reset is an end as well, a time-out is not.
    let kind = end.err().map_or(std::io::ErrorKind::ConnectionReset, |error| error.kind());
    assert_eq!((heard, kind), (Vec::new(), std::io::ErrorKind::ConnectionReset));
    eventually(&1, || stand.server.connections());
    assert_eq!(stand.lab.echo("x".to_owned()), Ok("x".to_owned()));
}

pub(crate) fn only_tcp_has_addresses(transport: Transport) {
    let stand = stand(transport);
    let tcp = matches!(transport, Transport::Tcp | Transport::AdoptedTcp);
    assert_eq!(stand.lab.addresses(), Ok((tcp, tcp)));
    assert_eq!(stand.server.address().port() != 0, transport == Transport::Tcp);
    let listens = matches!(transport, Transport::Tcp | Transport::Unix);
    assert_eq!(stand.server.endpoint().is_some(), listens);
}
