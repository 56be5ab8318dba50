//! Who a peer is, by the certificate whose key it has proved to own.

use std::fmt;

/// The name of a peer as an authority has certified it: of a client, to a server that asks for certificates
/// ([`Context::peer_identity`](crate::Context::peer_identity)).
///
/// Whoever compares names must trust every authority that he has told the server to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerIdentity {
    common_name: Option<String>,
    alternative_names: Vec<String>,
    certificates: Vec<Vec<u8>>,
}

impl PeerIdentity {
    /// An identity with this common name and no certificate: how rules about identities are tested in process.
    pub fn named(common_name: impl Into<String>) -> PeerIdentity {
        PeerIdentity { common_name: Some(common_name.into()), ..PeerIdentity::default() }
    }

    /// The same identity with one more alternative name.
    #[must_use]
    pub fn with_alternative_name(mut self, name: impl Into<String>) -> PeerIdentity {
        self.alternative_names.push(name.into());
        self
    }

    /// What a certificate says, with the chain that led to the authority.
    #[cfg(feature = "tls")]
    pub(super) fn certified(
        common_name: Option<String>,
        alternative_names: Vec<String>,
        certificates: Vec<Vec<u8>>,
    ) -> PeerIdentity {
        PeerIdentity { common_name, alternative_names, certificates }
    }

    /// The subject's common name (CN), if it is text; the last, where there are several.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The subject alternative names that are DNS names or URIs, in the certificate's order of each kind.
    pub fn alternative_names(&self) -> impl Iterator<Item = &str> {
        self.alternative_names.iter().map(String::as_str)
    }

    /// The common name, then the alternative names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.common_name().into_iter().chain(self.alternative_names())
    }

    /// The certificates that the peer has shown, as DER: its own first, each followed by its issuer's.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }
}

/// The first of its names, for logs.
impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names().next() {
            Some(name) => write!(f, "{}", name.escape_debug()),
            None => f.write_str("a certificate without a name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_shows_the_first_of_its_names_without_control_characters() {
        assert_eq!(PeerIdentity::named("ana\u{1b}[2J").to_string(), "ana\\u{1b}[2J");
        let nameless = PeerIdentity::default();
        assert_eq!(nameless.to_string(), "a certificate without a name");
        assert_eq!(nameless.with_alternative_name("urn:x").to_string(), "urn:x");
    }
}
