//! One item to many subscribers, beside bare sockets: `cargo bench -p rpc-core --bench broadcast`.
//!
//! The subscribers are the same for both: sockets that two threads read as they become readable. One item at a time is
//! compared with a write to each socket, a backlog with writers who give each socket all its bytes at once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rpc_core::threads::{self, Thread};
use rpc_core::{Broadcast, Bytes, Lag, Server, Status, Stream};
use rustix::event::epoll;

#[rpc_core::service]
trait News {
    fn listen(&self) -> Result<Stream<Bytes>, Status>;
}

struct Agency(Broadcast<Bytes>);

impl News for Agency {
    fn listen(&self) -> Result<Stream<Bytes>, Status> {
        Ok(self.0.subscribe().1)
    }
}

const ROUNDS: usize = 7;

/// Bytes of an item with its frame.
const SIZE: usize = 120;

fn main() {
    println!("{:<44} {:>12} {:>12} {:>8}", "deliveries/s (medians of 7 rounds)", "rpc-core", "bare", "ratio");
    for (subscribers, items) in [(10, 2000), (100, 500), (1000, 100)] {
        row(subscribers, items, "one at a time", Ours::one_by_one, Bare::one_by_one);
    }
    for (subscribers, items) in [(100, 10_000), (1000, 2000)] {
        row(subscribers, items, "backlog", Ours::backlog, Bare::backlog);
    }
}

fn row(subscribers: usize, items: usize, name: &str, of: fn(&mut Ours, usize), bare: fn(&mut Bare, usize)) {
    let (mut ours, mut peer) = (Ours::start(subscribers), Bare::start(subscribers));
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        of(&mut ours, items);
        rates[0].push(per_second(subscribers * items, begun));
        let begun = Instant::now();
        bare(&mut peer, items);
        rates[1].push(per_second(subscribers * items, begun));
    }
    let [ours, bare] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    let name = format!("{subscribers} subscribers, {items} items, {name}");
    println!("{name:<44} {ours:>12.0} {bare:>12.0} {:>8.2}", ours / bare);
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn per_second(deliveries: usize, begun: Instant) -> f64 {
    deliveries as f64 / begun.elapsed().as_secs_f64()
}

/// A broadcast and its subscribers.
struct Ours {
    agency: Arc<Agency>,
    crowd: Crowd,
    _server: Server,
}

impl Ours {
    fn start(subscribers: usize) -> Ours {
        let agency = Arc::new(Agency(Broadcast::with_lag(Lag { items: 1 << 20, bytes: 1 << 30 })));
        let server = Server::builder().service(NewsService::new(agency.clone())).bind("127.0.0.1:0").unwrap();
        // A client that takes as many items as come, and calls `listen` without arguments or deadline.
        let mut hello = b"\xf1RPC\x18\x00\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\xff\xff\xff\x7f".to_vec();
        hello.extend_from_slice(b"\x0c\0\0\0\0\x01\x06listen\0\0\0");
        let crowd = Crowd::start(subscribers, server.address(), &hello, items_in);
        while agency.0.subscribers() < subscribers {
            std::thread::yield_now();
        }
        Ours { agency, crowd, _server: server }
    }

    fn one_by_one(&mut self, items: usize) {
        for _ in 0..items {
            self.backlog(1);
        }
    }

    fn backlog(&mut self, items: usize) {
        let item = Bytes::from(vec![7; SIZE - 8]);
        self.crowd.expect(items);
        for _ in 0..items {
            self.agency.0.send(&item).unwrap();
        }
        self.crowd.wait();
    }
}

/// Sockets without anything, and who writes to them.
struct Bare {
    sockets: Vec<TcpStream>,
    crowd: Crowd,
}

impl Bare {
    fn start(subscribers: usize) -> Bare {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accept = || {
            let socket = listener.accept().unwrap().0;
            socket.set_nodelay(true).unwrap();
            socket
        };
        std::thread::scope(|scope| {
            let accepted = scope.spawn(|| std::iter::repeat_with(accept).take(subscribers).collect());
            let crowd = Crowd::start(subscribers, address, &[], |_| 1);
            Bare { sockets: accepted.join().unwrap(), crowd }
        })
    }

    fn one_by_one(&mut self, items: usize) {
        let frame = frame();
        for _ in 0..items {
            self.crowd.expect(1);
            self.sockets.iter_mut().for_each(|socket| socket.write_all(&frame).unwrap());
            self.crowd.wait();
        }
    }

    fn backlog(&mut self, items: usize) {
        let bytes = frame().repeat(items);
        self.crowd.expect(items);
        let half = self.sockets.len() / 2;
        let (some, others) = self.sockets.split_at_mut(half);
        std::thread::scope(|scope| {
            for part in [some, others] {
                let bytes = &bytes;
                scope.spawn(move || part.iter_mut().for_each(|socket| socket.write_all(bytes).unwrap()));
            }
        });
        self.crowd.wait();
    }
}

fn frame() -> Vec<u8> {
    let mut frame = u32::try_from(SIZE - 4).unwrap().to_le_bytes().to_vec();
    frame.resize(SIZE, 7);
    frame
}

/// Who reads: items are counted and nothing else.
struct Crowd {
    subscribers: u64,
    /// Items that have come since the beginning, and those that are waited for.
    counted: Arc<AtomicU64>,
    awaited: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    _readers: Vec<Thread>,
}

const READERS: usize = 2;

impl Crowd {
    fn start(size: usize, server: SocketAddr, hello: &[u8], items: fn(&[u8]) -> u64) -> Crowd {
        let (counted, awaited) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let over = Arc::new(AtomicBool::new(false));
        let main = std::thread::current();
        let mut parts: Vec<Vec<TcpStream>> = (0..READERS).map(|_| Vec::new()).collect();
        for index in 0..size {
            let mut socket = TcpStream::connect(server).unwrap();
            socket.write_all(hello).unwrap();
            socket.set_nonblocking(true).unwrap();
            parts[index % READERS].push(socket);
        }
        let read = |part| {
            let (counted, awaited, over, main) =
                (counted.clone(), awaited.clone(), over.clone(), main.clone());
            let came = move |count| {
                let before = counted.fetch_add(count, Ordering::SeqCst);
                let awaited = awaited.load(Ordering::SeqCst);
                if before < awaited && before + count >= awaited {
                    main.unpark();
                }
                !over.load(Ordering::SeqCst)
            };
            threads::spawn("crowd", move || read_all(part, items, came)).unwrap()
        };
        let readers = parts.into_iter().map(read).collect();
        Crowd { subscribers: size as u64, counted, awaited, over, _readers: readers }
    }

    /// To be said before these items are sent to every subscriber.
    fn expect(&self, items: usize) {
        self.awaited.fetch_add(self.subscribers * items as u64, Ordering::SeqCst);
    }

    /// Waits until all that is expected has come.
    fn wait(&self) {
        let begun = Instant::now();
        while self.counted.load(Ordering::SeqCst) < self.awaited.load(Ordering::SeqCst) {
            assert!(begun.elapsed() < Duration::from_secs(60), "items are missing");
            std::thread::park_timeout(Duration::from_secs(1));
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn read_all(mut sockets: Vec<TcpStream>, items: fn(&[u8]) -> u64, mut told: impl FnMut(u64) -> bool) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (index, socket) in sockets.iter().enumerate() {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&poll, socket.as_fd(), data, epoll::EventFlags::IN).unwrap();
    }
    let mut held: Vec<Vec<u8>> = sockets.iter().map(|_| Vec::new()).collect();
    let mut bytes = vec![0; 256 << 10];
    let mut events = Vec::with_capacity(64);
    let mut came = 0;
    while told(came) {
        came = 0;
        events.clear();
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait)).unwrap();
        for event in &events {
            let index = usize::try_from(event.data.u64()).unwrap();
            match sockets[index].read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => came += count_items(&mut held[index], &bytes[..count], items),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }
}

/// Counts the items of complete frames, and keeps the rest.
fn count_items(held: &mut Vec<u8>, bytes: &[u8], items: fn(&[u8]) -> u64) -> u64 {
    held.extend_from_slice(bytes);
    let (mut used, mut count) = (0, 0);
    if held.starts_with(b"\xf1RPC") {
        used = 24;
    }
    while let Some(prefix) = held[used..].first_chunk() {
        let end = used + 4 + u32::from_le_bytes(*prefix) as usize;
        if end > held.len() {
            break;
        }
        count += items(&held[used..end]);
        used = end;
    }
    held.drain(..used);
    count
}

/// The count of a message of items, as PROTOCOL.md has it.
fn items_in(frame: &[u8]) -> u64 {
    match frame[4..] {
        [2, _, 251, low, high, ..] => u64::from(u16::from_le_bytes([low, high])),
        [2, _, count, ..] => u64::from(count),
        _ => 0,
    }
}
