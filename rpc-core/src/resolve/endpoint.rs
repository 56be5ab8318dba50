//! A server's address.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// A server's address as it is written: a host name or IP address and a port (`127.0.0.1:5000`, `[::1]:5000`), or the path
/// of a Unix socket (`unix:/run/chat.socket`).
///
/// What follows `unix:` is a path if it has a slash, so that a relative one is written `unix:./chat.socket`, and
/// `unix:5000` is a host of that name. A path that is not UTF-8 works, but its text does not lead back to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint(Place);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    Internet {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
    /// Not an address: what messages call a server that is reached in another way.
    Unnamed(&'static str),
}

/// Text that is neither `HOST:PORT` nor `unix:/PATH`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is not an address: expected HOST:PORT, for example 127.0.0.1:5000 or [::1]:5000, or unix:/PATH"
)]
pub struct EndpointError(String);

/// What the text of a Unix socket begins with.
const UNIX: &str = "unix:";

impl Endpoint {
    /// An endpoint; an IPv6 address is given without brackets.
    pub fn new(host: impl Into<String>, port: u16) -> Endpoint {
        Endpoint(Place::Internet { host: host.into(), port })
    }

    /// An endpoint that is a Unix socket.
    pub fn unix(path: impl AsRef<Path>) -> Endpoint {
        let path = path.as_ref();
        let bare = !path.as_os_str().as_encoded_bytes().contains(&b'/');
        Endpoint(Place::Unix(if bare { Path::new(".").join(path) } else { path.to_owned() }))
    }

    pub(crate) fn unnamed(name: &'static str) -> Endpoint {
        Endpoint(Place::Unnamed(name))
    }

    /// The host, without brackets; empty for a Unix socket.
    pub fn host(&self) -> &str {
        match &self.0 {
            Place::Internet { host, .. } => host,
            Place::Unix(_) | Place::Unnamed(_) => "",
        }
    }

    /// The port; 0 for a Unix socket.
    pub fn port(&self) -> u16 {
        match &self.0 {
            Place::Internet { port, .. } => *port,
            Place::Unix(_) | Place::Unnamed(_) => 0,
        }
    }

    /// The path of a Unix socket; `None` for a host and a port.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Unix(path) => Some(path),
            Place::Internet { .. } | Place::Unnamed(_) => None,
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let refuse = || EndpointError(text.chars().take(300).collect());
        if let Some(path) = text.strip_prefix(UNIX).filter(|path| path.contains('/')) {
            return Ok(Endpoint::unix(path));
        }
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
        match &self.0 {
            Place::Internet { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Internet { host, port } => write!(f, "{host}:{port}"),
            Place::Unix(path) => write!(f, "{UNIX}{}", path.display()),
            Place::Unnamed(name) => f.write_str(name),
        }
    }
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

    #[track_caller]
    fn check_path(text: &str, path: &str) {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!((endpoint.path(), endpoint.host(), endpoint.port()), (Some(Path::new(path)), "", 0));
        assert_eq!(endpoint.to_string(), text);
        assert_eq!(Endpoint::unix(path), endpoint);
    }

    #[test]
    fn an_endpoint_may_be_a_path_with_a_slash_in_it() {
        check_path("unix:/run/chat.socket", "/run/chat.socket");
        check_path("unix:/with:colon:80", "/with:colon:80");
        check_path("unix:./here", "./here");
        check_path("unix:../olá/🦀", "../olá/🦀");
        assert_eq!(Endpoint::unix("here").to_string(), "unix:./here");
        check("unix:5000", Some(("unix", 5000)));
        check("unix:", None);
        check("unix:name", None);
    }
}
