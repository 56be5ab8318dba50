//! Calls and streams of all kinds and sizes, as without TLS.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::{Client, Code, Limits, Stream};

use crate::lab::{Authority, HOST, Lab as _, SOON, VERSIONS, lab, serve, stand};

const MIB: usize = 1 << 20;

#[test]
fn a_mebibyte_goes_both_ways_at_the_same_time_on_one_connection() {
    let authority = Authority::new("lab");
    for version in VERSIONS {
        let stand = serve(&authority.server(&[HOST]).with_version(version).unwrap());
        let client = stand.client(&authority.client());
        std::thread::scope(|scope| {
            for number in 0..4u8 {
                let client = &client;
                scope.spawn(move || {
                    for _ in 0..8 {
                        let bytes = vec![number; MIB];
                        assert_eq!(client.bulk(bytes.clone().into()).unwrap(), bytes.into());
                    }
                });
            }
        });
        assert_eq!(stand.server.connections(), 1);
    }
}

#[test]
fn many_threads_share_a_connection() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let (client, answered) = (stand.client(&authority.client()), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (client, answered) = (&client, &answered);
            scope.spawn(move || {
                for call in 0..100 {
                    let text = format!("{thread}/{call} {}", "x".repeat(call * 37));
                    assert_eq!(client.echo(text.clone()).unwrap(), text);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!((answered.into_inner(), stand.server.connections()), (1600, 1));
}

#[test]
fn streams_flow_in_both_directions() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let client = stand.client(&authority.client());
    assert_eq!(client.count(50_000).unwrap().map(Result::unwrap).sum::<u64>(), 1_249_975_000);
    let doubled = client.double(Stream::from_iter(0..20_000)).unwrap();
    assert_eq!(doubled.map(Result::unwrap).sum::<u64>(), 399_980_000);
}

#[test]
fn a_broadcast_reaches_every_stream_in_order() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let clients: Vec<_> = (0..8).map(|_| stand.client(&authority.client())).collect();
    let streams: Vec<_> = clients.iter().map(|client| client.follow().unwrap()).collect();
    let sent = 2_000;
    (0..sent).for_each(|item| {
        stand.news.send(&item).unwrap();
    });
    for stream in streams {
        let heard: Vec<u64> = stream.take(2_000).map(Result::unwrap).collect();
        assert_eq!(heard, (0..sent).collect::<Vec<_>>());
    }
}

#[test]
fn a_deadline_ends_a_call_and_the_connection_goes_on() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let client = stand.client(&authority.client());
    assert_eq!(client.echo("1".to_owned()).unwrap(), "1");
    let status = client.with_deadline(Duration::from_millis(50)).wait().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(client.echo("2".to_owned()).unwrap(), "2");
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn a_slow_call_holds_nobody_up() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let client = stand.client(&authority.client());
    let slow = client.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    for call in 0..100 {
        assert_eq!(client.echo(call.to_string()).unwrap(), call.to_string());
    }
    stand.gate.send(()).unwrap();
    assert_eq!(slow.wait().unwrap(), "through");
}

#[test]
fn unix_sockets_and_sockets_that_are_passed_in_are_protected_alike() {
    let authority = Authority::new("lab");
    let path = std::env::temp_dir().join(format!("rpc-core-tls-{}.socket", std::process::id()));
    let unix =
        stand(Limits::default(), |builder| builder.tls(authority.server(&[HOST])).bind_unix(&path).unwrap());
    let tls = authority.client().with_server_name(HOST).unwrap();
    let endpoint = unix.server.endpoint().unwrap().to_string();
    let (near, far) = UnixStream::pair().unwrap();
    unix.server.adopt(near).unwrap();
    for client in [Client::connect(endpoint), Client::over(far), Client::over(&unix.server)] {
        let client = lab(&client.with_tls(tls.clone()));
        let bytes = vec![1; MIB];
        assert_eq!(client.bulk(bytes.clone().into()).unwrap(), bytes.into());
    }
}
