//! Both ends of TLS as the cases use them: of the framework for real servers and clients, and of rustls alone for scripted
//! ones. One authority, and one certificate for this machine.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, Select, Sender, unbounded};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rpc_core::threads::{self, Thread};
use rpc_core::{ClientTls, ServerTls};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use system_tests::SOON;

use crate::peer::Wire;

const HOST: &str = "127.0.0.1";

static PAPERS: LazyLock<Papers> = LazyLock::new(Papers::new);

struct Papers {
    server: ServerTls,
    client: ClientTls,
    scripted_server: Arc<ServerConfig>,
    scripted_client: Arc<ClientConfig>,
    authority: String,
    identity: String,
}

impl Papers {
    fn new() -> Papers {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for self-signed that has its issuer's name.
        authority.distinguished_name.push(DnType::CommonName, "the authority of these tests");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([HOST.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let (ca, pem, key) = (authority.pem(), certificate.pem(), key.serialize_pem());
        let provider = || Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let private = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let own = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let server = server.unwrap().with_no_client_auth().with_single_cert(vec![own], private);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        Papers {
            server: ServerTls::from_pem(&pem, &key).unwrap(),
            client: ClientTls::with_ca_pem(&ca).unwrap(),
            scripted_server: Arc::new(server.unwrap()),
            scripted_client: Arc::new(client),
            authority: ca,
            identity: pem + &key,
        }
    }
}

pub(crate) fn server() -> ServerTls {
    PAPERS.server.clone()
}

pub(crate) fn client() -> ClientTls {
    PAPERS.client.clone()
}

/// The certificate of the authority, as PEM.
pub(crate) fn authority() -> &'static str {
    &PAPERS.authority
}

/// The certificate of a server and its key, as PEM.
pub(crate) fn identity() -> &'static str {
    &PAPERS.identity
}

/// A connection of one side under TLS; it says that it ends when it is dropped.
pub(crate) struct Secured {
    connection: Connection,
    socket: TcpStream,
}

/// A scripted client, behind the handshake.
pub(crate) fn dial(address: SocketAddr) -> Secured {
    let name = ServerName::try_from(HOST).unwrap();
    let connection = ClientConnection::new(PAPERS.scripted_client.clone(), name).unwrap();
    Secured::shaken(connection.into(), TcpStream::connect(address).unwrap()).unwrap()
}

impl Secured {
    fn shaken(connection: Connection, socket: TcpStream) -> io::Result<Secured> {
        socket.be_patient();
        let mut wire = Secured { connection, socket };
        wire.connection.complete_io(&mut wire.socket)?;
        Ok(wire)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

impl Read for Secured {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                told => return told,
            }
            self.connection.read_tls(&mut self.socket)?;
            self.connection.process_new_packets().map_err(io::Error::other)?;
            self.send()?;
        }
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(bytes)?;
        self.send()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Secured {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Wire for Secured {
    fn be_patient(&self) {
        self.socket.be_patient();
    }

    fn holds_something(&mut self) -> bool {
        self.connection.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
    }

    fn shut_down(&mut self, how: Shutdown) {
        if how != Shutdown::Read {
            self.connection.send_close_notify();
            // A peer that has gone hears nothing.
            self.send().ok();
        }
        self.socket.shutdown(how).ok();
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.connection.send_close_notify();
        self.send().ok();
    }
}

/// A listening socket whose clients are answered on a thread of its own, as the kernel does without TLS.
pub(crate) struct Reception {
    pub(crate) address: SocketAddr,
    come: Receiver<Secured>,
    /// Its end ends the thread.
    _open: UnixStream,
    _thread: Thread,
}

impl Reception {
    pub(crate) fn open() -> Reception {
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (open, closed) = UnixStream::pair().unwrap();
        let (sender, come) = unbounded();
        let thread = threads::spawn("reception", move || receive(&listener, &closed, &sender)).unwrap();
        Reception { address, come, _open: open, _thread: thread }
    }

    /// Whether a client has come, or comes in the next few milliseconds.
    pub(crate) fn has_more(&self) -> bool {
        let mut select = Select::new();
        select.recv(&self.come);
        select.ready_timeout(Duration::from_millis(5)).is_ok()
    }

    #[track_caller]
    pub(crate) fn accept(&self) -> Secured {
        self.come.recv_timeout(SOON).expect("nobody came")
    }
}

fn receive(listener: &TcpListener, closed: &UnixStream, come: &Sender<Secured>) {
    loop {
        let mut polled = [PollFd::new(listener, PollFlags::IN), PollFd::new(closed, PollFlags::IN)];
        poll(&mut polled, None).unwrap();
        let [_, closed] = polled;
        if !closed.revents().is_empty() {
            return;
        }
        let connection = ServerConnection::new(PAPERS.scripted_server.clone()).unwrap();
        // A client that gives up in the handshake has not come.
        if let Ok(wire) = Secured::shaken(connection.into(), listener.accept().unwrap().0) {
            come.send(wire).ok();
        }
    }
}
