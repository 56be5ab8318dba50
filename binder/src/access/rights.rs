//! The file that says who may register what.
//!
//! ```text
//! # who has this token          may register names that begin with
//! 5f0c1b7e9a…                   chat/ prod/chat.
//! 91d3aa40c2…                   *
//! 07be55f1d8…                   (nothing: lookups only)
//! # whose certificate has the name
//! certificate chat.internal     chat/
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::certificates::Certificates;
use super::tokens::{Token, TokenError, Tokens};
use crate::name::{NameError, ProcedureName};

/// The largest token file, in bytes.
pub const TOKEN_FILE_BYTES: u64 = 1 << 20;

/// The first word of a line that names a certificate. It is shorter than any token.
const CERTIFICATE: &str = "certificate";

/// Who may register what: by his token, or by a name in his certificate.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    pub(super) tokens: Tokens,
    pub(super) certificates: Certificates,
}

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
    /// Somebody is named by his certificate, and this program asks nobody for one.
    #[error("the token file {} names certificates: here only tokens are known", .file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
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
    #[error(
        "behind the word {CERTIFICATE} stands a name that is in the certificate: its common name, or a DNS name or URI"
    )]
    Nobody,
    #[error("the certificate name {0} stands there twice")]
    NamedTwice(String),
}

impl Rights {
    /// Reads a file of rights. A line has a token, or the word `certificate` and a name that is in the certificate; behind it
    /// stand the prefixes of the names that it allows, `*` for all of them. `#` begins a comment.
    ///
    /// # Errors
    /// [`TokenFileError`] names the line and the rule, never the token.
    pub fn read(file: &Path) -> Result<Rights, TokenFileError> {
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
        let rights = Rights::parse(&text).map_err(refused)?;
        let nobody = rights.tokens.is_empty() && rights.certificates.is_empty();
        if nobody { Err(TokenFileError::Empty { file: path() }) } else { Ok(rights) }
    }

    /// Whether somebody has rights by his certificate.
    pub fn name_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Reads what such a file says; a refusal has the line, from 1.
    pub(crate) fn parse(text: &str) -> Result<Rights, (usize, LineError)> {
        let mut rights = Rights::default();
        for (line, text) in (1..).zip(text.lines()) {
            let words = text.split('#').next().unwrap_or_default();
            rights.add(words).map_err(|why| (line, why))?;
        }
        Ok(rights)
    }

    fn add(&mut self, words: &str) -> Result<(), LineError> {
        let mut words = words.split_whitespace();
        match words.next() {
            None => Ok(()),
            Some(CERTIFICATE) => {
                let name = words.next().ok_or(LineError::Nobody)?;
                self.certificates.add(name, prefixes(words)?)
            }
            Some(token) => {
                let token = Token::parse(token)?;
                self.tokens.add(token, prefixes(words)?)
            }
        }
    }
}

fn prefixes<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<String>, LineError> {
    words.map(parse_prefix).collect()
}

fn parse_prefix(text: &str) -> Result<String, LineError> {
    if text == "*" {
        return Ok(String::new());
    }
    let name = ProcedureName::parse(text).map_err(|why| LineError::Prefix(text.to_owned(), why))?;
    Ok(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: usize, why: &str) {
        let (at, found) = Rights::parse(text).unwrap_err();
        assert!(at == line && found.to_string().contains(why), "line {at}: {found}");
    }

    #[test]
    fn a_bad_line_is_named_without_the_token() {
        check("# fine\n\nshort chat/", 3, "a token is 16 to 256");
        check("0123456789abcdef chat/ a:b", 1, "\"a:b\" cannot begin a name");
        check("0123456789abcdef a\n0123456789abcdef b", 2, "this token stands there twice");
        check("certificate a chat/\n\ncertificate a sum", 3, "the certificate name a stands there twice");
        check("certificate a chat/ a:b", 1, "\"a:b\" cannot begin a name");
        for nobody in ["certificate", " certificate # a *"] {
            check(nobody, 1, "behind the word certificate stands a name");
        }
    }

    #[test]
    fn a_file_that_is_not_there_or_has_no_token_is_told() {
        let missing = Rights::read(Path::new("/nowhere/tokens")).unwrap_err().to_string();
        assert_eq!(missing, "the token file /nowhere/tokens cannot be read");
        let empty = Rights::read(Path::new("/dev/null")).unwrap_err().to_string();
        assert_eq!(empty, "the token file /dev/null has no token");
        let endless = Rights::read(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(endless, TokenFileError::TooLarge { .. }), "{endless}");
    }
}
