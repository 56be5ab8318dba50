//! What drpc tests of its server and its connections (`drpcserver`, `drpcmanager`).

use std::net::TcpStream;
use std::time::Duration;

use rpc_core::Limits;
use system_tests::BinderProgram;

use crate::lab::{Lab, Transport, eventually};
use crate::peer::Peer;
use crate::service::TestService as _;

cases! {
    timeout,
}

cases_of_programs! {
    server_temporary_sleep,
}

/// A connection on which nothing is called for the time it is given is told goodbye and closed, and its client finds
/// another.
fn timeout(transport: Transport) {
    let lab = Lab::limited(transport, Limits { idle: Duration::from_millis(500), ..Limits::default() });
    let client = lab.client();
    assert_eq!(client.empty_call(), Ok(()));
    let mut peer = lab.host.peer();
    peer.call(1, "empty_call", &[]);
    peer.hear_is(&[1, 1, 0]);
    assert_eq!(peer.hear_frame()[..2], [8, 1], "a goodbye behind call 1");
    peer.hear_end();
    eventually(&0, || lab.host.server.connections());
    assert_eq!((client.empty_call(), lab.begun()), (Ok(()), 3));
}

/// A server that has no descriptor for the next connection serves those it has, does not spin, and accepts when it has one
/// again.
fn server_temporary_sleep(_transport: Transport) {
    let mut binder = BinderProgram::start();
    let connect = || Peer::over(TcpStream::connect(binder.address).unwrap());
    let mut served = connect();
    served.greet_server();
    binder.process.exhaust_descriptors();
    let mut waiting = connect();
    binder.process.complaint("no connection can be accepted now");
    let before = binder.process.processor_time();
    for nonce in 0..30 {
        served.ping(nonce);
        served.hear_is(&[7, u8::try_from(nonce).unwrap()]);
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let busy = binder.process.processor_time() - before;
    assert!(busy < Duration::from_millis(150), "{busy:?} of 300 ms");
    binder.process.limit_descriptors(1_000);
    waiting.greet_server();
    waiting.ping(7);
    waiting.hear_is(&[7, 7]);
    binder.process.signal("TERM");
    assert_eq!(binder.process.end().code(), Some(0));
}
