//! Sockets that somebody else has made.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rpc_core::{Client, Code, Limits, Listener, Socket};

use crate::lab::{Folder, Lab as _, LabClient, SOON, plain, tcp_pair};

#[test]
fn a_listener_that_listens_already_is_served() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let unix = plain().serve(UnixListener::bind(&path).unwrap()).unwrap();
    let tcp = plain().serve(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    assert_eq!(unix.endpoint().unwrap().path(), Some(path.as_path()));
    for server in [unix, tcp] {
        let lab = LabClient::new(Client::connect(server.endpoint().unwrap().to_string()));
        assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()));
        assert_eq!(server.shutdown(SOON), Ok(()));
    }
    assert!(path.exists(), "the file of a passed-in listener is not the server's");
}

/// So many clients connect and call before anybody serves them; then the server is gone at once.
#[track_caller]
fn check_queued(listener: impl Into<Listener>, connect: impl Fn() -> Socket) {
    let labs: Vec<_> = (0..100).map(|_| LabClient::new(Client::over(connect()))).collect();
    let calls: Vec<_> = labs.iter().map(|lab| lab.start().echo("x".to_owned())).collect();
    let silent: Vec<Socket> = (0..40).map(|_| connect()).collect();
    let server = plain().serve(listener).unwrap();
    let begun = Instant::now();
    assert_eq!(server.shutdown(SOON), Ok(()));
    assert!(begun.elapsed() < SOON / 2, "shut down only after {:?}", begun.elapsed());
    for call in calls {
        match call.wait() {
            Ok(answer) => assert_eq!(answer, "x"),
            Err(refused) => {
                assert_eq!((refused.code(), refused.may_have_run()), (Code::Unavailable, false), "{refused}");
                assert!(refused.message().contains("shutting down"), "{refused}");
            }
        }
    }
    drop(silent);
}

/// They were reset with the listening socket, and had to think that their calls might have run.
#[test]
fn calls_that_wait_to_be_accepted_when_a_server_closes_did_not_run() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&tcp, 200).unwrap();
    let address = tcp.local_addr().unwrap();
    check_queued(tcp, || TcpStream::connect(address).unwrap().into());
    let folder = Folder::new();
    let path = folder.path("socket");
    let unix = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&unix, 200).unwrap();
    check_queued(unix, || UnixStream::connect(&path).unwrap().into());
}

#[test]
fn options_of_a_passed_in_socket_do_not_matter() {
    let server = plain().serve_in_memory().unwrap();
    let (near, far) = tcp_pair();
    let (close, distant) = UnixStream::pair().unwrap();
    for tcp in [&near, &far] {
        tcp.set_nonblocking(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    }
    for unix in [&close, &distant] {
        unix.set_nonblocking(true).unwrap();
        unix.set_write_timeout(Some(Duration::from_millis(1))).unwrap();
    }
    server.adopt(near).unwrap();
    server.adopt(close).unwrap();
    for lab in [LabClient::new(Client::over(far)), LabClient::new(Client::over(distant))] {
        let bytes = vec![7; 1 << 20];
        assert!(lab.bulk(bytes.clone().into()).unwrap().into_vec() == bytes);
    }
}

#[test]
fn calls_after_the_one_connections_end_fail_with_its_cause_and_do_not_wait() {
    let server = plain().serve_in_memory().unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    server.adopt(near).unwrap();
    let lab = LabClient::new(Client::over(far)).wait_for_ready();
    assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()));
    server.shutdown(SOON).unwrap();
    let begun = Instant::now();
    let failures: Vec<_> = (0..3).map(|_| lab.echo("x".to_owned()).unwrap_err()).collect();
    for failure in &failures {
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(failure.message().contains("shutting down") && !failure.may_have_run(), "{failure:?}");
    }
    assert!(begun.elapsed() < SOON);
}

#[test]
fn a_socket_whose_peer_is_gone_fails_the_calls() {
    let (near, far) = UnixStream::pair().unwrap();
    drop(near);
    let lab = LabClient::new(Client::over(far));
    for _ in 0..3 {
        let failure = lab.echo("x".to_owned()).unwrap_err();
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(failure.message().contains("the peer of a passed-in socket"), "{failure}");
    }
}

#[test]
fn a_socket_serves_one_of_the_clients_made_from_it() {
    let server = plain().serve_in_memory().unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    server.adopt(near).unwrap();
    let client = Client::over(far);
    let small = LabClient::new(client.with_limits(Limits { frame: 1 << 20, ..Limits::default() }));
    assert_eq!(small.echo("x".to_owned()), Ok("x".to_owned()));
    let failure = LabClient::new(client).echo("x".to_owned()).unwrap_err();
    assert_eq!(failure.code(), Code::Unavailable);
    assert!(failure.message().contains("used before") && !failure.may_have_run(), "{failure}");
}

#[test]
fn a_socket_without_a_place_is_reported_to_who_passed_it() {
    let limits = Limits { connections: Some(1), ..Limits::default() };
    let server = plain().limits(limits).serve_in_memory().unwrap();
    let lab = LabClient::new(Client::over(&server));
    assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()));
    let refused = server.adopt(UnixStream::pair().unwrap().0).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::QuotaExceeded);
}
