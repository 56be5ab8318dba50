//! The address that clients are told to come to.

use std::net::IpAddr;
use std::str::FromStr;

use rpc_core::{Endpoint, EndpointError};

/// A host, and a port if it is not the one the server listens on: what a machine behind a translated address, or a
/// container, is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    host: String,
    port: Option<u16>,
}

impl Advertised {
    /// A host name or an IP address without brackets, and its port where it differs.
    pub fn new(host: impl Into<String>, port: Option<u16>) -> Advertised {
        Advertised { host: host.into(), port }
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, `listening` unless another was given.
    pub fn port(&self, listening: u16) -> u16 {
        self.port.unwrap_or(listening)
    }
}

impl FromStr for Advertised {
    type Err = EndpointError;

    /// Reads `HOST`, `HOST:PORT`, an IPv6 address bare, or one in brackets with or without `:PORT`.
    fn from_str(text: &str) -> Result<Advertised, EndpointError> {
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let bare = bracketed.unwrap_or(text);
        if bare.parse::<IpAddr>().is_ok() || (!bare.is_empty() && !bare.contains(':')) {
            return Ok(Advertised::new(bare, None));
        }
        let endpoint: Endpoint = text.parse()?;
        Ok(Advertised::new(endpoint.host(), Some(endpoint.port())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_with_or_without_its_port() {
        for (text, host, port) in [
            ("192.0.2.7", "192.0.2.7", None),
            ("192.0.2.7:9000", "192.0.2.7", Some(9000)),
            ("chat.example", "chat.example", None),
            ("chat.example:9000", "chat.example", Some(9000)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:9000", "2001:db8::1", Some(9000)),
            ("::1", "::1", None),
        ] {
            assert_eq!(text.parse(), Ok(Advertised::new(host, port)), "{text}");
        }
        for text in ["", ":", ":9000", "chat.example:", "chat.example:70000", "a:b:c", "[]"] {
            assert!(text.parse::<Advertised>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_port_is_the_one_listened_on_unless_another_is_given() {
        assert_eq!(Advertised::new("h", None).port(7), 7);
        assert_eq!(Advertised::new("h", Some(9)).port(7), 9);
    }
}
