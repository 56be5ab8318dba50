use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use clap::Parser;
use rpc_core::metrics::Family;

use super::*;

struct Ours;

impl Variable for Ours {
    const METRICS: &'static str = "RPC_PROGRAM_TEST_METRICS";
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    metrics: MetricsPort<Ours>,
}

fn port(address: &str) -> MetricsPort<Ours> {
    Line::try_parse_from(["x", "--metrics", address]).map_err(|error| error.to_string()).unwrap().metrics
}

fn read() -> Metrics {
    Metrics::from_iter([Family::gauge("rooms", "Rooms.").with([], 3_u64)])
}

/// What is answered to these bytes.
fn ask(server: &MetricsServer, request: &str) -> String {
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A connection that was reset has said what it said.
    socket.read_to_end(&mut answer).ok();
    String::from_utf8(answer).unwrap()
}

#[test]
fn without_a_word_there_is_no_port() {
    let silent = Line::try_parse_from(["x"]).map_err(|error| error.to_string()).unwrap().metrics;
    assert!(silent.open(Exposure::LOOPBACK, read).unwrap().is_none());
}

#[test]
fn metrics_and_health_are_told_and_nothing_else() {
    let server = port("127.0.0.1:0").open(Exposure::LOOPBACK, read).unwrap().unwrap();
    let get = |path: &str| ask(&server, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let metrics = get("/metrics");
    assert!(metrics.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{metrics}");
    assert!(metrics.contains("\r\n\r\n# HELP rooms Rooms.\n# TYPE rooms gauge\nrooms 3\n"), "{metrics}");
    assert!(metrics.contains("\nprocess_threads "), "{metrics}");
    assert!(get("/healthz").ends_with("\r\n\r\nok\n"));
    let other = get("/");
    assert!(
        other.starts_with("HTTP/1.1 404 ") && other.ends_with("\r\n\r\nthere are /metrics and /healthz\n")
    );
    let post = ask(&server, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
}

#[test]
fn a_loopback_port_is_asked_for_by_its_own_names_alone() {
    let request = "GET /metrics HTTP/1.1\r\nHost: chat.example\r\n\r\n";
    let near = port("127.0.0.1:0").open(Exposure::LOOPBACK, read).unwrap().unwrap();
    assert!(ask(&near, request).starts_with("HTTP/1.1 421 "));
    let everywhere = MetricsServer::start("0.0.0.0:0".parse().unwrap(), read).unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", everywhere.address().port())).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn other_machines_read_nothing_unless_that_is_said() {
    let refused = port("0.0.0.0:0").open(Exposure::LOOPBACK, read).unwrap_err();
    assert!(
        refused.to_string().starts_with("other machines could read the metrics at 0.0.0.0:0, and"),
        "{refused}"
    );
    assert!(port("0.0.0.0:0").check(Exposure::INSECURE).is_ok());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = port(&holder.local_addr().unwrap().to_string()).open(Exposure::LOOPBACK, read).unwrap_err();
    assert!(
        taken.to_string().ends_with("choose another address with --metrics (port 0 takes a free one)"),
        "{taken}"
    );
}
