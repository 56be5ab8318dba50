//! What a server tells of its health: the cases of gRPC's health tests.

use std::thread;

use rpc_core::health::{Health, HealthCheck as _, HealthCheckClient, Standing};

use super::*;

fn checks(server: &Server) -> HealthCheckClient {
    HealthCheckClient::new(client_of(server))
}

fn check(server: &Server, service: &str) -> Result<Standing, Code> {
    checks(server).check(service.to_owned()).map_err(|status| status.code())
}

#[test]
fn services_of_a_server_serve_from_the_start() {
    let server = builder().serve_in_memory().unwrap();
    for service in ["", "Ledger", "till"] {
        assert_eq!(check(&server, service), Ok(Standing::Serving));
    }
    assert_eq!(check(&server, "nobody"), Err(Code::NotFound));
}

#[test]
fn what_was_said_before_the_server_began_is_kept() {
    let health = Health::new();
    health.set("till", Standing::NotServing);
    let server = builder().health(health).serve_in_memory().unwrap();
    assert_eq!(check(&server, "till"), Ok(Standing::NotServing));
    assert_eq!(check(&server, "Ledger"), Ok(Standing::Serving));
}

#[test]
fn a_watcher_hears_at_once_and_then_of_changes_alone() {
    let server = builder().serve_in_memory().unwrap();
    let mut till = checks(&server).watch("till".to_owned()).unwrap();
    assert_eq!(till.next(), Some(Ok(Standing::Serving)));
    server.health().set("Ledger", Standing::NotServing);
    server.health().set("till", Standing::Serving);
    server.health().set("till", Standing::NotServing);
    assert_eq!(till.next(), Some(Ok(Standing::NotServing)));
    server.health().resume();
    server.health().set("till", Standing::Serving);
    assert_eq!(till.next(), Some(Ok(Standing::Serving)));
}

#[test]
fn a_service_may_be_watched_before_it_is_known() {
    let server = builder().serve_in_memory().unwrap();
    let mut later = checks(&server).watch("later".to_owned()).unwrap();
    assert_eq!(later.next(), Some(Ok(Standing::ServiceUnknown)));
    server.health().set("later", Standing::Serving);
    assert_eq!(later.next(), Some(Ok(Standing::Serving)));
}

#[test]
fn many_watchers_hear_the_same() {
    let server = builder().serve_in_memory().unwrap();
    let watching: Vec<_> = (0..20).map(|_| checks(&server).watch(String::new()).unwrap()).collect();
    server.health().set("", Standing::NotServing);
    for watcher in watching {
        let heard: Vec<_> = watcher.take(2).collect();
        assert_eq!(heard, [Ok(Standing::Serving), Ok(Standing::NotServing)]);
    }
}

/// A watcher is a call in flight: a shutdown would otherwise wait for it all its grace.
#[test]
fn a_shutdown_tells_watchers_that_nothing_serves_and_does_not_wait_for_them() {
    let server = builder().bind("127.0.0.1:0").unwrap();
    let client = Client::connect(server.address().to_string());
    let watching = HealthCheckClient::new(client).watch("till".to_owned()).unwrap();
    let health = server.health().clone();
    let begun = std::time::Instant::now();
    let heard = thread::scope(|scope| {
        let hearing = scope.spawn(|| watching.collect::<Vec<_>>());
        server.shutdown(SOON).unwrap();
        hearing.join().unwrap()
    });
    assert!(begun.elapsed() < SOON);
    let (last, before) = heard.split_last().unwrap();
    assert_eq!(*last, Ok(Standing::NotServing));
    assert!(before.iter().all(|standing| *standing == Ok(Standing::Serving)));
    assert_eq!(health.standing(""), Standing::NotServing);
}

#[test]
fn health_is_asked_for_in_json_too() {
    let server = builder().serve_in_memory().unwrap();
    let json = client_of(&server).json();
    assert_eq!(json.call("rpc.health.check", r#"{"service":"till"}"#).unwrap().as_str(), "\"Serving\"");
    let mut watch = json.call_for_stream("rpc.health.watch", r#"[""]"#).unwrap();
    assert_eq!(watch.next().unwrap().unwrap().as_str(), "\"Serving\"");
}

#[test]
fn a_server_without_health_does_not_have_its_procedures() {
    let server = builder().without_health().serve_in_memory().unwrap();
    assert_eq!(check(&server, ""), Err(Code::Unimplemented));
}
