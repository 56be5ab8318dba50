//! Who may do what with a binder.
//!
//! Without a file of rights everybody may do everything: the binder listens where only its own machine reaches it, or was
//! told to trust the network. With one, a caller is known by the token that he sends beside the call, or by the certificate
//! that his connection has proved; the names that he may change are those that begin with one of its prefixes. There is no
//! built-in token, and none is ever shown.

use rpc_core::{Context, PeerIdentity};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address::Vantage;
use crate::name::ProcedureName;

mod certificates;
mod rights;
mod tokens;

pub use rights::{Rights, TOKEN_FILE_BYTES, TokenFileError};
pub use tokens::{TOKEN_LONGEST, TOKEN_SHORTEST, Token, TokenError, Tokens};

/// The metadata key of the caller's token.
pub const TOKEN_KEY: &str = "binder-token";

/// Who may do what. The default is everybody everything.
#[derive(Clone, Debug, Default)]
pub struct Access {
    rights: Option<Rights>,
    certificates: Proof,
    lookups: Lookups,
}

/// Who may look up, list and watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookups {
    /// Everybody.
    #[default]
    Open,
    /// Whoever has proved a certificate, where the binder asks for one.
    WithCertificate,
    /// Whoever has any token, or a certificate that is named beside the tokens.
    WithToken,
}

/// Whether who changes something must have proved a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Proof {
    #[default]
    NotAsked,
    Asked,
}

/// A caller may not do what he asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// There is no token beside the call.
    #[error("this binder wants a token (metadata {TOKEN_KEY}): give the program its token file")]
    Missing,
    /// The token is none of the binder's.
    #[error("this binder does not know the token")]
    Unknown,
    /// The token, or the certificate, is for other names.
    #[error("{what} does not allow the name {name}: it allows {allowed}")]
    NotAllowed {
        /// What he has shown: the token, or which certificate.
        what: String,
        /// The name.
        name: String,
        /// What it allows, in words.
        allowed: String,
    },
    /// The connection has proved no certificate.
    #[error(
        "this binder wants a certificate: give the program one of its authority's with --tls-cert and --tls-key"
    )]
    Uncertified,
    /// The certificate is named nowhere, and there is no token beside the call.
    #[error("this binder's token file does not name {certificate}, and there is no token beside the call")]
    NotNamed {
        /// Whose certificate it is.
        certificate: String,
    },
}

/// What one caller may change.
#[derive(Clone, Debug)]
pub(crate) enum Permit<'a> {
    /// Every name.
    All,
    /// The names that begin with one of these.
    Prefixes {
        /// The certificate that allows them; a token otherwise.
        identity: Option<PeerIdentity>,
        /// All that it allows.
        prefixes: Vec<&'a str>,
    },
}

impl Access {
    /// Changes only with one of these tokens.
    pub fn with_tokens(tokens: Tokens, lookups: Lookups) -> Access {
        Access::with_rights(Rights { tokens, ..Rights::default() }, lookups)
    }

    /// Changes only with these rights.
    pub fn with_rights(rights: Rights, lookups: Lookups) -> Access {
        Access { rights: Some(rights), certificates: Proof::NotAsked, lookups }
    }

    /// Changes by everybody who has proved a certificate; for a server whose connections may.
    pub fn with_certificates(lookups: Lookups) -> Access {
        Access { rights: None, certificates: Proof::Asked, lookups }
    }

    /// The same, and changes only by those who have proved a certificate, whatever else they show.
    #[must_use]
    pub fn and_certificates(self) -> Access {
        Access { certificates: Proof::Asked, ..self }
    }

    /// What the caller may change. A token counts before a certificate.
    ///
    /// # Errors
    /// When he has shown nothing that is known here.
    pub(crate) fn permit(&self, caller: &Context) -> Result<Permit<'_>, AccessError> {
        let identity = caller.peer_identity();
        if self.certificates == Proof::Asked && identity.is_none() {
            return Err(AccessError::Uncertified);
        }
        let Some(rights) = &self.rights else { return Ok(Permit::All) };
        if let Some(given) = caller.metadata().first(TOKEN_KEY) {
            let prefixes = rights.tokens.prefixes_of(given).ok_or(AccessError::Unknown)?;
            let prefixes = prefixes.iter().map(String::as_str).collect();
            return Ok(Permit::Prefixes { identity: None, prefixes });
        }
        match identity.filter(|_| rights.name_certificates()) {
            None if rights.tokens.is_empty() => Err(AccessError::Uncertified),
            None => Err(AccessError::Missing),
            Some(identity) => {
                let unknown = || AccessError::NotNamed { certificate: certificate(identity) };
                let prefixes = rights.certificates.prefixes_of(identity).ok_or_else(unknown)?;
                Ok(Permit::Prefixes { identity: Some(identity.clone()), prefixes })
            }
        }
    }

    /// Whether the caller may look up.
    ///
    /// # Errors
    /// When lookups want what he has not shown.
    pub(crate) fn check_lookup(&self, caller: &Context) -> Result<(), AccessError> {
        match self.lookups {
            Lookups::Open => Ok(()),
            Lookups::WithCertificate if caller.peer_identity().is_some() => Ok(()),
            Lookups::WithCertificate => Err(AccessError::Uncertified),
            Lookups::WithToken => self.permit(caller).map(drop),
        }
    }

    /// Whether the caller may know what concerns the machine and not what is registered, such as where its files are: he is on
    /// it, or has shown something that not everybody has.
    pub(crate) fn trusts(&self, caller: &Context) -> bool {
        let is_known =
            || (self.rights.is_some() || caller.peer_identity().is_some()) && self.permit(caller).is_ok();
        Vantage::of(caller) == Vantage::Beside || is_known()
    }
}

impl Permit<'_> {
    /// Whether this name may be changed.
    ///
    /// # Errors
    /// [`AccessError::NotAllowed`].
    pub(crate) fn check(&self, name: &ProcedureName) -> Result<(), AccessError> {
        let Permit::Prefixes { identity, prefixes } = self else { return Ok(()) };
        if prefixes.iter().any(|prefix| name.as_str().starts_with(prefix)) {
            return Ok(());
        }
        let allowed = if prefixes.is_empty() {
            "lookups only".to_owned()
        } else {
            format!("names that begin with {}", prefixes.join(" or "))
        };
        let what = identity.as_ref().map_or_else(|| "the token".to_owned(), certificate);
        Err(AccessError::NotAllowed { what, name: name.to_string(), allowed })
    }
}

/// A certificate in a sentence.
fn certificate(identity: &PeerIdentity) -> String {
    format!("the certificate of {identity}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# token                 prefixes
chat-0123456789abcd     chat/ prod/chat.
all-0123456789abcde     *
read-0123456789abcd
";

    fn access(lookups: Lookups) -> Access {
        Access::with_rights(Rights::parse(FILE).unwrap(), lookups)
    }

    fn with(token: &str) -> Context {
        Context::background().with_metadata(TOKEN_KEY, token).unwrap()
    }

    fn certified(name: &str) -> Context {
        Context::background().with_peer_identity(PeerIdentity::named(name))
    }

    #[track_caller]
    fn check(token: &str, name: &str, allowed: bool) {
        let access = access(Lookups::Open);
        let name = ProcedureName::parse(name).unwrap();
        assert_eq!(access.permit(&with(token)).unwrap().check(&name).is_ok(), allowed, "{token} {name}");
    }

    #[test]
    fn a_token_allows_the_names_with_its_prefixes() {
        check("chat-0123456789abcd", "chat/send", true);
        check("chat-0123456789abcd", "prod/chat.send", true);
        check("chat-0123456789abcd", "chat", false);
        check("chat-0123456789abcd", "prod/chats", false);
        check("all-0123456789abcde", "anything", true);
        check("read-0123456789abcd", "chat/send", false);
    }

    #[test]
    fn a_refusal_says_what_is_allowed_and_never_the_token() {
        let access = access(Lookups::Open);
        let name = ProcedureName::parse("bank").unwrap();
        let refused = access.permit(&with("chat-0123456789abcd")).unwrap().check(&name).unwrap_err();
        let sentence =
            "the token does not allow the name bank: it allows names that begin with chat/ or prod/chat.";
        assert_eq!(refused.to_string(), sentence);
        assert!(!format!("{access:?}").contains("0123456789"));
    }

    #[test]
    fn a_missing_and_an_unknown_token_change_nothing() {
        let access = access(Lookups::Open);
        assert_eq!(access.permit(&Context::background()).unwrap_err(), AccessError::Missing);
        for token in ["", "chat-0123456789abc", "chat-0123456789abcde", "CHAT-0123456789ABCD", "*"] {
            assert_eq!(access.permit(&with(token)).unwrap_err(), AccessError::Unknown, "{token}");
        }
        assert!(Access::default().permit(&Context::background()).is_ok());
    }

    #[test]
    fn lookups_are_open_or_want_any_token() {
        assert_eq!(access(Lookups::Open).check_lookup(&Context::background()), Ok(()));
        let closed = access(Lookups::WithToken);
        assert_eq!(closed.check_lookup(&Context::background()), Err(AccessError::Missing));
        assert_eq!(closed.check_lookup(&with("read-0123456789abcd")), Ok(()));
    }

    /// What a caller may register, with these rights; in words, where nothing.
    fn allowed(access: &Access, caller: &Context, name: &str) -> String {
        let name = ProcedureName::parse(name).unwrap();
        let outcome = access.permit(caller).and_then(|permit| permit.check(&name));
        outcome.map_or_else(|why| why.to_string(), |()| "allowed".to_owned())
    }

    fn named(lines: &str) -> Access {
        Access::with_rights(Rights::parse(lines).unwrap(), Lookups::WithToken).and_certificates()
    }

    /// Story: whoever had any certificate of the authority took the names of everybody else.
    #[test]
    fn a_certificate_allows_the_names_with_the_prefixes_of_its_names() {
        let access = named("certificate chat.internal chat/\ncertificate urn:sums sum\ncertificate reader");
        assert_eq!(allowed(&access, &certified("chat.internal"), "chat/send"), "allowed");
        let refused = allowed(&access, &certified("chat.internal"), "sum");
        let why = "the certificate of chat.internal does not allow the name sum: it allows names that begin with chat/";
        assert_eq!(refused, why);
        let refused = allowed(&access, &certified("reader"), "sum");
        assert_eq!(refused, "the certificate of reader does not allow the name sum: it allows lookups only");
        let two = PeerIdentity::named("chat.internal").with_alternative_name("urn:sums");
        let two = Context::background().with_peer_identity(two);
        assert_eq!(allowed(&access, &two, "sum"), "allowed");
        assert_eq!(allowed(&access, &two, "chat/send"), "allowed");
        for stranger in ["Chat.internal", "chat", ""] {
            let refused = allowed(&access, &certified(stranger), "chat/send");
            assert!(
                refused.starts_with("this binder's token file does not name the certificate of"),
                "{refused}"
            );
            assert!(access.check_lookup(&certified(stranger)).is_err());
        }
        assert_eq!(access.check_lookup(&certified("reader")), Ok(()));
        assert_eq!(access.check_lookup(&Context::background()), Err(AccessError::Uncertified));
    }

    #[test]
    fn a_token_counts_before_a_certificate_and_does_not_replace_it() {
        let access = named("certificate chat.internal chat/\nall-0123456789abcde *");
        let token = |context: Context| context.with_metadata(TOKEN_KEY, "all-0123456789abcde").unwrap();
        assert_eq!(allowed(&access, &token(certified("chat.internal")), "sum"), "allowed");
        assert_eq!(allowed(&access, &token(certified("nobody")), "sum"), "allowed");
        let uncertified = AccessError::Uncertified.to_string();
        assert_eq!(allowed(&access, &token(Context::background()), "sum"), uncertified);
        let unknown = certified("chat.internal").with_metadata(TOKEN_KEY, "another-token-of-16").unwrap();
        assert_eq!(allowed(&access, &unknown, "chat/send"), AccessError::Unknown.to_string());
    }

    #[test]
    fn where_no_certificate_is_named_each_one_allows_what_a_caller_without_one_may() {
        let any = Access::with_certificates(Lookups::Open);
        assert_eq!(allowed(&any, &certified("anybody"), "sum"), "allowed");
        assert_eq!(allowed(&any, &Context::background(), "sum"), AccessError::Uncertified.to_string());
        assert_eq!(any.check_lookup(&Context::background()), Ok(()));
        let closed = Access::with_certificates(Lookups::WithCertificate);
        assert_eq!(closed.check_lookup(&Context::background()), Err(AccessError::Uncertified));
        assert_eq!(closed.check_lookup(&certified("anybody")), Ok(()));
        let tokens = access(Lookups::Open).and_certificates();
        assert_eq!(allowed(&tokens, &certified("anybody"), "sum"), AccessError::Missing.to_string());
    }

    #[test]
    fn who_is_on_the_machine_or_known_may_know_what_concerns_the_machine() {
        let afar = |context: Context| {
            context.with_addresses("10.0.0.7:4000".parse().unwrap(), "10.0.0.1:5000".parse().unwrap())
        };
        let stranger = || afar(Context::background());
        for access in [Access::default(), access(Lookups::Open), Access::with_certificates(Lookups::Open)] {
            assert!(access.trusts(&Context::background()) && !access.trusts(&stranger()));
        }
        assert!(access(Lookups::Open).trusts(&afar(with("read-0123456789abcd"))));
        assert!(!access(Lookups::Open).trusts(&afar(with("read-0123456789abce"))));
        assert!(Access::with_certificates(Lookups::Open).trusts(&afar(certified("anybody"))));
    }
}
