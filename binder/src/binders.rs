//! The addresses of the binders of an installation, of which any one suffices.

use std::fmt;
use std::str::FromStr;

use rpc_core::{Client, ClientTls, Endpoint};
use thiserror::Error;

/// The most binders of an installation: more than three or five help nobody, and each has all servers' renewals.
pub const BINDERS: usize = 8;

/// One to [`BINDERS`] binders, written `HOST:PORT` or `HOST:PORT,HOST:PORT`. Servers register with all of them, clients
/// ask whichever answers; they know nothing of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binders(Vec<Endpoint>);

/// A text names no binders.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindersError {
    /// One of the addresses is none.
    #[error("{address:?} is no address of a binder: expected HOST:PORT, for example 127.0.0.1:5000")]
    Address {
        /// The part of the text, cut to its first 64 characters.
        address: String,
    },
    /// There are too many.
    #[error("at most {BINDERS} binders, these are {count}")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// A client of one binder, over TLS if that is said.
pub(crate) fn connect(binder: &str, tls: Option<&ClientTls>) -> Client {
    tls.into_iter().fold(Client::connect(binder), |client, tls| client.with_tls(tls.clone()))
}

impl Binders {
    /// Their addresses, each once.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.0.iter()
    }
}

impl FromStr for Binders {
    type Err = BindersError;

    fn from_str(text: &str) -> Result<Binders, BindersError> {
        let mut binders: Vec<Endpoint> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let cut = || part.chars().take(64).collect();
            let binder: Endpoint = part.parse().map_err(|_| BindersError::Address { address: cut() })?;
            if !binders.contains(&binder) {
                binders.push(binder);
            }
        }
        if binders.len() > BINDERS {
            return Err(BindersError::TooMany { count: binders.len() });
        }
        Ok(Binders(binders))
    }
}

impl fmt::Display for Binders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, binder) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{binder}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binders_are_addresses_with_commas_between_them_each_once() {
        for (text, shown) in [
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("a:5000, b:5001,a:5000", "a:5000,b:5001"),
            ("[::1]:5000,a:1", "[::1]:5000,a:1"),
        ] {
            assert_eq!(text.parse::<Binders>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_list_of_binders_is_refused_in_words() {
        for text in ["", "a", "a:5000,", ",a:5000", "a:65536", "a:5000 b:5000"] {
            let error = text.parse::<Binders>().unwrap_err();
            assert!(
                error.to_string().contains("is no address of a binder: expected HOST:PORT"),
                "{text}: {error}"
            );
        }
        let many =
            |count: usize| (0..count).map(|port| format!("a:{}", port + 1)).collect::<Vec<_>>().join(",");
        assert!(many(BINDERS).parse::<Binders>().is_ok());
        let refused = many(BINDERS + 1).parse::<Binders>().unwrap_err().to_string();
        assert_eq!(refused, "at most 8 binders, these are 9");
    }
}
