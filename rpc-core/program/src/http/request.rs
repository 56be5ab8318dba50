//! The head of a request: read within a time and a size, and found to be one that is answered here.

use std::io::{self, Read};
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use super::host::Hosts;
use super::left;
use super::response::{Response, Status};

/// A GET or HEAD of a path here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Method,
    path: String,
    query: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Head,
}

/// Why a request is not answered as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody is there to be told.
    Gone,
    Late,
    TooLarge,
    LongPath,
    Malformed(&'static str),
    Version,
    Method,
    Host(IpAddr),
}

impl Request {
    /// Reads the head of a request to the server that was reached `at` this address, and answers by these names. What is
    /// behind it is nobody's.
    pub(super) fn read(
        mut socket: &TcpStream,
        at: (IpAddr, Hosts),
        deadline: Instant,
    ) -> Result<Request, Refusal> {
        let mut head = [0; HEAD_BYTES];
        let mut filled = 0;
        loop {
            let time = left(deadline).map_err(|_| Refusal::Late)?;
            socket.set_read_timeout(Some(time)).map_err(|_| Refusal::Gone)?;
            let free = head.get_mut(filled..).unwrap_or_default();
            filled += match socket.read(free) {
                Ok(0) => return Err(Refusal::Gone),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_late(&error) => return Err(Refusal::Late),
                Err(_) => return Err(Refusal::Gone),
            };
            let bytes = head.get(..filled).unwrap_or_default();
            if let Some(request) = Request::parse(bytes, at)? {
                return Ok(request);
            }
            if filled == HEAD_BYTES {
                return Err(if bytes.contains(&b'\n') { Refusal::TooLarge } else { Refusal::LongPath });
            }
        }
    }

    /// The request that these bytes begin with; `None` while its head is not all there.
    fn parse(bytes: &[u8], (local, names): (IpAddr, Hosts)) -> Result<Option<Request>, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
            Err(httparse::Error::Version) => return Err(Refusal::Version),
            Err(_) => return Err(Refusal::Malformed("this is no HTTP request")),
        }
        let method = match parsed.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            _ => return Err(Refusal::Method),
        };
        let mut hosts = parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refusal::Malformed("a request has one Host header"));
        };
        if !std::str::from_utf8(host.value).is_ok_and(|host| names.allow(host.trim(), local)) {
            return Err(Refusal::Host(local));
        }
        let target = parsed.path.unwrap_or_default();
        if !target.starts_with('/') {
            return Err(Refusal::Malformed("a path begins with /"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Some(Request { method, path: path.to_owned(), query: query.to_owned() }))
    }

    /// The path, as it was sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a field of the query, decoded; `None` without it, or when it is no UTF-8.
    pub fn field(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.into_iter().find(|(field, _)| *field == name)?;
        decode(value)
    }

    pub(super) fn wants_body(&self) -> bool {
        self.method == Method::Get
    }
}

impl Refusal {
    /// What the peer is told, if anybody is there.
    pub(super) fn response(self) -> Option<Response> {
        let (status, sentence) = match self {
            Refusal::Gone => return None,
            Refusal::Late => (Status::RequestTimeout, "the head of the request did not come within 2 s"),
            Refusal::TooLarge => {
                (Status::HeadTooLarge, "the head of a request has at most 4096 bytes and 64 headers")
            }
            Refusal::LongPath => (Status::PathTooLong, "the head of a request has at most 4096 bytes"),
            Refusal::Malformed(why) => (Status::BadRequest, why),
            Refusal::Version => (Status::VersionNotSupported, "HTTP/1.1 is spoken here"),
            Refusal::Method => (Status::MethodNotAllowed, "this is only looked at: GET and HEAD"),
            Refusal::Host(local) => {
                let local = local.to_canonical();
                let other = if local.is_loopback() { ", or localhost" } else { "" };
                let sentence = format!(
                    "this is asked for by its address, {local}{other}, and by no other name: put that in the name's place"
                );
                return Some(Response::sentence(Status::Misdirected, &sentence));
            }
        };
        Some(Response::sentence(status, sentence))
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// What `encodeURIComponent` and forms have encoded.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit =
                    |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                high << 4 | low
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The longest head of a request. Browsers send less than 1 KiB here.
const HEAD_BYTES: usize = 4096;
/// The most headers in it.
const HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Option<(&str, Option<&str>)>, Refusal>) {
        let parsed = Request::parse(text.as_bytes(), (Ipv4Addr::LOCALHOST.into(), Hosts::Own));
        let seen =
            parsed.map(|request| request.map(|request| (request.path.clone(), request.field("contains"))));
        let expected = expected.map(|it| it.map(|(path, field)| (path.to_owned(), field.map(str::to_owned))));
        assert_eq!(seen, expected, "{text:?}");
    }

    #[test]
    fn a_get_of_a_path_here_is_taken() {
        check("GET / HTTP/1.1\r\nHost: 127.0.0.1:5080\r\n\r\n", Ok(Some(("/", None))));
        check("HEAD /a HTTP/1.0\r\nhost: localhost\r\n\r\nrest", Ok(Some(("/a", None))));
        check(
            "GET /s?a=1&contains=z%C3%BC+%2F HTTP/1.1\r\nHost: localhost\r\n\r\n",
            Ok(Some(("/s", Some("zü /")))),
        );
        check("GET /s?contains=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", Ok(Some(("/s", None))));
        check("GET / HTTP/1.1\r\nHost: local", Ok(None));
    }

    #[test]
    fn what_is_no_such_request_is_refused() {
        check("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", Err(Refusal::Method));
        check("get / HTTP/1.1\r\nHost: localhost\r\n\r\n", Err(Refusal::Method));
        check("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", Err(Refusal::Version));
        check("GET / HTTP/1.1\r\n\r\n", Err(Refusal::Malformed("a request has one Host header")));
        check(
            "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            Err(Refusal::Malformed("a request has one Host header")),
        );
        check("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", Err(Refusal::Host(Ipv4Addr::LOCALHOST.into())));
        let absolute = "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
        check(absolute, Err(Refusal::Malformed("a path begins with /")));
        check("\u{1}\u{2}\r\n\r\n", Err(Refusal::Malformed("this is no HTTP request")));
    }

    #[test]
    fn headers_end_at_64() {
        let request = |count: usize| {
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a: b\r\n".repeat(count - 1))
        };
        check(&request(HEADERS), Ok(Some(("/", None))));
        check(&request(HEADERS + 1), Err(Refusal::TooLarge));
    }
}
