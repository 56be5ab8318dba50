//! Echo calls beside the bare socket they run on: `cargo bench -p rpc-core --bench echo`.
//!
//! Rounds of both are interleaved, so that a busy machine slows both; what carries over is the ratio in the last column.
//! Words behind `--` choose the cases whose names have one of them: `cargo bench -p rpc-core --bench echo -- KiB MiB`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rpc_core::limits::STREAM_CREDIT;
use rpc_core::threads::{self, Thread};
use rpc_core::{Bytes, Client, Limits, Pending, Server, Status, Stream};

#[rpc_core::service]
trait Echo {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status>;
    fn items(&self, count: usize, size: usize) -> Result<Stream<Bytes>, Status>;
}

struct Mirror;

impl Echo for Mirror {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn items(&self, count: usize, size: usize) -> Result<Stream<Bytes>, Status> {
        Ok(Stream::from_iter((0..count).map(move |_| Bytes::from(vec![7; size]))))
    }
}

const ROUNDS: usize = 7;

/// How long a side stays awake that spins.
const SPIN: Duration = Duration::from_micros(50);

fn main() {
    let server = Server::builder().service(EchoService::new(Arc::new(Mirror))).bind("127.0.0.1:0").unwrap();
    let bare = Raw::start();
    let (address, raw) = (server.address(), bare.address);
    println!("{:<34} {:>14} {:>14} {:>8}", "case (medians of 7 rounds)", "rpc-core", "bare socket", "ratio");
    row("one in flight, 64 B: p50 µs", || one_in_flight(address, 20_000), || raw_one(raw, 64, 20_000));
    let awake = Limits { spin: SPIN, ..Limits::default() };
    let spinning = Server::builder()
        .limits(awake)
        .service(EchoService::new(Arc::new(Mirror)))
        .bind("127.0.0.1:0")
        .unwrap();
    row(
        "the same, both sides spin: p50 µs",
        || one_in_flight_awake(spinning.address(), 20_000),
        || raw_one(raw, 64, 20_000),
    );
    row("one in flight, 64 KiB: µs", || large(address, 64 << 10, 4000), || raw_one(raw, 64 << 10, 4000));
    row("one in flight, 1 MiB: µs", || large(address, 1 << 20, 300), || raw_one(raw, 1 << 20, 300));
    row(
        "window of 64, one thread: calls/s",
        || window(address, 64, 300_000),
        || raw_window(raw, 64, 300_000),
    );
    row(
        "32 threads, a connection each: calls/s",
        || apart(address, 32, 100_000),
        || raw_apart(raw, 32, 100_000),
    );
    row_alone("64 threads, one connection: calls/s", || shared(address, 64, 100_000));
    for credit in [STREAM_CREDIT, 256, 1024] {
        let name = format!("stream of 100 B, credit {credit}: items/s");
        row_alone(&name, || streamed(address, credit, 300_000));
    }
}

/// Whether the command line names this case, or none.
fn is_chosen(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn row_alone(name: &str, ours: impl FnMut() -> f64) {
    if is_chosen(name) {
        println!("{name:<34} {:>14.1}", median(std::iter::repeat_with(ours).take(ROUNDS).collect()));
    }
}

fn row(name: &str, mut ours: impl FnMut() -> f64, mut bare: impl FnMut() -> f64) {
    if is_chosen(name) {
        let (ours, bare) = (0..ROUNDS).map(|_| (ours(), bare())).unzip();
        let (ours, bare) = (median(ours), median(bare));
        println!("{name:<34} {ours:>14.1} {bare:>14.1} {:>8.2}", ours / bare);
    }
}

fn client(address: SocketAddr) -> EchoClient {
    let client = EchoClient::new(Client::connect(address.to_string()));
    client.echo(Bytes::default()).unwrap();
    client
}

fn streamed(address: SocketAddr, credit: u32, items: usize) -> f64 {
    let limits = Limits { stream_credit: credit, ..Limits::default() };
    let client = EchoClient::new(Client::connect(address.to_string()).with_limits(limits));
    client.echo(Bytes::default()).unwrap();
    let begun = Instant::now();
    let counted = client.items(items, 100).unwrap().map(Result::unwrap).count();
    assert_eq!(counted, items);
    per_second(items, begun)
}

fn median_micros(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn timed(calls: usize, mut call: impl FnMut()) -> f64 {
    let time = || {
        let begun = Instant::now();
        call();
        begun.elapsed()
    };
    median_micros(std::iter::repeat_with(time).take(calls).collect())
}

fn one_in_flight(address: SocketAddr, calls: usize) -> f64 {
    large(address, 64, calls)
}

fn one_in_flight_awake(address: SocketAddr, calls: usize) -> f64 {
    let limits = Limits { spin: SPIN, ..Limits::default() };
    let client = EchoClient::new(Client::connect(address.to_string()).with_limits(limits));
    let bytes = Bytes::from(vec![7; 64]);
    timed(calls, || assert_eq!(client.echo(bytes.clone()).unwrap().len(), 64))
}

fn large(address: SocketAddr, size: usize, calls: usize) -> f64 {
    let (client, bytes) = (client(address), Bytes::from(vec![7; size]));
    timed(calls, || assert_eq!(client.echo(bytes.clone()).unwrap().len(), size))
}

fn window(address: SocketAddr, width: usize, calls: usize) -> f64 {
    let (client, bytes) = (client(address), Bytes::from(vec![7; 64]));
    let mut pending: VecDeque<Pending<Bytes, Status>> = VecDeque::new();
    let begun = Instant::now();
    for _ in 0..calls {
        if pending.len() == width {
            pending.pop_front().unwrap().wait().unwrap();
        }
        pending.push_back(client.start().echo(bytes.clone()));
    }
    pending.into_iter().for_each(|call| drop(call.wait().unwrap()));
    per_second(calls, begun)
}

fn shared(address: SocketAddr, callers: usize, calls: usize) -> f64 {
    let client = client(address);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                let bytes = Bytes::from(vec![7; 64]);
                (0..calls / callers).for_each(|_| drop(client.echo(bytes.clone()).unwrap()));
            });
        }
    });
    per_second(calls, begun)
}

fn apart(address: SocketAddr, callers: usize, calls: usize) -> f64 {
    let clients: Vec<EchoClient> = (0..callers).map(|_| client(address)).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| {
                let bytes = Bytes::from(vec![7; 64]);
                (0..calls / callers).for_each(|_| drop(client.echo(bytes.clone()).unwrap()));
            });
        }
    });
    per_second(calls, begun)
}

fn raw_apart(address: SocketAddr, callers: usize, calls: usize) -> f64 {
    let streams: Vec<TcpStream> = (0..callers).map(|_| raw_client(address)).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for mut stream in streams {
            scope.spawn(move || {
                let (frame, mut back) = (raw_frame(64), [0; 68]);
                for _ in 0..calls / callers {
                    stream.write_all(&frame).unwrap();
                    stream.read_exact(&mut back).unwrap();
                }
            });
        }
    });
    per_second(calls, begun)
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn per_second(calls: usize, begun: Instant) -> f64 {
    calls as f64 / begun.elapsed().as_secs_f64()
}

/// The limit of this design: length-prefixed frames, one thread a connection, complete frames are written back together.
struct Raw {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<Thread>,
}

impl Raw {
    fn start() -> Raw {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let ending = stop.clone();
        let serve = move || {
            let mut threads = Vec::new();
            loop {
                let (stream, _) = listener.accept().unwrap();
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                threads.push(threads::spawn("raw", move || mirror(stream)).unwrap());
            }
        };
        Raw { address, stop, thread: Some(threads::spawn("raw", serve).unwrap()) }
    }
}

impl Drop for Raw {
    /// The accepting thread looks at each connection whether it is the last.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(raw_client(self.address));
        drop(self.thread.take());
    }
}

/// Serves one connection to its end.
fn mirror(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let (mut bytes, mut held) = (vec![0; 4 << 20], 0);
    while let Ok(count @ 1..) = stream.read(&mut bytes[held..]) {
        held += count;
        let mut complete = 0;
        while let Some(prefix) = bytes[complete..held].first_chunk() {
            let length = u32::from_le_bytes(*prefix) as usize;
            if held - complete < 4 + length {
                break;
            }
            complete += 4 + length;
        }
        if stream.write_all(&bytes[..complete]).is_err() {
            break;
        }
        bytes.copy_within(complete..held, 0);
        held -= complete;
    }
}

fn raw_client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn raw_frame(size: usize) -> Vec<u8> {
    let mut frame = u32::try_from(size).unwrap().to_le_bytes().to_vec();
    frame.resize(4 + size, 7);
    frame
}

fn raw_one(address: SocketAddr, size: usize, calls: usize) -> f64 {
    let mut stream = raw_client(address);
    let (frame, mut back) = (raw_frame(size), vec![0; size + 4]);
    timed(calls, || {
        stream.write_all(&frame).unwrap();
        stream.read_exact(&mut back).unwrap();
    })
}

fn raw_window(address: SocketAddr, width: usize, calls: usize) -> f64 {
    let mut stream = raw_client(address);
    let frames = raw_frame(64).repeat(width);
    let mut back = vec![0; frames.len()];
    let begun = Instant::now();
    for _ in 0..calls / width {
        stream.write_all(&frames).unwrap();
        stream.read_exact(&mut back).unwrap();
    }
    per_second(calls, begun)
}
