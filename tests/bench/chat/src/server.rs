//! The servers that are compared: where their programs are, how they are told to serve a crowd, and what they speak.
//!
//! Each is started for one measurement, on a loopback port of its own and in a folder of its own, and ended with it. Limits on
//! clients, on rates and on what waits for a slow one are raised, so that none is cut off; nothing else is changed.

mod configurations;
mod ours;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bench_harness::process::{self, ProcessError, is_interrupted};
use bench_harness::usage::Memory;
use clap::ValueEnum;
use tempfile::TempDir;

use crate::dialect::{Dialect, Irc, Mqtt, Nats, Ours, Resp};
use crate::failure::Failure;

pub(crate) use ours::build;

/// A server by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Server {
    /// Our chat server, registered with a binder.
    Chat,
    Ngircd,
    Inspircd,
    Redis,
    Mosquitto,
    Nats,
}

/// A server that runs, until this is dropped.
pub(crate) struct Running {
    processes: Vec<process::Running>,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

/// How long a server may take until it accepts connections.
const STARTING: Duration = Duration::from_secs(10);

impl Server {
    /// As people write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Server::Chat => "chat-server",
            Server::Ngircd => "ngircd",
            Server::Inspircd => "InspIRCd",
            Server::Redis => "Redis pub/sub",
            Server::Mosquitto => "Mosquitto QoS 0",
            Server::Nats => "NATS",
        }
    }

    /// The Debian package that has it; none has ours.
    pub(crate) fn package(self) -> Option<&'static str> {
        match self {
            Server::Chat => None,
            Server::Ngircd => Some("ngircd"),
            Server::Inspircd => Some("inspircd"),
            Server::Redis => Some("redis-server"),
            Server::Mosquitto => Some("mosquitto"),
            Server::Nats => Some("nats-server"),
        }
    }

    /// Where its program is, if it is installed from a package.
    pub(crate) fn program(self) -> Option<PathBuf> {
        const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"];
        let package = Path::new(self.package()?);
        FOLDERS.iter().map(|folder| Path::new(folder).join(package)).find(|program| program.is_file())
    }

    /// What is said to it; `credit` is what members of ours give.
    pub(crate) fn dialect(self, credit: u32) -> Box<dyn Dialect> {
        match self {
            Server::Chat => Box::new(Ours { credit }),
            Server::Ngircd | Server::Inspircd => Box::new(Irc),
            Server::Redis => Box::new(Resp),
            Server::Mosquitto => Box::new(Mqtt),
            Server::Nats => Box::new(Nats),
        }
    }

    /// Starts it, and waits until it accepts connections; `ours` is the folder of our programs.
    pub(crate) fn start(self, ours: &Path) -> Result<Running, Failure> {
        let folder = tempfile::Builder::new().prefix("chat-bench-").tempdir();
        let folder = folder.map_err(Failure::io("cannot make a temporary folder"))?;
        let address = free_port().map_err(Failure::io("no port is free"))?;
        let commands = match self {
            Server::Chat => ours::commands(ours, address)?,
            _ => {
                let program = self.program().unwrap_or_default();
                vec![configurations::command(self, &program, folder.path(), address.port())?]
            }
        };
        let start = |mut command| process::Running::start(&mut command);
        let processes = commands.into_iter().map(start).collect::<Result<_, _>>()?;
        let mut running = Running { processes, address, _folder: folder };
        running.wait(self)?;
        Ok(running)
    }
}

impl Running {
    fn wait(&mut self, server: Server) -> Result<(), Failure> {
        let until = Instant::now() + STARTING;
        while TcpStream::connect(self.address).is_err() {
            if is_interrupted() {
                return Err(Failure::Interrupted);
            }
            if Instant::now() > until {
                return Err(Failure::NotUp { server: server.name(), seconds: STARTING.as_secs() });
            }
            let first = self.processes.first_mut();
            // One that cannot serve ends, and says why.
            let said = first.map(|process| process.line(Duration::from_millis(20)));
            if let Some(Err(ended @ ProcessError::Ended { .. })) = said {
                return Err(ended.into());
            }
        }
        Ok(())
    }

    /// Processor time of all its processes so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let all = self.processes.iter().map(|one| one.process().cpu()).sum::<io::Result<Duration>>();
        all.map_err(Failure::io("cannot read a server's processor time"))
    }

    /// Memory of the process that holds the clients: the first.
    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        let Some(first) = self.processes.first() else { return Ok(Memory::default()) };
        first.process().memory().map_err(Failure::io("cannot read a server's memory"))
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
