//! The command line that each peer has, and how a server says where it listens.
//!
//! A peer is one program: `serve` prints `LISTENING ADDRESS` and serves until its standard input ends; the others put load on
//! such a server and print a [`Sample`](crate::sample::Sample) as one line of JSON. No process outlives who started it.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::sample::Sample;
use crate::usage::{Process, raise_open_files};

/// Why something could not be measured.
pub type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    order: Order,
}

/// What a peer is told to be.
#[derive(Clone, Debug, Subcommand)]
pub enum Order {
    /// Serve until standard input ends.
    Serve(Serve),
    /// Call as quickly as answers come, and tell how many, how long and at what cost.
    Load(Load),
    /// Open connections, make one call on each, and tell what the server holds for them.
    Hold(Target),
    /// Take a stream of items for a while.
    Stream(Load),
    /// Have items sent to so many subscribers, `width` at a time, and wait each time until all have come.
    Broadcast(Load),
}

#[derive(Clone, Copy, Debug, Args)]
pub struct Serve {
    /// What is served.
    #[arg(long, value_enum, default_value_t = Role::Echo)]
    pub role: Role,
    /// Connections that will come; some servers must know before.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// How long a wait stays awake before it sleeps, in µs, where a peer can do that.
    #[arg(long, default_value_t = 0)]
    pub spin: u64,
}

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    Echo,
    /// An endless stream of 100-byte items to whoever connects or asks.
    Stream,
    /// An item to every subscriber, as often as told, with a write each.
    Broadcast,
    /// The same by two writers, each of whom gives a subscriber all that is queued in one write.
    Pool,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct Target {
    /// Where the server listens.
    #[arg(long)]
    pub address: SocketAddr,
    /// Its process, whose time and memory are read.
    #[arg(long, value_parser = clap::value_parser!(u32))]
    pub server: u32,
    /// Connections.
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
}

impl Target {
    pub fn process(&self) -> Process {
        Process(self.server)
    }
}

#[derive(Clone, Copy, Debug, Args)]
pub struct Load {
    #[command(flatten)]
    pub target: Target,
    /// Threads or tasks that share each connection, each with calls of its own.
    #[arg(long, default_value_t = 1)]
    pub callers: usize,
    /// Calls that each has in flight.
    #[arg(long, default_value_t = 1)]
    pub width: usize,
    /// Connections more, which are opened, answered once and then left alone.
    #[arg(long, default_value_t = 0)]
    pub idle: usize,
    /// Bytes of the payload.
    #[arg(long, default_value_t = 64)]
    pub size: usize,
    /// Procedures that are registered, where names are asked for.
    #[arg(long, default_value_t = 0)]
    pub procedures: usize,
    /// How long a wait stays awake before it sleeps, in µs, where a peer can do that.
    #[arg(long, default_value_t = 0)]
    pub spin: u64,
    /// How long is measured, in seconds.
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
    /// How long is called before that.
    #[arg(long, default_value_t = 0.2)]
    pub warm_up: f64,
}

impl Load {
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }

    /// The same bytes for everybody.
    pub fn payload(&self) -> Vec<u8> {
        (0..=250).cycle().take(self.size).collect()
    }
}

/// The deadline that calls have where a peer has deadlines.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The whole of a peer's `main`. A server returns no sample.
pub fn run(body: impl FnOnce(Order) -> Result<Option<Sample>, Failure>) -> ExitCode {
    match prepared(Line::parse().order, body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn prepared(
    order: Order,
    body: impl FnOnce(Order) -> Result<Option<Sample>, Failure>,
) -> Result<(), Failure> {
    raise_open_files()?;
    end_with_parent()?;
    if let Some(sample) = body(order)? {
        println!("{}", serde_json::to_string(&sample)?);
    }
    Ok(())
}

/// To be called by a server once it accepts connections.
pub fn listening(address: SocketAddr) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "LISTENING {address}")?;
    Ok(out.flush()?)
}

/// For a server that binds by itself and does not say where: a port that was free a moment ago, which is told as soon as
/// somebody listens there.
pub fn listening_soon() -> Result<SocketAddr, Failure> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let wait = move || {
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Who does not listen any more is not told.
        let _ = listening(address);
    };
    std::thread::Builder::new().name("listening".into()).spawn(wait)?;
    Ok(address)
}

/// Standard input is held by whoever started this process: when it ends, so does this.
fn end_with_parent() -> Result<(), Failure> {
    let wait = || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        end();
    };
    std::thread::Builder::new().name("parent".into()).spawn(wait)?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server that is measured has no end of its own: accepting threads of peers cannot be told to return"
)]
fn end() {
    std::process::exit(0);
}
