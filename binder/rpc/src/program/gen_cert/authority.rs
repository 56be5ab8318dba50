//! Who signs: the authority that lies in the folder, also one that another program made, or somebody new.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use rpc_core::ServerTls;

use super::{CertificateFailure, Desk, last};

/// An authority's certificate outlives those that it signs: 10 years.
const DAYS: u32 = 3650;

impl Desk<'_> {
    /// The authority of the folder.
    ///
    /// # Errors
    /// When half of it is there, or its halves do not belong together.
    pub(super) fn authority(&mut self) -> Result<Issuer<'static, KeyPair>, CertificateFailure> {
        let [certificate, key] = self.places("ca");
        match (certificate.exists(), key.exists()) {
            (true, true) => found(&certificate, &key),
            (true, false) => Err(CertificateFailure::Half(certificate, key)),
            (false, true) => Err(CertificateFailure::Half(key, certificate)),
            (false, false) => self.founded(),
        }
    }

    fn founded(&mut self) -> Result<Issuer<'static, KeyPair>, CertificateFailure> {
        let pair = KeyPair::generate()?;
        let params = params(&pair);
        let signed = params.self_signed(&pair)?;
        self.write("ca", &signed.pem(), &pair)?;
        Ok(Issuer::new(params, pair))
    }
}

/// What is signed names the authority as its own certificate does, letter by letter.
fn found(certificate: &Path, key: &Path) -> Result<Issuer<'static, KeyPair>, CertificateFailure> {
    ServerTls::from_files(certificate, key).map_err(CertificateFailure::Authority)?;
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| CertificateFailure::Write(path.to_owned(), error))
    };
    let unusable = |path: &Path| {
        let path = path.to_owned();
        move |error| CertificateFailure::Unusable(path, error)
    };
    let pair = KeyPair::from_pem(&read(key)?).map_err(unusable(key))?;
    Issuer::from_ca_cert_pem(&read(certificate)?, pair).map_err(unusable(certificate))
}

fn params(pair: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Two authorities of one name would be taken for each other.
    let told: String = pair.der_bytes().iter().rev().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("try-out authority {told}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last(&mut params, DAYS);
    params
}
