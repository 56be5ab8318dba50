//! Sockets that a supervisor has opened before it started the program: socket activation, as systemd does it.
//!
//! Owned by `main`, which asks once, before anything else runs. A socket is named for the option that it stands for:
//! `FileDescriptorName=listen` in the `.socket` unit. A unit's own name, or none, means the first that the program knows.

use std::env;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use thiserror::Error;

use crate::listen::{self, ListenError};

/// The sockets that were passed, by the names of the options that they stand for.
#[derive(Debug, Default)]
pub struct Sockets {
    passed: Vec<Passed>,
}

#[derive(Debug)]
struct Passed {
    option: &'static str,
    address: SocketAddr,
    listener: TcpListener,
}

/// Where a program listens: on a socket that was passed, or on an address that it takes itself.
#[derive(Debug)]
pub struct Seat {
    address: SocketAddr,
    listener: Option<TcpListener>,
}

/// Why the sockets that were passed cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// More than a program could know of.
    #[error("the supervisor passes {count} sockets (LISTEN_FDS), at most {MOST} are taken")]
    TooMany {
        /// What was said.
        count: String,
    },
    /// The name belongs to no option.
    #[error(
        "the supervisor passes a socket named {name:?}, and this program knows {}: say it with FileDescriptorName= in \
         the socket unit", .known.join(" and ")
    )]
    Unknown {
        /// The name that was given.
        name: String,
        /// Those that have a meaning.
        known: Vec<&'static str>,
    },
    /// Two stand for the same option.
    #[error(
        "the supervisor passes two sockets for {option}, {first} and {second}, and one is listened on: for IPv4 and IPv6 \
         at once say ListenStream=[::]:PORT and BindIPv6Only=both"
    )]
    Twice {
        /// The option.
        option: &'static str,
        /// Where the first listens.
        first: SocketAddr,
        /// Where the second listens.
        second: SocketAddr,
    },
    /// A Unix socket, a datagram socket, or no socket at all.
    #[error(
        "what the supervisor passes for {option} is not a TCP socket: say ListenStream=ADDRESS:PORT in the socket unit"
    )]
    Kind {
        /// The option.
        option: &'static str,
    },
    /// A connection, or a socket that was never told to listen.
    #[error(
        "the socket that the supervisor passes for {option} does not listen: leave Accept= at no in the socket unit"
    )]
    Deaf {
        /// The option.
        option: &'static str,
    },
}

/// The most sockets that are looked at: no program of ours has as many options that listen.
pub const MOST: usize = 8;

/// Takes the sockets that were passed to this process (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`), for the options of
/// these names. Without a supervisor there are none.
///
/// # Errors
/// [`ActivationError`] when there are too many, or one is not what it should be.
pub fn sockets(options: &[&'static str]) -> Result<Sockets, ActivationError> {
    if let Ok(count) = env::var("LISTEN_FDS")
        && count.parse::<usize>().is_ok_and(|count| count > MOST)
    {
        return Err(ActivationError::TooMany { count });
    }
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut descriptors = ListenFd::from_env();
    let mut sockets = Sockets::default();
    let names = names.split(':').map(Some).chain(std::iter::repeat(None));
    for (index, name) in names.take(descriptors.len()).enumerate() {
        let option = option_of(name.unwrap_or_default(), options)?;
        // Where it is none, the descriptor is left alone.
        let Ok(Some(listener)) = descriptors.take_tcp_listener(index) else {
            return Err(ActivationError::Kind { option });
        };
        sockets.add(option, listener)?;
    }
    Ok(sockets)
}

/// The option that a socket of this name stands for.
fn option_of(name: &str, options: &[&'static str]) -> Result<&'static str, ActivationError> {
    if let Some(option) = options.iter().find(|option| **option == name) {
        return Ok(option);
    }
    let nameless = name.is_empty() || name == "unknown" || name.ends_with(".socket");
    match options.first() {
        Some(first) if nameless => Ok(first),
        _ => Err(ActivationError::Unknown { name: name.to_owned(), known: options.to_vec() }),
    }
}

impl Sockets {
    fn add(&mut self, option: &'static str, listener: TcpListener) -> Result<(), ActivationError> {
        let Ok(address) = listener.local_addr() else { return Err(ActivationError::Kind { option }) };
        if !socket_acceptconn(&listener).unwrap_or(false) {
            return Err(ActivationError::Deaf { option });
        }
        if let Some(first) = self.passed.iter().find(|passed| passed.option == option) {
            return Err(ActivationError::Twice { option, first: first.address, second: address });
        }
        self.passed.push(Passed { option, address, listener });
        Ok(())
    }

    /// Where to listen for this option: on the socket that was passed for it, and otherwise on `address`.
    pub fn seat(&mut self, option: &str, address: SocketAddr) -> Seat {
        self.take(option).unwrap_or(Seat { address, listener: None })
    }

    /// The socket that was passed for this option, if there is one.
    pub fn take(&mut self, option: &str) -> Option<Seat> {
        let index = self.passed.iter().position(|passed| passed.option == option)?;
        let Passed { address, listener, .. } = self.passed.swap_remove(index);
        Some(Seat { address, listener: Some(listener) })
    }
}

impl Seat {
    /// The address: of the socket that was passed, or that will be asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens.
    ///
    /// # Errors
    /// [`ListenError`] when the address cannot be had; never for a socket that was passed.
    pub fn bind(self) -> Result<TcpListener, ListenError> {
        match self.listener {
            Some(listener) => {
                tracing::info!("{} was opened by the supervisor", self.address);
                Ok(listener)
            }
            None => TcpListener::bind(self.address).map_err(|error| listen::failed(self.address, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::os::fd::OwnedFd;

    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn a_name_is_an_options_and_no_name_of_its_own_is_the_first() {
        let options = ["listen", "http"];
        for (name, option) in [
            ("http", "http"),
            ("listen", "listen"),
            ("", "listen"),
            ("unknown", "listen"),
            ("x.socket", "listen"),
        ] {
            assert_eq!(option_of(name, &options).unwrap(), option, "{name:?}");
        }
        let error = option_of("htpp", &options).unwrap_err().to_string();
        assert!(
            error.contains(r#"a socket named "htpp", and this program knows listen and http"#),
            "{error}"
        );
    }

    #[test]
    fn two_sockets_for_one_option_and_a_connection_are_refused() {
        let mut sockets = Sockets::default();
        let first = listener();
        let address = first.local_addr().unwrap();
        sockets.add("listen", first).unwrap();
        let error = sockets.add("listen", listener()).unwrap_err().to_string();
        assert!(error.contains(&format!("two sockets for listen, {address} and 127.0.0.1:")), "{error}");
        let connection = OwnedFd::from(TcpStream::connect(address).unwrap());
        let error = sockets.add("http", connection.into()).unwrap_err().to_string();
        assert!(error.contains("for http does not listen"), "{error}");
    }

    #[test]
    fn a_socket_that_was_passed_goes_before_the_address() {
        let mut sockets = Sockets::default();
        let passed = listener();
        let address = passed.local_addr().unwrap();
        sockets.add("listen", passed).unwrap();
        let seat = sockets.seat("listen", "192.0.2.1:1".parse().unwrap());
        assert_eq!(seat.address(), address);
        assert_eq!(seat.bind().unwrap().local_addr().unwrap(), address);
        let seat = sockets.seat("listen", "127.0.0.1:0".parse().unwrap());
        assert_ne!(seat.bind().unwrap().local_addr().unwrap(), address);
    }

    #[test]
    fn without_a_supervisor_there_are_none() {
        assert!(sockets(&["listen"]).unwrap().passed.is_empty());
    }
}
