//! Tokens: secrets that open a binder, each with the names that it allows.

use std::fmt;
use std::path::Path;

use rpc_core::Client;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::TOKEN_KEY;
use super::rights::{LineError, Rights, TokenFileError};

/// The shortest token, in bytes: what is shorter can be guessed.
pub const TOKEN_SHORTEST: usize = 16;
/// The longest token, in bytes.
pub const TOKEN_LONGEST: usize = 256;

/// A secret that opens a binder: 16 to 256 ASCII letters, digits and signs but `#`, without blanks. Never
/// shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The tokens that a binder knows, each with the prefixes of the names that it allows.
#[derive(Clone, Default)]
pub struct Tokens(Vec<(Token, Vec<String>)>);

/// A text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a token is {TOKEN_SHORTEST} to {TOKEN_LONGEST} ASCII letters, digits and signs without blanks and # \
     (`openssl rand -hex 24` makes one)"
)]
pub struct TokenError;

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// [`TokenError`] says the rule.
    pub fn parse(text: &str) -> Result<Token, TokenError> {
        let fits = (TOKEN_SHORTEST..=TOKEN_LONGEST).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Ok(Token(text.to_owned()));
        }
        Err(TokenError)
    }

    /// Reads the first token of a file: what a server or a client needs of it.
    ///
    /// # Errors
    /// [`TokenFileError`].
    pub fn read(file: &Path) -> Result<Token, TokenFileError> {
        let first = Rights::read(file)?.tokens.0.into_iter().next();
        first.map(|(token, _)| token).ok_or_else(|| TokenFileError::Empty { file: file.to_owned() })
    }

    /// The same client, sending this token beside its calls.
    #[must_use]
    pub fn beside(&self, client: &Client) -> Client {
        self.beside_as(TOKEN_KEY, client)
    }

    /// The same client, sending this token beside its calls under a key of its server's.
    #[must_use]
    pub fn beside_as(&self, key: &'static str, client: &Client) -> Client {
        client.with_metadata(key, self.0.as_bytes())
    }
}

impl Tokens {
    /// Reads a file that has nothing but tokens, as [`Rights::read`]: for programs that know nobody by his certificate.
    ///
    /// # Errors
    /// [`TokenFileError`] names the line and the rule, never the token.
    pub fn read(file: &Path) -> Result<Tokens, TokenFileError> {
        let Rights { tokens, certificates } = Rights::read(file)?;
        if certificates.is_empty() {
            Ok(tokens)
        } else {
            Err(TokenFileError::Certificate { file: file.to_owned() })
        }
    }

    /// Adds a token with what it allows.
    ///
    /// # Errors
    /// When it is there already.
    pub(super) fn add(&mut self, token: Token, prefixes: Vec<String>) -> Result<(), LineError> {
        if self.0.iter().any(|(held, _)| *held == token) {
            return Err(LineError::Twice);
        }
        self.0.push((token, prefixes));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of these, whatever it allows: for other programs that are opened by a file of tokens. How long this
    /// takes tells nothing of the secrets but their length.
    pub fn knows(&self, given: &[u8]) -> bool {
        self.prefixes_of(given).is_some()
    }

    /// What the token allows, if it is one of these. How long this takes tells nothing of the secrets but their length.
    pub(super) fn prefixes_of(&self, given: &[u8]) -> Option<&[String]> {
        let mut found = None;
        for (token, prefixes) in &self.0 {
            if bool::from(token.0.as_bytes().ct_eq(given)) {
                found = Some(prefixes.as_slice());
            }
        }
        found
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens(of {})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_16_to_256_plain_characters() {
        for text in [&"x".repeat(TOKEN_SHORTEST), &"x".repeat(TOKEN_LONGEST), "-/+=!~_.:;@%&?Az09"] {
            assert!(Token::parse(text).is_ok(), "{text}");
        }
        let long = "x".repeat(TOKEN_LONGEST + 1);
        for text in [
            "",
            "short",
            "fifteen-bytes-x",
            &long,
            "with a blank inside",
            "ключключключ",
            "\u{7f}234567890123456",
        ] {
            assert_eq!(Token::parse(text), Err(TokenError), "{text}");
        }
    }
}
