//! Certificates that give rights, by the names in them.

use std::collections::BTreeMap;

use rpc_core::PeerIdentity;

use super::rights::LineError;

/// Names of certificates, each with the prefixes of the names that it allows. They are compared letter by letter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificates(BTreeMap<String, Vec<String>>);

impl Certificates {
    /// Adds a name with what it allows.
    ///
    /// # Errors
    /// When it is there already.
    pub(super) fn add(&mut self, name: &str, prefixes: Vec<String>) -> Result<(), LineError> {
        match self.0.insert(name.to_owned(), prefixes) {
            None => Ok(()),
            Some(_) => Err(LineError::NamedTwice(name.to_owned())),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What all names of this certificate allow together, if any of them is known.
    pub(super) fn prefixes_of(&self, identity: &PeerIdentity) -> Option<Vec<&str>> {
        let mut known = identity.names().filter_map(|name| self.0.get(name)).peekable();
        known.peek()?;
        Some(known.flatten().map(String::as_str).collect())
    }
}
