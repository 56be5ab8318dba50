//! One service, and a server of it that is reached over the transport of a test's choice.

use std::fmt::Debug;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rpc_core::{Bytes, Client, Context, Limits, Server, ServerBuilder, Status, Stream};

use crate::gate::Gate;
pub(crate) use crate::waits::eventually;

#[rpc_core::service]
pub(crate) trait Lab {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn bulk(&self, bytes: Bytes) -> Result<Bytes, Status>;
    fn refuse(&self) -> Result<(), Status>;
    /// Waits for the gate or the caller's loss of interest.
    fn wait(&self) -> Result<String, Status>;
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    /// Whether the peer and this side have an address.
    fn addresses(&self) -> Result<(bool, bool), Status>;
}

pub(crate) struct Bench {
    gate: Gate,
}

impl Lab for Bench {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn bulk(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn refuse(&self) -> Result<(), Status> {
        Err(Status::permission_denied("not for you"))
    }

    fn wait(&self) -> Result<String, Status> {
        self.gate.pass()?;
        Ok("through".to_owned())
    }

    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().sum()
    }

    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(numbers.map(|number| Ok(2 * number?))))
    }

    fn addresses(&self) -> Result<(bool, bool), Status> {
        let context = Context::current();
        Ok((context.peer().is_some(), context.local().is_some()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Unix,
    Memory,
    AdoptedTcp,
    AdoptedUnix,
}

pub(crate) struct Stand {
    pub(crate) lab: LabClient,
    pub(crate) server: Server,
    pub(crate) gate: Sender<()>,
    pub(crate) entered: Receiver<()>,
    pub(crate) cancelled: Receiver<()>,
    transport: Transport,
    _folder: Folder,
}

pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A builder with the service, for tests that need nothing but answers.
pub(crate) fn plain() -> ServerBuilder {
    let bench = Bench { gate: Gate::new().0 };
    Server::builder().service(LabService::new(Arc::new(bench)))
}

pub(crate) fn stand(transport: Transport, limits: Limits) -> Stand {
    let (gate, opens, [entered, cancelled]) = Gate::new();
    let bench = Arc::new(Bench { gate });
    let builder = Server::builder().service(LabService::new(bench)).limits(limits);
    let folder = Folder::new();
    let server = match transport {
        Transport::Tcp => builder.bind("127.0.0.1:0"),
        Transport::Unix => builder.bind_unix(folder.path("socket")),
        Transport::Memory | Transport::AdoptedTcp | Transport::AdoptedUnix => builder.serve_in_memory(),
    };
    let server = server.unwrap();
    let lab = client(transport, &server);
    Stand { lab, server, gate: opens, entered, cancelled, transport, _folder: folder }
}

impl Stand {
    pub(crate) fn another_client(&self) -> LabClient {
        client(self.transport, &self.server)
    }

    /// A connection that has said nothing.
    pub(crate) fn stranger(&self) -> Box<dyn Stranger> {
        let waiting = match self.transport {
            Transport::Tcp => {
                return Box::new(patient_tcp(TcpStream::connect(self.server.address()).unwrap()));
            }
            Transport::Unix => {
                let endpoint = self.server.endpoint().unwrap();
                return Box::new(patient_unix(UnixStream::connect(endpoint.path().unwrap()).unwrap()));
            }
            Transport::AdoptedTcp => {
                let (near, far) = tcp_pair();
                self.server.adopt(near).unwrap();
                return Box::new(patient_tcp(far));
            }
            Transport::Memory | Transport::AdoptedUnix => UnixStream::pair().unwrap(),
        };
        self.server.adopt(waiting.0).unwrap();
        Box::new(patient_unix(waiting.1))
    }
}

/// A socket by hand.
pub(crate) trait Stranger: Read + Write {}

impl Stranger for TcpStream {}
impl Stranger for UnixStream {}

fn patient_tcp(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn patient_unix(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn client(transport: Transport, server: &Server) -> LabClient {
    LabClient::new(match transport {
        Transport::Tcp | Transport::Unix => Client::connect(server.endpoint().unwrap().to_string()),
        Transport::Memory => Client::over(server),
        Transport::AdoptedTcp => {
            let (near, far) = tcp_pair();
            // Without a place for it the client reads why.
            server.adopt(near).ok();
            Client::over(far)
        }
        Transport::AdoptedUnix => {
            let (near, far) = UnixStream::pair().unwrap();
            server.adopt(near).ok();
            Client::over(far)
        }
    })
}

pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, far)
}

/// A folder of a test's own, short enough for the paths of sockets.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rpc-core-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
