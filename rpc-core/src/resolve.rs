//! From a procedure's name to the server that has it.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use thiserror::Error;

use crate::status::Status;

/// A server's address as it is written: a host name or IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Text that is not `HOST:PORT`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not an address: expected HOST:PORT, for example 127.0.0.1:5000 or [::1]:5000")]
pub struct EndpointError(String);

impl Endpoint {
    /// An endpoint; an IPv6 address is given without brackets.
    pub fn new(host: impl Into<String>, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let refuse = || EndpointError(text.chars().take(300).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(refuse)?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(refuse());
        }
        let port = port.parse().map_err(|_| refuse())?;
        Ok(Endpoint::new(bare.unwrap_or(host), port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Finds servers for a [`Client`](crate::Client); called before every call, so it is expected to remember answers.
pub trait Resolve: Send + Sync + 'static {
    /// Where `procedure` is served; waits until `deadline` at the longest.
    ///
    /// # Errors
    /// `NotFound` when nobody serves it, `Unavailable` when that cannot be found out now.
    fn resolve(&self, procedure: &str, deadline: Instant) -> Result<Endpoint, Status>;

    /// Says that `endpoint` could not be reached or does not have `procedure`: forget that answer and ask again.
    fn reject(&self, procedure: &str, endpoint: &Endpoint);
}

/// One server for every procedure.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Result<Endpoint, EndpointError>);

impl Resolve for Fixed {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<Endpoint, Status> {
        self.0.clone().map_err(|error| Status::invalid_argument(error.to_string()).not_run())
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, u16)>) {
        let parsed = text.parse::<Endpoint>().ok();
        assert_eq!(parsed, expected.map(|(host, port)| Endpoint::new(host, port)));
        if let Some(endpoint) = parsed {
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        check("127.0.0.1:5000", Some(("127.0.0.1", 5000)));
        check("[::1]:5000", Some(("::1", 5000)));
        check("chat.example:1", Some(("chat.example", 1)));
        for bad in ["", ":", ":80", "host", "host:", "host:65536", "host:x", "::1:5000", "[]:1x"] {
            check(bad, None);
        }
    }
}
