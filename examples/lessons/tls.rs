//! TLS both ways: the client knows the server by its authority, the server knows the client by his certificate.
//!
//! ```text
//! as it should be: the server knows ana
//! by its address: the server's certificate is for localhost, you asked for 127.0.0.1
//! without a certificate: the server asks for a certificate, and none was given
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rpc_core::{Client, ClientTls, Context, Server, ServerTls, Status};

#[rpc_core::service]
trait Door {
    /// Who knocks.
    fn knock(&self) -> Result<String, Status>;
}

struct Porter;

impl Door for Porter {
    fn knock(&self) -> Result<String, Status> {
        Ok(Context::current().peer_identity().map_or("nobody".to_owned(), ToString::to_string))
    }
}

/// A certificate for this name and its key, in PEM; `rpc gen-cert` writes such files.
fn issue(name: &str, authority: &CertifiedIssuer<'_, KeyPair>) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?.pem(), key.serialize_pem()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let (certificate, key) = issue("localhost", &authority)?;
    let tls = ServerTls::from_pem(certificate, key)?.with_client_ca_pem(authority.pem())?;
    let service = DoorService::new(Arc::new(Porter));
    let server = Server::builder().tls(tls).service(service).bind("127.0.0.1:0")?;
    let client = Client::connect(server.address().to_string());
    let (certificate, key) = issue("ana", &authority)?;
    let trusting = ClientTls::with_ca_pem(authority.pem())?;
    let ana = trusting.clone().with_identity_pem(certificate, key)?;
    let [known, unknown] = [ana.clone(), trusting].map(|tls| tls.with_server_name("localhost"));
    for (what, tls) in
        [("as it should be", known?), ("by its address", ana), ("without a certificate", unknown?)]
    {
        match DoorClient::new(client.with_tls(tls)).knock() {
            Ok(name) => println!("{what}: the server knows {name}"),
            // The cause stands last, behind what it led to.
            Err(status) => println!("{what}: {}", status.message().rsplit(": ").next().unwrap_or_default()),
        }
    }
    Ok(())
}
