//! TLS as a client wants it.

use std::io::{self, ErrorKind};
use std::path::Path;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::config::{self, Current};
use super::failure::Side;
use super::pem::{Pair, Source};
use super::session::Session;
use super::{PROTOCOL, TlsError, TlsVersion};

/// Which servers a client takes, and what it proves its own name with; for [`Client::with_tls`](crate::Client::with_tls).
/// TLS 1.3 and 1.2 unless told otherwise.
///
/// A server's certificate must be for the host of the endpoint as it is written: a name, or an IP address (a subject
/// alternative name of that kind). Where that is not what the certificate says, such as for Unix sockets and addresses
/// that a resolver gives, [`with_server_name`](ClientTls::with_server_name) says what it must say. The common name does
/// not count.
///
/// Clones share their certificates: keep one to [`reload`](ClientTls::reload) them.
///
/// ```no_run
/// # fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = rpc_core::ClientTls::with_ca("ca.pem")?.with_identity("client.pem", "client.key")?;
/// let client = rpc_core::Client::connect("chat.example:5000").with_tls(tls);
/// # drop(client); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ClientTls {
    recipe: Recipe,
    current: Current<ClientConfig>,
    /// What certificates must be for, instead of the host.
    name: Option<ServerName<'static>>,
}

#[derive(Clone, Debug)]
struct Recipe {
    authorities: Source,
    identity: Option<Pair>,
    only: Option<TlsVersion>,
}

impl ClientTls {
    /// A client that takes servers with a certificate of one of these authorities, PEM, and no others: those that the
    /// machine trusts are not among them.
    ///
    /// # Errors
    /// When the file cannot be read, or is not PEM with certificates that can be an authority's.
    pub fn with_ca(authorities: impl AsRef<Path>) -> Result<ClientTls, TlsError> {
        let recipe = Recipe { authorities: Source::file(authorities), identity: None, only: None };
        ClientTls::made(recipe, None)
    }

    /// As [`with_ca`](ClientTls::with_ca), of the file's contents.
    ///
    /// # Errors
    /// As [`with_ca`](ClientTls::with_ca).
    pub fn with_ca_pem(authorities: impl AsRef<[u8]>) -> Result<ClientTls, TlsError> {
        let authorities = Source::given("the given authority", authorities);
        ClientTls::made(Recipe { authorities, identity: None, only: None }, None)
    }

    /// The same, with this certificate and key for servers that ask who calls (mutual TLS); as
    /// [`ServerTls::from_files`](crate::ServerTls::from_files) takes them.
    ///
    /// # Errors
    /// When a file cannot be read or does not hold what is expected, or the key is not the certificate's.
    pub fn with_identity(
        self,
        certificate: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<ClientTls, TlsError> {
        let identity = Some(Pair::files(certificate, key));
        ClientTls::made(Recipe { identity, ..self.recipe }, self.name)
    }

    /// As [`with_identity`](ClientTls::with_identity), of the files' contents.
    ///
    /// # Errors
    /// As [`with_identity`](ClientTls::with_identity).
    pub fn with_identity_pem(
        self,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<ClientTls, TlsError> {
        let identity = Some(Pair::given(certificate, key));
        ClientTls::made(Recipe { identity, ..self.recipe }, self.name)
    }

    /// The same, taking servers whose certificate is for `name`, a host name or an IP address, wherever they are reached.
    ///
    /// # Errors
    /// When it is neither.
    pub fn with_server_name(self, name: impl AsRef<str>) -> Result<ClientTls, TlsError> {
        let name = parsed(name.as_ref()).ok_or_else(|| TlsError::Name(name.as_ref().to_owned()))?;
        Ok(ClientTls { name: Some(name), ..self })
    }

    /// The same, speaking this version only.
    ///
    /// # Errors
    /// When a file has changed meanwhile, as [`with_ca`](ClientTls::with_ca).
    pub fn with_version(self, only: TlsVersion) -> Result<ClientTls, TlsError> {
        ClientTls::made(Recipe { only: Some(only), ..self.recipe }, self.name)
    }

    /// Reads the files again. Connections that are made from now on use what they hold; others keep what they have.
    ///
    /// # Errors
    /// As [`with_ca`](ClientTls::with_ca) and [`with_identity`](ClientTls::with_identity); then nothing has changed.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(self.recipe.config()?);
        Ok(())
    }

    fn made(recipe: Recipe, name: Option<ServerName<'static>>) -> Result<ClientTls, TlsError> {
        let current = Current::new(recipe.config()?);
        Ok(ClientTls { recipe, current, name })
    }

    /// The state of a new connection to the server at `host`, which is empty for one that has none.
    pub(super) fn session(&self, host: &str) -> io::Result<Session> {
        let name = self.name.clone().or_else(|| parsed(host)).ok_or_else(|| nameless(host))?;
        let connection = ClientConnection::new(self.current.load(), name).map_err(io::Error::other)?;
        Ok(Session::new(connection, Side::Client))
    }
}

impl Recipe {
    fn config(&self) -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(config::provider())
            .with_protocol_versions(&config::versions(self.only))
            .map_err(|error| self.authorities.refused(error))?
            .with_root_certificates(self.authorities.authorities()?);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let (chain, key) = (pair.certificate.certificates()?, pair.key.key()?);
                builder.with_client_auth_cert(chain, key).map_err(|error| pair.refused(error))?
            }
        };
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(config)
    }
}

fn parsed(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

fn nameless(host: &str) -> io::Error {
    let why = if host.is_empty() {
        "there is no host name that its certificate could be for: say which, as the server name of TLS"
            .to_owned()
    } else {
        format!("no certificate can be for {host:?}: say which name it is for, as the server name of TLS")
    };
    io::Error::new(ErrorKind::InvalidInput, why)
}
