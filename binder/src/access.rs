//! Who may do what with a binder.
//!
//! Without tokens everybody may do everything: the binder listens where only its own machine reaches it, or was told to
//! trust the network. With tokens, a caller sends one beside the call, and the names that it allows are those that begin
//! with one of its prefixes. There is no built-in token, and none is ever shown.

use rpc_core::Metadata;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::name::ProcedureName;

mod tokens;

pub use tokens::{
    TOKEN_FILE_BYTES, TOKEN_LONGEST, TOKEN_SHORTEST, Token, TokenError, TokenFileError, Tokens,
};

/// The metadata key of the caller's token.
pub const TOKEN_KEY: &str = "binder-token";

/// Who may do what. The default is everybody everything.
#[derive(Clone, Debug, Default)]
pub struct Access {
    tokens: Option<Tokens>,
    lookups: Lookups,
}

/// Who may look up, list and watch where there are tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookups {
    /// Everybody.
    #[default]
    Open,
    /// Whoever has any token.
    WithToken,
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
    /// The token is for other names.
    #[error("the token does not allow the name {name}: it allows {allowed}")]
    NotAllowed {
        /// The name.
        name: String,
        /// What the token allows, in words.
        allowed: String,
    },
}

/// What one caller may change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Permit<'a> {
    /// Every name.
    All,
    /// The names that begin with one of these.
    Prefixes(&'a [String]),
}

impl Access {
    /// Changes only with one of these tokens.
    pub fn with_tokens(tokens: Tokens, lookups: Lookups) -> Access {
        Access { tokens: Some(tokens), lookups }
    }

    /// What the caller with this metadata may change.
    ///
    /// # Errors
    /// When there are tokens and he has none of them.
    pub(crate) fn permit(&self, metadata: &Metadata) -> Result<Permit<'_>, AccessError> {
        let Some(tokens) = &self.tokens else { return Ok(Permit::All) };
        let given = metadata.first(TOKEN_KEY).ok_or(AccessError::Missing)?;
        tokens.prefixes_of(given).map(Permit::Prefixes).ok_or(AccessError::Unknown)
    }

    /// Whether the caller with this metadata may look up.
    ///
    /// # Errors
    /// When lookups want a token and he has none.
    pub(crate) fn check_lookup(&self, metadata: &Metadata) -> Result<(), AccessError> {
        match self.lookups {
            Lookups::Open => Ok(()),
            Lookups::WithToken => self.permit(metadata).map(drop),
        }
    }
}

impl Permit<'_> {
    /// Whether this name may be changed.
    ///
    /// # Errors
    /// [`AccessError::NotAllowed`].
    pub(crate) fn check(self, name: &ProcedureName) -> Result<(), AccessError> {
        let Permit::Prefixes(prefixes) = self else { return Ok(()) };
        if prefixes.iter().any(|prefix| name.as_str().starts_with(prefix.as_str())) {
            return Ok(());
        }
        let allowed = if prefixes.is_empty() {
            "lookups only".to_owned()
        } else {
            format!("names that begin with {}", prefixes.join(" or "))
        };
        Err(AccessError::NotAllowed { name: name.to_string(), allowed })
    }
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
        Access::with_tokens(Tokens::parse(FILE).unwrap(), lookups)
    }

    fn with(token: &str) -> Metadata {
        let mut metadata = Metadata::new();
        metadata.insert(TOKEN_KEY, token).unwrap();
        metadata
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
        assert_eq!(access.permit(&Metadata::new()).unwrap_err(), AccessError::Missing);
        for token in ["", "chat-0123456789abc", "chat-0123456789abcde", "CHAT-0123456789ABCD", "*"] {
            assert_eq!(access.permit(&with(token)).unwrap_err(), AccessError::Unknown, "{token}");
        }
        assert!(Access::default().permit(&Metadata::new()).is_ok());
    }

    #[test]
    fn lookups_are_open_or_want_any_token() {
        assert_eq!(access(Lookups::Open).check_lookup(&Metadata::new()), Ok(()));
        let closed = access(Lookups::WithToken);
        assert_eq!(closed.check_lookup(&Metadata::new()), Err(AccessError::Missing));
        assert_eq!(closed.check_lookup(&with("read-0123456789abcd")), Ok(()));
    }
}
