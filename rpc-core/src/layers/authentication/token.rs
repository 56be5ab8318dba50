//! Secrets that say who calls.

use std::fmt;
use std::str::FromStr;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use crate::metadata::Metadata;
use crate::status::Status;

/// A secret that says who calls: 1 to 1,024 bytes of `A-Z`, `a-z`, `0-9`, `-`, `.`, `_`, `~`, `+` and `/`, then any `=`
/// (`b64token` of RFC 6750). It is compared in a time that tells nothing but its length, and never shown.
#[derive(Clone)]
pub struct Token(String);

/// Text that is no [`Token`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "a token is 1 to {} bytes of A-Z, a-z, 0-9, '-', '.', '_', '~', '+' and '/', then any '='",
    Token::LONGEST
)]
#[non_exhaustive]
pub struct TokenError;

impl Token {
    /// The longest token, in bytes.
    pub const LONGEST: usize = 1024;

    /// Takes the token out of a text, such as a file's first line.
    ///
    /// # Errors
    /// When the text breaks the rule; it is not in the error.
    pub fn parse(text: impl AsRef<str>) -> Result<Token, TokenError> {
        let text = text.as_ref();
        let letters = text.trim_end_matches('=');
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        let fits = !letters.is_empty() && text.len() <= Token::LONGEST && letters.bytes().all(inside);
        if fits { Ok(Token(text.to_owned())) } else { Err(TokenError) }
    }

    /// Whether both are the same secret.
    pub fn matches(&self, other: &Token) -> bool {
        self.compare(other).into()
    }

    /// The text of it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn compare(&self, other: &Token) -> Choice {
        self.0.as_bytes().ct_eq(other.0.as_bytes())
    }

    /// The one token that a call came with.
    pub(super) fn of_metadata(metadata: &Metadata) -> Result<Token, Status> {
        let refuse = |why: &str| Status::unauthenticated(format!("the metadata {AUTHORIZATION:?} {why}"));
        let mut values = metadata.iter().filter(|(key, _)| *key == AUTHORIZATION);
        let (_, value) = values.next().ok_or_else(|| refuse("is missing: it is `Bearer TOKEN`"))?;
        if values.next().is_some() {
            return Err(refuse("came more than once"));
        }
        let (scheme, token) = value.split_at_checked(SCHEME.len()).unwrap_or_default();
        let text = std::str::from_utf8(token).ok().filter(|_| scheme.eq_ignore_ascii_case(SCHEME.as_bytes()));
        text.and_then(|text| Token::parse(text).ok()).ok_or_else(|| refuse("is not `Bearer TOKEN`"))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Token, TokenError> {
        Token::parse(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

pub(super) const AUTHORIZATION: &str = "authorization";

/// The case of these letters does not matter.
pub(super) const SCHEME: &str = "Bearer ";

/// Where the token is, if it is; all are looked at.
pub(super) fn position<'a>(token: &Token, known: impl Iterator<Item = &'a Token>) -> Option<usize> {
    const NOWHERE: u64 = u64::MAX;
    let mut found = NOWHERE;
    for (index, known) in (0u64..).zip(known) {
        found.conditional_assign(&index, token.compare(known));
    }
    usize::try_from(found).ok().filter(|_| found != NOWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Code;

    #[test]
    fn a_token_at_its_limits_passes_and_one_past_them_fails() {
        for good in ["a", "A-Z.a_z~0+9/==", &"t".repeat(Token::LONGEST)] {
            assert_eq!(Token::parse(good).unwrap().reveal(), good);
        }
        for bad in ["", "=", "a b", "a=b", "é", "a\n", &"t".repeat(Token::LONGEST + 1)] {
            assert_eq!(Token::parse(bad).map(drop), Err(TokenError), "{bad}");
        }
        let secret = Token::parse("hush").unwrap();
        assert!(!format!("{secret:?} {:?}", super::super::Credentials::of(&secret)).contains("hush"));
    }

    fn of(values: &[&[u8]]) -> Result<String, (Code, String)> {
        let mut metadata = Metadata::new();
        values.iter().for_each(|value| metadata.insert(AUTHORIZATION, *value).unwrap());
        let token = Token::of_metadata(&metadata);
        token.map(|token| token.0).map_err(|status| (status.code(), status.message().to_owned()))
    }

    #[test]
    fn one_bearer_token_is_read_and_everything_else_is_refused_in_words() {
        for good in ["Bearer t0k", "bearer t0k", "BEARER t0k"] {
            assert_eq!(of(&[good.as_bytes()]), Ok("t0k".to_owned()));
        }
        let refused =
            |why: &str| Err((Code::Unauthenticated, format!("the metadata \"authorization\" {why}")));
        assert_eq!(of(&[]), refused("is missing: it is `Bearer TOKEN`"));
        assert_eq!(of(&[b"Bearer a", b"Bearer a"]), refused("came more than once"));
        let long = format!("Bearer {}", "t".repeat(Token::LONGEST + 1));
        for bad in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Bearer  t",
            b"Bearer t ",
            b"Basic t0k",
            b"t0k",
            b"Bearer \xff",
            b"\xffearer t",
            long.as_bytes(),
        ] {
            assert_eq!(of(&[bad]), refused("is not `Bearer TOKEN`"));
        }
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let tokens = ["one", "two", "three"].map(|text| Token::parse(text).unwrap());
        for (index, token) in tokens.iter().enumerate() {
            assert_eq!(position(token, tokens.iter()), Some(index));
        }
        assert_eq!(position(&Token::parse("tw").unwrap(), tokens.iter()), None);
        assert_eq!(position(&Token::parse("one").unwrap(), [].iter()), None);
    }
}
