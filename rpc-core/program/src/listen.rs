//! Where a program may listen: on loopback, or anywhere when told so in a word.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// Whether a program may listen where other machines reach it: when it is protected, or `--insecure` is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    anywhere: bool,
}

impl Exposure {
    /// Loopback addresses only.
    pub const LOOPBACK: Exposure = Exposure { anywhere: false };
    /// Any address, since TLS or tokens protect what is served there.
    pub const PROTECTED: Exposure = Exposure { anywhere: true };
    /// Any address, unprotected.
    pub const INSECURE: Exposure = Exposure { anywhere: true };
}

/// Why a program does not listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Others could reach the address, and nobody said that this is wanted.
    #[error(
        "other machines could reach {0}, and nothing protects what is served there: listen on a loopback address \
         such as 127.0.0.1, or say --insecure"
    )]
    Exposed(SocketAddr),
    /// The port is in use.
    #[error(
        "port {} of {} is taken by another program: end that one, or choose another address with --listen \
         (port 0 takes a free one)", .0.port(), .0.ip()
    )]
    Taken(SocketAddr),
    /// The system refuses the address.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A text is no address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "expected an IP address and a port, for example 127.0.0.1:{port} for this machine alone, or 0.0.0.0:{port} for \
     others too{}", if *.is_name { "; a host name may stand for several" } else { "" }
)]
pub struct AddressError {
    port: u16,
    is_name: bool,
}

/// An address to listen on, for clap's `value_parser`.
///
/// # Errors
/// When it is none: with the right form for the port that was given, or 5000.
pub fn address(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse().map_err(|_| {
        let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
        let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.contains(':');
        AddressError { port: port.parse().unwrap_or(5000), is_name }
    })
}

/// Whether a program with this exposure may listen on this address.
///
/// # Errors
/// [`ListenError::Exposed`] for an address that is not loopback, unless the exposure allows it.
pub fn check(address: SocketAddr, exposure: Exposure) -> Result<(), ListenError> {
    let loopback = address.ip().to_canonical().is_loopback();
    if loopback || exposure.anywhere { Ok(()) } else { Err(ListenError::Exposed(address)) }
}

/// Where a program listens that is told a port and nothing else: all interfaces, in IPv6 and IPv4 with one socket, or in
/// IPv4 alone on a machine without IPv6. For `bind`, which takes the first that it can.
pub fn everywhere(port: u16) -> [SocketAddr; 2] {
    [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()]
}

/// What a failed attempt to listen on this address means, in words.
pub fn failed(address: SocketAddr, source: io::Error) -> ListenError {
    if source.kind() == io::ErrorKind::AddrInUse {
        return ListenError::Taken(address);
    }
    ListenError::Refused { address, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_to_listen_on_is_told_by_an_example() {
        assert_eq!(address("[::1]:0").unwrap().port(), 0);
        let name = address("localhost:7000").unwrap_err().to_string();
        assert!(
            name.contains("for example 127.0.0.1:7000 ") && name.ends_with("may stand for several"),
            "{name}"
        );
        for text in ["", "5000", ":5000", "127.0.0.1", "127.0.0.1:65536", "::1:x"] {
            let told = address(text).unwrap_err().to_string();
            assert!(
                told.contains("expected an IP address and a port") && told.ends_with("others too"),
                "{text}: {told}"
            );
        }
    }

    #[test]
    fn only_loopback_is_listened_on_unless_insecure_is_said() {
        for text in ["127.0.0.1:5000", "127.9.9.9:1", "[::1]:5000", "[::ffff:127.0.0.1]:5000"] {
            assert!(check(text.parse().unwrap(), Exposure::LOOPBACK).is_ok(), "{text}");
        }
        for text in ["0.0.0.0:5000", "192.168.1.4:5000", "[::]:5000", "[::ffff:10.0.0.1]:5000"] {
            let address = text.parse().unwrap();
            assert!(matches!(check(address, Exposure::LOOPBACK), Err(ListenError::Exposed(_))), "{text}");
            assert!(check(address, Exposure::INSECURE).is_ok(), "{text}");
        }
    }

    #[test]
    fn everywhere_is_reached_by_ipv4_with_or_without_ipv6() {
        let listener = std::net::TcpListener::bind(&everywhere(0)[..]).unwrap();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port())).unwrap();
    }

    #[test]
    fn a_port_in_use_is_told_with_what_to_do() {
        let taken = failed("127.0.0.1:5000".parse().unwrap(), io::ErrorKind::AddrInUse.into());
        assert!(taken.to_string().starts_with("port 5000 of 127.0.0.1 is taken by another program: end"));
        let other = failed("192.0.2.1:5000".parse().unwrap(), io::ErrorKind::AddrNotAvailable.into());
        assert_eq!(other.to_string(), "cannot listen on 192.0.2.1:5000");
    }
}
