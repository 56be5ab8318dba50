//! Certificates and keys in PEM (RFC 7468), from files or from memory, and what may be wrong with them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// Why TLS cannot be used as it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is not PEM, or does not hold what is looked for.
    #[error("{origin} {why}")]
    Unusable {
        /// The file, or which of the given bytes.
        origin: String,
        /// What is wrong with it, and what is expected.
        why: String,
    },
    /// A certificate and a key that do not belong together.
    #[error("the key in {key} is not the key of the certificate in {certificate}")]
    Mismatch {
        /// Where the certificate is from.
        certificate: String,
        /// Where the key is from.
        key: String,
    },
    /// No certificate can be for this name.
    #[error("{0:?} is no name of a server: expected a host name such as chat.example, or an IP address")]
    Name(String),
    /// TLS itself refuses the material.
    #[error("TLS does not take {origin}")]
    Refused {
        /// The file, or which of the given bytes.
        origin: String,
        /// What it says.
        source: rustls::Error,
    },
}

/// The largest PEM file that is read: 4 MiB, some thousand certificates.
const FILE_BYTES: u64 = 4 << 20;

/// Where PEM is from.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    /// Bytes, and what messages call them.
    Given(&'static str, Arc<[u8]>),
}

impl Source {
    pub(super) fn file(path: impl AsRef<Path>) -> Source {
        Source::File(path.as_ref().to_owned())
    }

    pub(super) fn given(name: &'static str, pem: impl AsRef<[u8]>) -> Source {
        Source::Given(name, pem.as_ref().into())
    }

    pub(super) fn origin(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Given(name, _) => (*name).to_owned(),
        }
    }

    /// The certificates, at least one, in their order.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = self.read()?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = found.map_err(|error| self.not_pem(&error))?;
        if found.is_empty() {
            return Err(self.unusable("has no certificate in it: expected PEM, a block that begins with -----BEGIN CERTIFICATE-----"));
        }
        Ok(found)
    }

    /// The first private key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let pem = self.read()?;
        PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
            pem::Error::NoItemsFound if is_encrypted(&pem) => self.unusable(
                "has a key that is encrypted with a passphrase: expected a key as it is, in a file that only its owner reads",
            ),
            pem::Error::NoItemsFound => self.unusable(
                "has no private key in it: expected PEM, a block that begins with -----BEGIN PRIVATE KEY-----",
            ),
            error => self.not_pem(&error),
        })
    }

    /// The certificates as authorities that are trusted.
    pub(super) fn authorities(&self) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|source| self.refused(source))?;
        }
        Ok(Arc::new(roots))
    }

    pub(super) fn refused(&self, source: rustls::Error) -> TlsError {
        TlsError::Refused { origin: self.origin(), source }
    }

    fn read(&self) -> Result<Arc<[u8]>, TlsError> {
        let path = match self {
            Source::File(path) => path,
            Source::Given(_, pem) => return Ok(pem.clone()),
        };
        let mut pem = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_end(&mut pem));
        let length = read.map_err(|source| TlsError::Unreadable { path: path.clone(), source })?;
        if u64::try_from(length).is_ok_and(|length| length > FILE_BYTES) {
            return Err(self.unusable(format!("is larger than {} MiB", FILE_BYTES >> 20)));
        }
        Ok(pem.into())
    }

    fn unusable(&self, why: impl Into<String>) -> TlsError {
        TlsError::Unusable { origin: self.origin(), why: why.into() }
    }

    fn not_pem(&self, error: &pem::Error) -> TlsError {
        let why = match error {
            pem::Error::MissingSectionEnd { .. } => "a block has no -----END line",
            pem::Error::IllegalSectionStart { .. } => "a -----BEGIN line is damaged",
            pem::Error::Base64Decode(_) => "a block is not base64",
            _ => "a block is too large",
        };
        self.unusable(format!("is not PEM: {why}"))
    }
}

/// Without the bytes, which may be a key.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// A certificate chain and the key of its first certificate.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) certificate: Source,
    pub(super) key: Source,
}

impl Pair {
    pub(super) fn files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Pair {
        Pair { certificate: Source::file(certificate), key: Source::file(key) }
    }

    pub(super) fn given(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Pair {
        let certificate = Source::given("the given certificate", certificate);
        Pair { certificate, key: Source::given("the given key", key) }
    }

    /// Why TLS does not take the two.
    pub(super) fn refused(&self, error: rustls::Error) -> TlsError {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: self.certificate.origin(), key: self.key.origin() }
            }
            rustls::Error::InvalidCertificate(_) => self.certificate.refused(error),
            error => self.key.refused(error),
        }
    }
}

fn is_encrypted(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}
