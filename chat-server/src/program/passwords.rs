//! Passwords in files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chat_api::limits::PASSWORD_BYTES;
use thiserror::Error;

/// A password could not be read.
#[derive(Debug, Error)]
#[error("the password file {} cannot be read", .file.display())]
pub(crate) struct PasswordFileError {
    file: PathBuf,
    #[source]
    source: io::Error,
}

/// The first line of a file. Whether it is a password is the server's to say; more than one can have is not read.
pub(crate) fn read(file: &Path) -> Result<String, PasswordFileError> {
    let refuse = |source| PasswordFileError { file: file.to_owned(), source };
    let mut text = String::new();
    let most = u64::try_from(PASSWORD_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    let read = File::open(file).and_then(|open| open.take(most).read_to_string(&mut text));
    read.map_err(refuse)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
