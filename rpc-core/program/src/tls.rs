//! TLS on the command lines of programs: which files, of whom, and reading them again.
//!
//! Owned by `main`. A program flattens the group of its role into its command line: [`ServerFiles`], [`ClientFiles`], or
//! [`PeerFiles`] where it is both.

mod reload;

use std::marker::PhantomData;
use std::path::PathBuf;

use clap::Args;
use rpc_core::{ClientTls, ServerTls, TlsError};
use thiserror::Error;

pub use self::reload::Reloader;

/// The variables of the environment that stand for a program's options of TLS.
pub trait Variables {
    /// For `--tls-cert`.
    const CERT: &'static str;
    /// For `--tls-key`.
    const KEY: &'static str;
    /// For `--tls-ca`.
    const CA: &'static str;
    /// For `--tls-client-ca`.
    const CLIENT_CA: &'static str;
    /// For `--tls-name`.
    const NAME: &'static str;
}

/// Says of a type that its [`Variables`] begin with a program's own prefix: `CHAT` for `CHAT_TLS_CERT` and so on.
#[macro_export]
macro_rules! tls_variables {
    ($name:ty, $prefix:literal) => {
        impl $crate::tls::Variables for $name {
            const CERT: &'static str = concat!($prefix, "_TLS_CERT");
            const KEY: &'static str = concat!($prefix, "_TLS_KEY");
            const CA: &'static str = concat!($prefix, "_TLS_CA");
            const CLIENT_CA: &'static str = concat!($prefix, "_TLS_CLIENT_CA");
            const NAME: &'static str = concat!($prefix, "_TLS_NAME");
        }
    };
}

/// TLS is not to be had as it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// A file, or the name.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Who this program is was said, and not whom it trusts.
    #[error(
        "--tls-cert says who this program is to servers over TLS: say with --tls-ca which servers to trust"
    )]
    NoAuthority,
}

/// What a program does with its certificate.
trait Role {
    /// In the help of `--tls-cert`.
    const CERTIFICATE: &'static str;
}

/// It serves with it.
#[derive(Clone, Debug, Default)]
struct Serves;

/// It shows it to servers.
#[derive(Clone, Debug, Default)]
struct Connects;

/// It does both.
#[derive(Clone, Debug, Default)]
struct ServesAndConnects;

impl Role for Serves {
    const CERTIFICATE: &'static str =
        "Serve over TLS, with this certificate, PEM, and those between it and the authority's behind it";
}

impl Role for Connects {
    const CERTIFICATE: &'static str = "The certificate to show to servers that ask for one, PEM, with those between it and \
                                       the authority's behind it";
}

impl Role for ServesAndConnects {
    const CERTIFICATE: &'static str = "Serve over TLS, with this certificate, PEM, and those between it and the authority's \
                                       behind it; it is shown to servers that ask for one too";
}

/// Who a program is.
#[derive(Clone, Debug, Default, Args)]
struct Identity<V: Variables, R: Role> {
    #[arg(long, value_name = "FILE", env = V::CERT, requires = "tls_key", help = R::CERTIFICATE)]
    tls_cert: Option<PathBuf>,

    /// The key of --tls-cert, PEM, without a passphrase
    #[arg(long, value_name = "FILE", env = V::KEY, requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    #[arg(skip)]
    variables: PhantomData<(V, R)>,
}

/// Whom a program connects to.
#[derive(Clone, Debug, Default, Args)]
struct Trust<V: Variables> {
    /// Connect over TLS, and only to servers with a certificate of the authorities in this file, PEM
    #[arg(long, value_name = "FILE", env = V::CA)]
    tls_ca: Option<PathBuf>,

    /// What the certificates of servers must be for, where that is not the host of their address
    #[arg(long, value_name = "HOST", env = V::NAME, requires = "tls_ca")]
    tls_name: Option<String>,

    #[arg(skip)]
    variables: PhantomData<V>,
}

/// Whom a program lets in.
#[derive(Clone, Debug, Default, Args)]
struct Admission<V: Variables> {
    /// Take only clients with a certificate of the authorities in this file, PEM (mutual TLS)
    #[arg(long, value_name = "FILE", env = V::CLIENT_CA, requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,

    #[arg(skip)]
    variables: PhantomData<V>,
}

/// What a program that serves is told of TLS: `--tls-cert`, `--tls-key`, `--tls-client-ca`.
#[derive(Clone, Debug, Default, Args)]
pub struct ServerFiles<V: Variables> {
    #[command(flatten)]
    identity: Identity<V, Serves>,
    #[command(flatten)]
    admission: Admission<V>,
}

/// What a program that connects is told of TLS: `--tls-ca`, `--tls-name`, and `--tls-cert` with `--tls-key` for servers that ask who
/// it is.
#[derive(Clone, Debug, Default, Args)]
pub struct ClientFiles<V: Variables> {
    #[command(flatten)]
    trust: Trust<V>,
    #[command(flatten)]
    identity: Identity<V, Connects>,
}

/// What a program that serves and connects is told of TLS: all of both, with one certificate for both.
#[derive(Clone, Debug, Default, Args)]
pub struct PeerFiles<V: Variables> {
    #[command(flatten)]
    identity: Identity<V, ServesAndConnects>,
    #[command(flatten)]
    admission: Admission<V>,
    #[command(flatten)]
    trust: Trust<V>,
}

impl<V: Variables> ServerFiles<V> {
    /// Whether only clients with a certificate are taken.
    pub fn asks_clients(&self) -> bool {
        self.admission.tls_client_ca.is_some()
    }

    /// What to serve with; `None` to serve without TLS.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn server(&self) -> Result<Option<ServerTls>, TlsFailure> {
        self.identity.server(&self.admission)
    }
}

impl<V: Variables> ClientFiles<V> {
    /// What to connect with; `None` to connect without TLS.
    ///
    /// # Errors
    /// When a file or the name cannot be used, and for a certificate without an authority to trust.
    pub fn client(&self) -> Result<Option<ClientTls>, TlsFailure> {
        if self.identity.tls_cert.is_some() && self.trust.tls_ca.is_none() {
            return Err(TlsFailure::NoAuthority);
        }
        self.trust.client(&self.identity)
    }
}

impl<V: Variables> PeerFiles<V> {
    /// As [`ServerFiles::server`].
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn server(&self) -> Result<Option<ServerTls>, TlsFailure> {
        self.identity.server(&self.admission)
    }

    /// As [`ClientFiles::client`]; the certificate that it serves with is shown to servers that ask for one.
    ///
    /// # Errors
    /// When a file or the name cannot be used.
    pub fn client(&self) -> Result<Option<ClientTls>, TlsFailure> {
        self.trust.client(&self.identity)
    }
}

impl<V: Variables, R: Role> Identity<V, R> {
    fn server(&self, admission: &Admission<V>) -> Result<Option<ServerTls>, TlsFailure> {
        // The command line has both or none.
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let server = ServerTls::from_files(certificate, key)?;
        Ok(Some(match &admission.tls_client_ca {
            Some(authorities) => server.with_client_ca(authorities)?,
            None => server,
        }))
    }
}

impl<V: Variables> Trust<V> {
    fn client(&self, identity: &Identity<V, impl Role>) -> Result<Option<ClientTls>, TlsFailure> {
        let Some(authorities) = &self.tls_ca else { return Ok(None) };
        let mut client = ClientTls::with_ca(authorities)?;
        if let (Some(certificate), Some(key)) = (&identity.tls_cert, &identity.tls_key) {
            client = client.with_identity(certificate, key)?;
        }
        if let Some(name) = &self.tls_name {
            client = client.with_server_name(name)?;
        }
        Ok(Some(client))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Clone, Copy, Debug, Default)]
    struct Nobody;

    tls_variables!(Nobody, "RPC_PROGRAM_TEST");

    #[derive(Debug, Parser)]
    struct Serving {
        #[command(flatten)]
        tls: ServerFiles<Nobody>,
    }

    #[derive(Debug, Parser)]
    struct Connecting {
        #[command(flatten)]
        tls: ClientFiles<Nobody>,
    }

    #[derive(Debug, Parser)]
    struct Both {
        #[command(flatten)]
        tls: PeerFiles<Nobody>,
    }

    #[track_caller]
    fn check_half<C: Parser + std::fmt::Debug>(words: &[&str], missing: &str) {
        let said = C::try_parse_from([&["x"], words].concat()).unwrap_err().to_string();
        assert!(said.contains("were not provided") && said.contains(missing), "{said}");
    }

    #[test]
    fn half_of_a_pair_is_refused_with_the_other_half() {
        check_half::<Serving>(&["--tls-cert", "a"], "--tls-key <FILE>");
        check_half::<Connecting>(&["--tls-key", "a"], "--tls-cert <FILE>");
        check_half::<Serving>(&["--tls-client-ca", "a"], "--tls-cert <FILE>");
        check_half::<Connecting>(&["--tls-name", "a"], "--tls-ca <FILE>");
        check_half::<Both>(&["--tls-ca", "a", "--tls-cert", "b"], "--tls-key <FILE>");
    }

    #[test]
    fn nothing_said_is_no_tls() {
        assert!(Serving::parse_from(["x"]).tls.server().unwrap().is_none());
        assert!(Connecting::parse_from(["x"]).tls.client().unwrap().is_none());
        let both = Both::parse_from(["x"]).tls;
        assert!(both.client().unwrap().is_none() && both.server().unwrap().is_none());
    }

    #[test]
    fn a_client_that_says_who_it_is_must_say_whom_it_trusts() {
        let line = Connecting::parse_from(["x", "--tls-cert", "a", "--tls-key", "b"]);
        assert!(matches!(line.tls.client(), Err(TlsFailure::NoAuthority)));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let line = Both::parse_from(["x", "--tls-cert", "/nowhere/a", "--tls-key", "/nowhere/b"]);
        assert_eq!(line.tls.server().unwrap_err().to_string(), "cannot read /nowhere/a");
        let line = Connecting::parse_from(["x", "--tls-ca", "/nowhere/c"]);
        assert_eq!(line.tls.client().unwrap_err().to_string(), "cannot read /nowhere/c");
    }
}
