//! Authorities, certificates, and a server and a client that use them.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rpc_core::{
    Broadcast, Bytes, Client, ClientTls, Code, Context, Limits, Server, ServerBuilder, ServerTls, Status,
    Stream, TlsVersion,
};

use crate::gate::Gate;
pub(crate) use crate::waits::eventually;

pub(crate) const SOON: Duration = Duration::from_secs(10);

/// What servers of these tests are called, and the name that their certificates have.
pub(crate) const HOST: &str = "localhost";

#[rpc_core::service]
pub(crate) trait Lab {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn bulk(&self, bytes: Bytes) -> Result<Bytes, Status>;
    /// The names of who calls.
    fn whoami(&self) -> Result<Vec<String>, Status>;
    /// Waits for the gate, or the caller's loss of interest.
    fn wait(&self) -> Result<String, Status>;
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    fn follow(&self) -> Result<Stream<u64>, Status>;
}

struct Bench {
    gate: Gate,
    news: Arc<Broadcast<u64>>,
}

impl Lab for Bench {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn bulk(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn whoami(&self) -> Result<Vec<String>, Status> {
        let context = Context::current();
        let identity = context.peer_identity().ok_or_else(|| Status::unauthenticated("nobody"))?;
        assert!(identity.certificates().count() >= 1);
        Ok(identity.names().map(str::to_owned).collect())
    }

    fn wait(&self) -> Result<String, Status> {
        self.gate.pass()?;
        Ok("through".to_owned())
    }

    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(numbers.map(|number| Ok(2 * number?))))
    }

    fn follow(&self) -> Result<Stream<u64>, Status> {
        Ok(self.news.subscribe().1)
    }
}

/// A running server with the service, and what a test holds of it.
pub(crate) struct Stand {
    pub(crate) server: Server,
    pub(crate) gate: Sender<()>,
    pub(crate) entered: Receiver<()>,
    pub(crate) news: Arc<Broadcast<u64>>,
}

/// Serves under these limits, as `how` says.
pub(crate) fn stand(limits: Limits, how: impl FnOnce(ServerBuilder) -> Server) -> Stand {
    let (gate, opens, [entered, _]) = Gate::new();
    let news = Arc::new(Broadcast::new());
    let bench = Arc::new(Bench { gate, news: news.clone() });
    let builder = Server::builder().service(LabService::new(bench)).limits(limits);
    Stand { server: how(builder), gate: opens, entered, news }
}

/// Serves over TLS at a port of its own.
pub(crate) fn serve(tls: &ServerTls) -> Stand {
    stand(Limits::default(), |builder| builder.tls(tls.clone()).bind("127.0.0.1:0").unwrap())
}

impl Stand {
    /// Where clients reach it by a name.
    pub(crate) fn address(&self) -> String {
        format!("{HOST}:{}", self.server.address().port())
    }

    pub(crate) fn client(&self, tls: &ClientTls) -> LabClient {
        lab(&Client::connect(self.address()).with_tls(tls.clone()))
    }
}

pub(crate) fn lab(client: &Client) -> LabClient {
    LabClient::new(client.with_deadline(SOON))
}

/// Whoever signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub(crate) struct Paper {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Paper {
        self.issue_as(names, |_| {})
    }

    pub(crate) fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Paper {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Paper { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A server with a certificate for these names.
    pub(crate) fn server(&self, names: &[&str]) -> ServerTls {
        self.issue(names).server()
    }

    /// A client that trusts this authority.
    pub(crate) fn client(&self) -> ClientTls {
        ClientTls::with_ca_pem(self.pem()).unwrap()
    }

    /// The same with a certificate of this common name.
    pub(crate) fn client_named(&self, name: &str) -> ClientTls {
        let paper = self.named(name);
        self.client().with_identity_pem(paper.certificate, paper.key).unwrap()
    }

    pub(crate) fn named(&self, name: &str) -> Paper {
        self.issue_as(&[], |params| params.distinguished_name.push(DnType::CommonName, name))
    }
}

impl Paper {
    pub(crate) fn server(&self) -> ServerTls {
        ServerTls::from_pem(&self.certificate, &self.key).unwrap()
    }
}

/// Both versions, one at a time.
pub(crate) const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

/// A call that fails before it is sent, with these words.
#[track_caller]
pub(crate) fn check_unreachable(client: &LabClient, words: &str) {
    let status = client.echo("x".to_owned()).unwrap_err();
    assert_eq!((status.code(), status.may_have_run()), (Code::Unavailable, false), "{status}");
    assert!(status.message().ends_with(words), "{status}");
}
