//! Unix sockets as files.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Barrier;

use rpc_core::{Client, Code};

use crate::lab::{Folder, Lab as _, LabClient, SOON, plain};

fn lab(path: &Path) -> LabClient {
    LabClient::new(Client::connect(format!("unix:{}", path.display())))
}

#[track_caller]
fn check_serves(path: &Path) {
    assert_eq!(lab(path).echo("x".to_owned()), Ok("x".to_owned()));
}

/// Nothing is served at `path`, and the error says why.
#[track_caller]
fn check_refused(path: &Path, kind: ErrorKind, why: &str) {
    let error = plain().bind_unix(path).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("cannot listen on /") && text.contains(why), "{text}");
}

#[test]
fn the_file_goes_with_its_server() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let server = plain().bind_unix(&path).unwrap();
    assert_eq!(server.endpoint().unwrap().to_string(), format!("unix:{}", path.display()));
    check_serves(&path);
    server.shutdown(SOON).unwrap();
    assert!(!path.exists());
    drop(plain().bind_unix(&path).unwrap());
    assert!(!path.exists());
    assert_eq!(fs::read_dir(folder.path(".")).unwrap().count(), 0);
}

#[test]
fn a_dead_servers_socket_is_replaced() {
    let folder = Folder::new();
    let path = folder.path("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _server = plain().bind_unix(&path).unwrap();
    check_serves(&path);
}

#[test]
fn a_living_servers_path_is_not_taken() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let _server = plain().bind_unix(&path).unwrap();
    check_refused(&path, ErrorKind::AddrInUse, "another server listens there");
    check_serves(&path);
}

#[test]
fn a_server_too_busy_to_accept_lives() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    check_refused(&path, ErrorKind::AddrInUse, "cannot be told whether its server lives");
    assert!(path.exists());
}

#[test]
fn of_servers_that_start_together_one_gets_the_path() {
    let folder = Folder::new();
    for round in 0..100 {
        let path = folder.path(round.to_string());
        drop(UnixListener::bind(&path).unwrap());
        let start = Barrier::new(4);
        let servers: Vec<_> = std::thread::scope(|scope| {
            let bind = || {
                start.wait();
                plain().bind_unix(&path)
            };
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(bind)).collect();
            starts.into_iter().filter_map(|start| start.join().unwrap().ok()).collect()
        });
        assert_eq!(servers.len(), 1);
        check_serves(&path);
    }
}

#[test]
fn a_file_that_is_not_a_socket_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("notes");
    fs::write(&path, "mine").unwrap();
    check_refused(&path, ErrorKind::AlreadyExists, "not a socket");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let link = folder.path("link");
    std::os::unix::fs::symlink(folder.path("nowhere"), &link).unwrap();
    check_refused(&link, ErrorKind::AlreadyExists, "not a socket");
}

#[test]
fn a_path_that_cannot_be_is_refused_in_words() {
    let folder = Folder::new();
    check_refused(&folder.path("missing/socket"), ErrorKind::NotFound, "its folder does not exist");
    let room = 107 - folder.path("x").as_os_str().len() + 1;
    let fitting = folder.path("x".repeat(room));
    let _server = plain().bind_unix(&fitting).unwrap();
    check_serves(&fitting);
    let long = folder.path("x".repeat(room + 1));
    check_refused(&long, ErrorKind::InvalidInput, "the path has 108 bytes, a socket's may have 107");
    let failure = lab(&long).echo("x".to_owned()).unwrap_err();
    assert!(failure.message().contains("108 bytes") && !failure.may_have_run(), "{failure}");
}

#[test]
fn a_server_leaves_the_file_of_its_successor() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let first = plain().bind_unix(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _second = plain().bind_unix(&path).unwrap();
    first.shutdown(SOON).unwrap();
    check_serves(&path);
}

#[test]
fn a_client_finds_the_next_server_at_the_path() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let lab = lab(&path);
    for _ in 0..3 {
        let failure = lab.echo("x".to_owned()).unwrap_err();
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(
            failure.message().contains("cannot connect to unix:/") && !failure.may_have_run(),
            "{failure}"
        );
        let server = plain().bind_unix(&path).unwrap();
        assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()));
        server.shutdown(SOON).unwrap();
    }
}

#[test]
fn a_patient_call_waits_for_the_server_of_a_path() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let lab = lab(&path).wait_for_ready();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lab.echo("there".to_owned()));
        let server = plain().bind_unix(&path).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok("there".to_owned()));
        server.shutdown(SOON).unwrap();
    });
}

#[test]
fn a_listener_that_accepts_nothing_costs_a_call_its_time_only() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    let failure =
        lab(&path).with_deadline(std::time::Duration::from_millis(50)).echo("x".to_owned()).unwrap_err();
    assert!(matches!(failure.code(), Code::DeadlineExceeded | Code::Unavailable), "{failure:?}");
    assert!(!failure.may_have_run(), "{failure:?}");
}
