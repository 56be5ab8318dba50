//! Where a server says it is, and what an asker is told.
//!
//! A server may not know its own address, and loopback means another machine to everyone who says it. So the same
//! [`Place`] reads differently from different machines, and a wrong address is never told: a sentence is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use rpc_core::Context;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest address, in bytes.
pub const ADDRESS_BYTES: usize = 255;

/// A host and a port that a server has registered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    host: Host,
    port: NonZeroU16,
}

/// Which machine a [`Place`] is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    /// This address, for everyone.
    Address(IpAddr),
    /// The binder's own machine, at any of its addresses; the field is the unspecified address of the family served.
    Beside(IpAddr),
    /// A host name, resolved by whoever asks.
    Name(Arc<str>),
}

/// Where a caller stands, seen from the binder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vantage {
    /// On the binder's machine, or in its process.
    Beside,
    /// On another machine.
    Afar {
        /// His address.
        peer: IpAddr,
        /// The address at which he reached the binder.
        local: IpAddr,
    },
}

/// All that an asker's place has to do with the addresses he is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outlook {
    /// He is on the binder's machine, or in its process.
    Beside,
    /// He is on another machine, and reached the binder at this address of its.
    From(IpAddr),
}

/// Why an address cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no text.
    #[error("an address has at least 1 byte, this one is empty")]
    Empty,
    /// The text is too long.
    #[error("an address has at most {ADDRESS_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// Port 0 asks the system for a port; it is none.
    #[error("port 0 is no port that a server can be reached at: register the port it really listens on")]
    PortZero,
    /// The text is neither an IP address nor a host name.
    #[error("{address:?} is neither an IP address nor a host name (without brackets, port and blanks)")]
    Malformed {
        /// The text.
        address: String,
    },
    /// No server listens on such an address.
    #[error("{address} is an address of many machines, no single server is reached there")]
    Multicast {
        /// The address.
        address: IpAddr,
    },
    /// Loopback was registered from another machine.
    #[error(
        "{address} means the machine of whoever uses it, and this server is on {peer}, not beside the binder: \
         register an address that others can reach, or 0.0.0.0 for {peer}"
    )]
    LoopbackFromAfar {
        /// The address.
        address: String,
        /// Where the server is seen.
        peer: IpAddr,
    },
}

/// An asker on another machine cannot be told a working address; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct OutOfReach(&'static str);

impl Vantage {
    /// Where the caller of the current call stands.
    pub(crate) fn of(context: &Context) -> Vantage {
        match (context.peer(), context.local()) {
            (Some(peer), Some(local)) => Vantage::between(peer, local),
            _ => Vantage::Beside,
        }
    }

    /// What is seen from here.
    pub(crate) fn outlook(self) -> Outlook {
        match self {
            Vantage::Beside => Outlook::Beside,
            Vantage::Afar { local, .. } => Outlook::From(local),
        }
    }

    fn between(peer: SocketAddr, local: SocketAddr) -> Vantage {
        let (peer, local) = (peer.ip().to_canonical(), local.ip().to_canonical());
        // A machine that calls itself by its outer address has that address at both ends.
        if peer.is_loopback() || peer == local { Vantage::Beside } else { Vantage::Afar { peer, local } }
    }
}

impl Place {
    /// The place that a server at this vantage means by this address and port.
    ///
    /// # Errors
    /// [`AddressError`] says which rule the address breaks.
    pub(crate) fn advertised(address: &str, port: u16, vantage: Vantage) -> Result<Place, AddressError> {
        let port = NonZeroU16::new(port).ok_or(AddressError::PortZero)?;
        let host = Host::parse(address)?.meant_from(vantage)?;
        Ok(Place { host, port })
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port.get()
    }

    /// The address by which an asker with this outlook reaches the place.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn seen_from(&self, outlook: Outlook) -> Result<String, OutOfReach> {
        match (&self.host, outlook) {
            (Host::Beside(_), Outlook::From(local)) => self.outer_address(local),
            (host, Outlook::From(_)) if host.is_loopback() => Err(OutOfReach(
                "only programs on the binder's own machine reach it: let its server register 0.0.0.0, or an \
                 address that others can reach",
            )),
            (Host::Beside(IpAddr::V4(_)), Outlook::Beside) => Ok(Ipv4Addr::LOCALHOST.to_string()),
            (Host::Beside(IpAddr::V6(_)), Outlook::Beside) => Ok(Ipv6Addr::LOCALHOST.to_string()),
            (host, _) => Ok(host.to_string()),
        }
    }

    /// The address as the server registered it.
    pub(crate) fn address(&self) -> String {
        self.host.to_string()
    }

    fn outer_address(&self, local: IpAddr) -> Result<String, OutOfReach> {
        if matches!(self.host, Host::Beside(IpAddr::V4(_))) && local.is_ipv6() {
            return Err(OutOfReach("it is served over IPv4 only: ask the binder at its IPv4 address"));
        }
        Ok(local.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rpc_core::Endpoint::new(self.host.to_string(), self.port()).fmt(f)
    }
}

impl Host {
    fn parse(address: &str) -> Result<Host, AddressError> {
        if address.is_empty() {
            return Err(AddressError::Empty);
        }
        if address.len() > ADDRESS_BYTES {
            return Err(AddressError::TooLong { bytes: address.len() as u64 });
        }
        if let Ok(ip) = address.parse::<IpAddr>() {
            return Host::of(ip.to_canonical());
        }
        if !is_host_name(address) {
            return Err(AddressError::Malformed { address: address.to_owned() });
        }
        Ok(Host::Name(address.into()))
    }

    fn of(address: IpAddr) -> Result<Host, AddressError> {
        if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(AddressError::Multicast { address });
        }
        Ok(if address.is_unspecified() { Host::Beside(address) } else { Host::Address(address) })
    }

    /// What the server at this vantage means: unspecified is where it is seen, and loopback only exists beside us.
    fn meant_from(self, vantage: Vantage) -> Result<Host, AddressError> {
        match (self, vantage) {
            (Host::Beside(_), Vantage::Afar { peer, .. }) => Ok(Host::Address(peer)),
            (host, Vantage::Afar { peer, .. }) if host.is_loopback() => {
                Err(AddressError::LoopbackFromAfar { address: host.to_string(), peer })
            }
            (host, _) => Ok(host),
        }
    }

    fn is_loopback(&self) -> bool {
        match self {
            Host::Address(address) => address.is_loopback(),
            Host::Beside(_) => false,
            Host::Name(name) => is_local_name(name),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Address(address) | Host::Beside(address) => address.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
    }
}

/// `localhost` and names under it (RFC 6761), with or without the root's stop.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Labels of letters, digits, `-` and `_`; the last not a number, so that a mistyped IPv4 address is no name.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
    let last_is_number =
        labels.clone().next_back().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    labels.all(is_label) && !last_is_number
}

#[cfg(test)]
mod tests;
