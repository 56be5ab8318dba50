//! An answer, and the headers that every answer has.

use std::borrow::Cow;

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(super) status: Status,
    kind: Kind,
    pub(super) body: Cow<'static, [u8]>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Html,
    Css,
    Script,
    Svg,
    Json,
    Text,
    /// Prometheus' text format.
    Metrics,
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    PathTooLong,
    Misdirected,
    HeadTooLarge,
    Internal,
    VersionNotSupported,
}

impl Response {
    /// An answer of this kind.
    pub fn new(kind: Kind, body: impl Into<Cow<'static, [u8]>>) -> Response {
        Response { status: Status::Ok, kind, body: body.into() }
    }

    /// A sentence for a person.
    pub fn sentence(status: Status, text: &str) -> Response {
        Response { status, kind: Kind::Text, body: format!("{text}\n").into_bytes().into() }
    }

    /// The bytes of it, with the body or as if it were there.
    pub(super) fn encode(&self, with_body: bool) -> Vec<u8> {
        let allow = if self.status == Status::MethodNotAllowed { "Allow: GET, HEAD\r\n" } else { "" };
        let mut bytes = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}{HEADERS}\r\n",
            self.status.line(),
            self.kind.text(),
            self.body.len()
        )
        .into_bytes();
        if with_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::Forbidden => "403 Forbidden",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::RequestTimeout => "408 Request Timeout",
            Status::PathTooLong => "414 URI Too Long",
            Status::Misdirected => "421 Misdirected Request",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::Internal => "500 Internal Server Error",
            Status::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Kind::Html => "text/html; charset=utf-8",
            Kind::Css => "text/css; charset=utf-8",
            Kind::Script => "text/javascript; charset=utf-8",
            Kind::Svg => "image/svg+xml",
            Kind::Json => "application/json",
            Kind::Text => "text/plain; charset=utf-8",
            Kind::Metrics => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Nothing is kept, framed, guessed at, or loaded from elsewhere, and no script is run that is not ours.
const HEADERS: &str = "\
Connection: close\r\n\
Cache-Control: no-store\r\n\
Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n\
Cross-Origin-Opener-Policy: same-origin\r\n\
Cross-Origin-Resource-Policy: same-origin\r\n\
Referrer-Policy: no-referrer\r\n\
X-Content-Type-Options: nosniff\r\n";
