//! Secrets in files, since a command line can be read by everybody on the machine.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The longest secret that is read: 4 KiB. What one may be is said by who asks for it.
pub const LONGEST: u64 = 4 << 10;

/// A secret could not be read.
#[derive(Debug, Error)]
#[error("the password file {} cannot be read", .file.display())]
pub struct SecretFileError {
    /// The file.
    pub file: PathBuf,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

/// The first line of a file, without its end.
///
/// # Errors
/// When the file cannot be read, or is no text.
pub fn read(file: &Path) -> Result<String, SecretFileError> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(LONGEST).read_to_string(&mut text));
    read.map_err(|source| SecretFileError { file: file.to_owned(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_its_file() {
        let path = std::env::temp_dir().join(format!("rpc-program-secret-{}", std::process::id()));
        for (text, secret) in [("", ""), ("sésamo", "sésamo"), ("a b \r\nmore\n", "a b "), ("\nx", "")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap(), secret);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("cannot be read"));
        assert_eq!(read(Path::new("/dev/zero")).unwrap().len(), 4096, "no more than the longest is read");
    }
}
