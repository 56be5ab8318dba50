//! TLS as a server wants it.

use std::io;
use std::path::Path;

use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{ServerConfig, ServerConnection};

use super::config::{self, Current};
use super::failure::Side;
use super::pem::{Pair, Source};
use super::session::Session;
use super::{PROTOCOL, TlsError, TlsVersion};

/// What a server proves its name with, and whether it asks its clients for proof of theirs; for
/// [`ServerBuilder::tls`](crate::ServerBuilder::tls). TLS 1.3 and 1.2 unless told otherwise.
///
/// Clones share their certificates: keep one to [`reload`](ServerTls::reload) them while the server runs.
///
/// ```no_run
/// # fn serve(builder: rpc_core::ServerBuilder) -> Result<(), Box<dyn std::error::Error>> {
/// let tls = rpc_core::ServerTls::from_files("server.pem", "server.key")?.with_client_ca("ca.pem")?;
/// let server = builder.tls(tls.clone()).bind("0.0.0.0:5000")?;
/// # drop(server); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ServerTls {
    recipe: Recipe,
    current: Current<ServerConfig>,
}

#[derive(Clone, Debug)]
struct Recipe {
    identity: Pair,
    client_ca: Option<Source>,
    anonymous: Anonymous,
    only: Option<TlsVersion>,
}

/// What becomes of clients without a certificate where one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anonymous {
    Refused,
    Taken,
}

impl ServerTls {
    /// A server with this certificate, followed in its file by those between it and the authority's, and this key: PEM,
    /// the key as PKCS#8, PKCS#1 or SEC1.
    ///
    /// # Errors
    /// When a file cannot be read or does not hold what is expected, or the key is not the certificate's.
    pub fn from_files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<ServerTls, TlsError> {
        ServerTls::made(Recipe::of(Pair::files(certificate, key)))
    }

    /// As [`from_files`](ServerTls::from_files), of the files' contents.
    ///
    /// # Errors
    /// As [`from_files`](ServerTls::from_files).
    pub fn from_pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<ServerTls, TlsError> {
        ServerTls::made(Recipe::of(Pair::given(certificate, key)))
    }

    /// The same, taking only clients with a certificate of one of these authorities (mutual TLS). Calls see who it is with
    /// [`Context::peer_identity`](crate::Context::peer_identity).
    ///
    /// # Errors
    /// When the file cannot be read, or is not PEM with certificates that can be an authority's.
    pub fn with_client_ca(self, authorities: impl AsRef<Path>) -> Result<ServerTls, TlsError> {
        let client_ca = Some(Source::file(authorities));
        ServerTls::made(Recipe { client_ca, ..self.recipe })
    }

    /// As [`with_client_ca`](ServerTls::with_client_ca), of the file's contents.
    ///
    /// # Errors
    /// As [`with_client_ca`](ServerTls::with_client_ca).
    pub fn with_client_ca_pem(self, authorities: impl AsRef<[u8]>) -> Result<ServerTls, TlsError> {
        let client_ca = Some(Source::given("the given client authority", authorities));
        ServerTls::made(Recipe { client_ca, ..self.recipe })
    }

    /// The same, taking also clients that show no certificate where one is asked for, whose calls have no
    /// [`peer_identity`](crate::Context::peer_identity): for procedures that decide by themselves whom they want to know. A
    /// certificate that is shown must be good all the same.
    ///
    /// # Errors
    /// When a file has changed meanwhile, as [`from_files`](ServerTls::from_files).
    pub fn with_anonymous_clients(self) -> Result<ServerTls, TlsError> {
        ServerTls::made(Recipe { anonymous: Anonymous::Taken, ..self.recipe })
    }

    /// The same, speaking this version only.
    ///
    /// # Errors
    /// When a file has changed meanwhile, as [`from_files`](ServerTls::from_files).
    pub fn with_version(self, only: TlsVersion) -> Result<ServerTls, TlsError> {
        ServerTls::made(Recipe { only: Some(only), ..self.recipe })
    }

    /// Reads the files again. Connections that come from now on get what they hold; others keep what they have.
    ///
    /// # Errors
    /// As [`from_files`](ServerTls::from_files); then nothing has changed.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(self.recipe.config()?);
        Ok(())
    }

    fn made(recipe: Recipe) -> Result<ServerTls, TlsError> {
        let current = Current::new(recipe.config()?);
        Ok(ServerTls { recipe, current })
    }

    /// The state of one connection that has come.
    pub(super) fn session(&self) -> io::Result<Session> {
        let connection = ServerConnection::new(self.current.load()).map_err(io::Error::other)?;
        Ok(Session::new(connection, Side::Server))
    }
}

impl Recipe {
    fn of(identity: Pair) -> Recipe {
        Recipe { identity, client_ca: None, anonymous: Anonymous::Refused, only: None }
    }

    fn config(&self) -> Result<ServerConfig, TlsError> {
        let Pair { certificate, key } = &self.identity;
        let (chain, private) = (certificate.certificates()?, key.key()?);
        let refused = |error| self.identity.refused(error);
        let builder = ServerConfig::builder_with_provider(config::provider())
            .with_protocol_versions(&config::versions(self.only))
            .map_err(refused)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let roots = authorities.authorities()?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, config::provider());
                let verifier = match self.anonymous {
                    Anonymous::Refused => verifier,
                    Anonymous::Taken => verifier.allow_unauthenticated(),
                };
                let verifier = verifier.build().map_err(|error| unverifiable(authorities, &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, private).map_err(refused)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(config)
    }
}

fn unverifiable(authorities: &Source, error: &VerifierBuilderError) -> TlsError {
    authorities.refused(rustls::Error::General(error.to_string()))
}
