use std::io::Read as _;

use super::*;

/// A server that answers with the path, and what a client reads of its answer.
fn server() -> HttpServer {
    let echo = |request: &Request| Response::new(Kind::Text, request.path().as_bytes().to_vec());
    HttpServer::start("127.0.0.1:0", Hosts::Own, Arc::new(echo)).unwrap()
}

fn connect(server: &HttpServer) -> TcpStream {
    let socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

fn rest(mut socket: &TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that was reset has said what it said.
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn ask(server: &HttpServer, request: &str) -> String {
    let mut socket = connect(server);
    socket.write_all(request.as_bytes()).unwrap();
    rest(&socket)
}

#[track_caller]
fn check(request: &str, status: &str, body: &str) {
    let server = server();
    let answer = ask(&server, request);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    let (head, found) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(found, body);
    assert!(head.contains("\r\nConnection: close\r\n") && head.contains("default-src 'none'"), "{head}");
}

#[test]
fn get_has_a_body_and_head_has_only_its_length() {
    check("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK", "/a");
    check("HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK", "");
    let answer = ask(&server(), "HEAD /abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.contains("\r\nContent-Length: 4\r\n"), "{answer}");
}

#[test]
fn what_is_not_only_looked_at_is_refused() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let answer = ask(&server(), &format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert!(
            answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nAllow: GET, HEAD\r\n"),
            "{answer}"
        );
    }
}

/// Story: a page of another site had its name point to 127.0.0.1, and read through the visitor's browser what only he was
/// to see.
#[test]
fn a_name_that_was_made_to_point_here_is_refused() {
    let sentence = "this is asked for by its address, 127.0.0.1, or localhost, and by no other name: put that in the name's place\n";
    check("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request", sentence);
}

#[test]
fn a_head_ends_at_4096_bytes() {
    let fixed = "GET / HTTP/1.1\r\nHost: localhost\r\nx: \r\n\r\n".len();
    let head = |bytes: usize| {
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n", "y".repeat(bytes - fixed))
    };
    check(&head(4096), "200 OK", "/");
    let sentence = "the head of a request has at most 4096 bytes and 64 headers\n";
    check(&head(4097), "431 Request Header Fields Too Large", sentence);
}

#[test]
fn a_path_that_does_not_end_is_refused() {
    let sentence = "the head of a request has at most 4096 bytes\n";
    check(&format!("GET /{}", "a".repeat(100_000)), "414 URI Too Long", sentence);
}

#[test]
fn of_pipelined_requests_the_first_is_answered_and_the_connection_closed() {
    let request = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    check(&request.repeat(3), "200 OK", "/a");
}

#[test]
fn strangers_get_a_sentence() {
    check("\u{1}\u{2}\u{3}\r\n\r\n", "400 Bad Request", "this is no HTTP request\n");
    check("GET / HTTP/3.0\r\n\r\n", "505 HTTP Version Not Supported", "HTTP/1.1 is spoken here\n");
    check("GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "a request has one Host header\n");
}

/// Story: clients that sent a byte now and then kept every place of a server taken, for ever.
#[test]
fn slow_clients_are_told_after_two_seconds_and_keep_nobody_out() {
    let server = server();
    let start = Instant::now();
    let slow: Vec<TcpStream> = (0..GUESTS + 8)
        .map(|_| {
            let mut socket = connect(&server);
            socket.write_all(b"GET / HT").unwrap();
            socket
        })
        .collect();
    let answer = ask(&server, "GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.ends_with("/quick"), "{answer}");
    let last = rest(slow.last().unwrap());
    assert!(last.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{last}");
    assert!(start.elapsed() >= HEAD_WITHIN);
    assert_eq!(rest(slow.first().unwrap()), "", "the first made room");
}

#[test]
fn the_end_waits_for_nobody() {
    let server = server();
    let mut socket = connect(&server);
    socket.write_all(b"GET /").unwrap();
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < HEAD_WITHIN);
    assert_eq!(rest(&socket), "");
}
