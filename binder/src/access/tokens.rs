//! Tokens, and the files they stand in.
//!
//! ```text
//! # who has this token          may register names that begin with
//! 5f0c1b7e9a…                   chat/ prod/chat.
//! 91d3aa40c2…                   *
//! 07be55f1d8…                   (nothing: lookups only)
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rpc_core::Client;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::TOKEN_KEY;
use crate::name::{NameError, ProcedureName};

/// The shortest token, in bytes: what is shorter can be guessed.
pub const TOKEN_SHORTEST: usize = 16;
/// The longest token, in bytes.
pub const TOKEN_LONGEST: usize = 256;
/// The largest token file, in bytes.
pub const TOKEN_FILE_BYTES: u64 = 1 << 20;

/// A secret that opens a binder: 16 to 256 ASCII letters, digits and signs but `#`, without blanks. Never
/// shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The tokens that a binder knows, each with the prefixes of the names that it allows.
#[derive(Clone)]
pub struct Tokens(Vec<(Token, Vec<String>)>);

/// A text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a token is {TOKEN_SHORTEST} to {TOKEN_LONGEST} ASCII letters, digits and signs without blanks and # \
     (`openssl rand -hex 24` makes one)"
)]
pub struct TokenError;

/// A file of tokens cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// The system does not give it.
    #[error("the token file {} cannot be read", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is too large.
    #[error("the token file {} has more than {TOKEN_FILE_BYTES} bytes", .file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// A line breaks a rule.
    #[error("line {line} of the token file {}: {why}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The rule. Never the token.
        why: String,
    },
    /// There is no token in it.
    #[error("the token file {} has no token", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum LineError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("{0:?} cannot begin a name: {1}")]
    Prefix(String, NameError),
    #[error("this token stands there twice")]
    Twice,
}

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
        let first = Tokens::read(file)?.0.into_iter().next();
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
    /// Reads a file of tokens: one a line, behind it the prefixes of the names it allows, `*` for all of them; `#` begins a
    /// comment.
    ///
    /// # Errors
    /// [`TokenFileError`] names the line and the rule, never the token.
    pub fn read(file: &Path) -> Result<Tokens, TokenFileError> {
        let path = || file.to_owned();
        let refuse = |source| TokenFileError::Read { file: path(), source };
        let mut text = String::new();
        let read =
            File::open(file).and_then(|open| open.take(TOKEN_FILE_BYTES + 1).read_to_string(&mut text));
        if read.map_err(refuse)? as u64 > TOKEN_FILE_BYTES {
            return Err(TokenFileError::TooLarge { file: path() });
        }
        let refused = |(line, why): (usize, LineError)| TokenFileError::Line {
            file: path(),
            line,
            why: why.to_string(),
        };
        let tokens = Tokens::parse(&text).map_err(refused)?;
        if tokens.0.is_empty() { Err(TokenFileError::Empty { file: path() }) } else { Ok(tokens) }
    }

    /// Reads what such a file says; a refusal has the line, from 1.
    pub(crate) fn parse(text: &str) -> Result<Tokens, (usize, LineError)> {
        let mut tokens: Vec<(Token, Vec<String>)> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let words = text.split('#').next().unwrap_or_default();
            let Some((token, prefixes)) = parse_line(words).map_err(|why| (line, why))? else { continue };
            if tokens.iter().any(|(held, _)| *held == token) {
                return Err((line, LineError::Twice));
            }
            tokens.push((token, prefixes));
        }
        Ok(Tokens(tokens))
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

fn parse_line(words: &str) -> Result<Option<(Token, Vec<String>)>, LineError> {
    let mut words = words.split_whitespace();
    let Some(token) = words.next() else { return Ok(None) };
    let token = Token::parse(token)?;
    let prefixes: Result<_, _> = words.map(parse_prefix).collect();
    Ok(Some((token, prefixes?)))
}

fn parse_prefix(text: &str) -> Result<String, LineError> {
    if text == "*" {
        return Ok(String::new());
    }
    let name = ProcedureName::parse(text).map_err(|why| LineError::Prefix(text.to_owned(), why))?;
    Ok(name.to_string())
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

    #[track_caller]
    fn check(text: &str, line: usize, why: &str) {
        let (at, found) = Tokens::parse(text).unwrap_err();
        assert!(at == line && found.to_string().contains(why), "line {at}: {found}");
    }

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

    #[test]
    fn a_bad_line_is_named_without_the_token() {
        check("# fine\n\nshort chat/", 3, "a token is 16 to 256");
        check("0123456789abcdef chat/ a:b", 1, "\"a:b\" cannot begin a name");
        check("0123456789abcdef a\n0123456789abcdef b", 2, "this token stands there twice");
    }

    #[test]
    fn a_file_that_is_not_there_or_has_no_token_is_told() {
        let missing = Tokens::read(Path::new("/nowhere/tokens")).unwrap_err().to_string();
        assert_eq!(missing, "the token file /nowhere/tokens cannot be read");
        let empty = Tokens::read(Path::new("/dev/null")).unwrap_err().to_string();
        assert_eq!(empty, "the token file /dev/null has no token");
        let endless = Tokens::read(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(endless, TokenFileError::TooLarge { .. }), "{endless}");
    }
}
