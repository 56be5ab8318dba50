//! A server of the service under test, reached over the transport of a case, and scripted servers in its place.

use std::fmt::Debug;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rpc_core::{Client, Endpoint, Limits, Server, ServerBuilder, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

pub(crate) use crate::waits::eventually;
pub(crate) use system_tests::SOON;

use crate::peer::Peer;
use crate::secured::{self, Reception};
use crate::service::{Bench, Event, TestServiceClient, TestServiceService};

/// Over what a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Unix,
    Memory,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// Serves what the builder has, at a place of its own.
    pub(crate) fn serve(self, builder: ServerBuilder) -> Host {
        self.try_serve(builder).unwrap()
    }

    /// The same client, over what this transport has above its sockets.
    pub(crate) fn reach(self, client: Client) -> Client {
        if self == Transport::Tls { client.with_tls(secured::client()) } else { client }
    }

    pub(crate) fn try_serve(self, builder: ServerBuilder) -> io::Result<Host> {
        let folder = Folder::new();
        let server = match self {
            Transport::Tcp => builder.bind("127.0.0.1:0"),
            Transport::Unix => builder.bind_unix(folder.socket()),
            Transport::Memory => builder.serve_in_memory(),
            Transport::Tls => builder.tls(secured::server()).bind("127.0.0.1:0"),
        };
        Ok(Host { transport: self, server: server?, _folder: folder })
    }
}

/// A running server and the way to it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) server: Server,
    transport: Transport,
    _folder: Folder,
}

impl Host {
    /// A client with connections of its own, whose calls and streams all end.
    pub(crate) fn client(&self) -> Client {
        let client = match self.transport {
            Transport::Memory => Client::over(&self.server),
            _ => Client::connect(self.server.endpoint().unwrap().to_string()),
        };
        self.transport.reach(client).with_deadline(SOON)
    }

    /// A client that speaks bytes, and has not said any.
    pub(crate) fn stranger(&self) -> Peer {
        match self.transport {
            Transport::Tcp => Peer::over(TcpStream::connect(self.server.address()).unwrap()),
            Transport::Unix => {
                let endpoint = self.server.endpoint().unwrap();
                Peer::over(UnixStream::connect(endpoint.path().unwrap()).unwrap())
            }
            Transport::Memory => {
                let (near, far) = UnixStream::pair().unwrap();
                self.server.adopt(near).unwrap();
                Peer::over(far)
            }
            Transport::Tls => Peer::over(secured::dial(self.server.address())),
        }
    }

    /// A client that speaks bytes, behind the prefaces.
    pub(crate) fn peer(&self) -> Peer {
        let mut peer = self.stranger();
        peer.greet_server();
        peer
    }
}

/// The service under test, served.
pub(crate) struct Lab {
    pub(crate) host: Host,
    pub(crate) gate: Sender<()>,
    events: Receiver<Event>,
    bench: Bench,
}

/// The service under test, to be served by a builder, and what is seen of it.
fn bench() -> (Bench, Sender<()>, Receiver<Event>) {
    let (gate, opened) = bounded(10_000);
    let (events, seen) = unbounded();
    (Bench { events, gate: opened, made: Arc::default(), begun: Arc::default() }, gate, seen)
}

impl Lab {
    pub(crate) fn new(transport: Transport) -> Lab {
        Lab::limited(transport, Limits::default())
    }

    pub(crate) fn limited(transport: Transport, limits: Limits) -> Lab {
        let (bench, gate, events) = bench();
        let service = TestServiceService::new(Arc::new(bench.clone()));
        let host = transport.serve(Server::builder().service(service).limits(limits));
        Lab { host, gate, events, bench }
    }

    /// The service over a channel of its own.
    pub(crate) fn client(&self) -> TestServiceClient {
        TestServiceClient::new(self.host.client())
    }

    pub(crate) fn open_gate(&self, times: usize) {
        (0..times).for_each(|_| self.gate.send(()).unwrap());
    }

    /// Waits until the service tells of this; what it told before is forgotten.
    #[track_caller]
    pub(crate) fn hear(&self, expected: &Event) {
        let until = Instant::now() + SOON;
        let mut heard = Vec::new();
        while heard.last() != Some(expected) {
            match self.events.recv_deadline(until) {
                Ok(event) => heard.push(event),
                Err(_) => panic!("expected {expected:?}, heard {heard:?}"),
            }
        }
    }

    /// Waits until a stream that a procedure takes ends early, and says why.
    #[track_caller]
    pub(crate) fn hear_broken(&self) -> Status {
        loop {
            match self.events.recv_timeout(SOON) {
                Ok(Event::Broken(status)) => return status,
                Ok(_) => {}
                Err(_) => panic!("no stream broke"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn hear_at_the_gate(&self, procedure: &str) {
        self.hear(&Event::AtTheGate(procedure.to_owned()));
    }

    #[track_caller]
    pub(crate) fn hear_cancelled(&self, procedure: &str) {
        self.hear(&Event::Cancelled(procedure.to_owned()));
    }

    /// Whether the service tells soon that this procedure was cancelled.
    pub(crate) fn hears_cancelled(&self, procedure: &str) -> bool {
        let expected = Event::Cancelled(procedure.to_owned());
        let next = || self.events.recv_timeout(Duration::from_secs(2)).ok();
        std::iter::from_fn(next).any(|event| event == expected)
    }

    #[track_caller]
    pub(crate) fn hear_gone(&self, procedure: &str) {
        self.hear(&Event::Gone(procedure.to_owned()));
    }

    /// Responses that streams have made so far.
    pub(crate) fn made(&self) -> usize {
        self.bench.made.load(Ordering::SeqCst)
    }

    /// Calls whose procedures have begun so far.
    pub(crate) fn begun(&self) -> usize {
        self.bench.begun.load(Ordering::SeqCst)
    }
}

/// A server that a test plays itself.
pub(crate) enum Stage {
    Tcp(TcpListener),
    Unix(UnixListener, Folder),
    Tls(Reception),
    /// One connection, both of whose ends are here until they are taken.
    Pair(Option<UnixStream>, Option<UnixStream>),
}

impl Stage {
    pub(crate) fn new(transport: Transport) -> Stage {
        match transport {
            Transport::Tcp => Stage::Tcp(patient(TcpListener::bind("127.0.0.1:0").unwrap())),
            Transport::Unix => {
                let folder = Folder::new();
                Stage::Unix(patient(UnixListener::bind(folder.socket()).unwrap()), folder)
            }
            Transport::Memory => {
                let (near, far) = UnixStream::pair().unwrap();
                Stage::Pair(Some(near), Some(far))
            }
            Transport::Tls => Stage::Tls(Reception::open()),
        }
    }

    pub(crate) fn client(&mut self) -> TestServiceClient {
        self.limited_client(Limits::default())
    }

    /// Where it is connected to.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Stage::Tcp(listener) => Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port()),
            Stage::Unix(_, folder) => Endpoint::unix(folder.socket()),
            Stage::Tls(reception) => Endpoint::new("127.0.0.1", reception.address.port()),
            Stage::Pair(..) => panic!("a pair of sockets has no address"),
        }
    }

    pub(crate) fn limited_client(&mut self, limits: Limits) -> TestServiceClient {
        let client = match self {
            Stage::Pair(_, far) => Client::over(far.take().unwrap()),
            Stage::Tls(_) => Client::connect(self.endpoint().to_string()).with_tls(secured::client()),
            addressed => Client::connect(addressed.endpoint().to_string()),
        };
        TestServiceClient::new(client.with_limits(limits).with_deadline(SOON))
    }

    /// The next client, before it has said anything.
    #[track_caller]
    pub(crate) fn accept(&mut self) -> Peer {
        match self {
            Stage::Tcp(listener) => Peer::over(listener.accept().unwrap().0),
            Stage::Unix(listener, _) => Peer::over(listener.accept().unwrap().0),
            Stage::Tls(reception) => Peer::over(reception.accept()),
            Stage::Pair(near, _) => Peer::over(near.take().unwrap()),
        }
    }

    /// The next client that comes before `over` says that none does any more.
    #[track_caller]
    pub(crate) fn accept_unless(&mut self, over: impl Fn() -> bool) -> Option<Peer> {
        let until = Instant::now() + SOON;
        while !self.has_more() {
            if over() {
                return None;
            }
            assert!(Instant::now() < until, "nobody came, and it is not over");
        }
        Some(self.accept())
    }

    /// Whether a client has come, or comes in the next few milliseconds.
    fn has_more(&self) -> bool {
        let waiting = match self {
            Stage::Tcp(listener) => listener.as_fd(),
            Stage::Unix(listener, _) => listener.as_fd(),
            Stage::Pair(near, _) => return near.is_some(),
            Stage::Tls(reception) => return reception.has_more(),
        };
        arrives(waiting)
    }

    /// The next client, behind the prefaces.
    #[track_caller]
    pub(crate) fn greeted(&mut self) -> Peer {
        let mut peer = self.accept();
        peer.greet_client();
        peer
    }
}

/// The listener, whose `accept` does not wait for ever.
fn patient<L: AsFd>(listener: L) -> L {
    set_socket_timeout(&listener, Timeout::Recv, Some(SOON)).unwrap();
    listener
}

/// Whether something can be read here, now or in the next few milliseconds.
pub(crate) fn arrives(from: impl AsFd) -> bool {
    let soon = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&soon)).unwrap() > 0
}

/// A folder of a test's own, short enough for the path of a socket.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("conformance-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
