//! What both sides' configurations have in common.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};

use super::TlsVersion;

/// A configuration that connections are made with, and that another may take the place of; shared by clones.
#[derive(Debug)]
pub(super) struct Current<C>(Arc<Mutex<Arc<C>>>);

impl<C> Current<C> {
    pub(super) fn new(config: C) -> Current<C> {
        Current(Arc::new(Mutex::new(Arc::new(config))))
    }

    pub(super) fn load(&self) -> Arc<C> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn store(&self, config: C) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

impl<C> Clone for Current<C> {
    fn clone(&self) -> Current<C> {
        Current(self.0.clone())
    }
}

/// What encrypts: told to every configuration, since a process may hold others.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(super) fn versions(only: Option<TlsVersion>) -> Vec<&'static SupportedProtocolVersion> {
    match only {
        None => vec![&TLS13, &TLS12],
        Some(TlsVersion::Tls12) => vec![&TLS12],
        Some(TlsVersion::Tls13) => vec![&TLS13],
    }
}
