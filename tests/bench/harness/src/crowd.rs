//! Subscribers: sockets that two threads read as they become readable, the same for everybody; items are counted, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, Thread};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use crate::blocking::metered;
use crate::peer::{Failure, Load};
use crate::sample::Sample;

/// How a subscriber's connection begins, and what its frames tell: each is a length of four bytes, little-endian, and so many.
#[derive(Clone, Copy, Debug)]
pub struct Subscription {
    /// What a subscriber sends first.
    pub hello: &'static [u8],
    /// What the server sends before its first frame.
    pub welcome: usize,
    /// How many items a frame holds, without its length.
    pub items: fn(&[u8]) -> u64,
}

/// Has items sent to all subscribers, `load.width` at a time, and waits each time until all have come: deliveries a second.
pub fn load<P>(
    load: &Load,
    subscription: Subscription,
    publisher: impl FnOnce(SocketAddr) -> Result<P, Failure>,
) -> Result<Sample, Failure>
where
    P: FnMut(u64) -> Result<(), Failure>,
{
    let crowd = Crowd::start(load.target.address, load.target.connections, subscription)?;
    let mut publish = publisher(load.target.address)?;
    let items = load.width as u64;
    let mut publish_for = |time| {
        let (begun, mut delivered) = (Instant::now(), 0);
        while begun.elapsed() < time {
            crowd.expect(items);
            publish(items)?;
            crowd.wait()?;
            delivered += items * crowd.subscribers;
        }
        Ok::<_, Failure>(delivered)
    };
    publish_for(load.warm_up().max(Duration::from_millis(1)))?;
    metered(load.target.process(), || publish_for(load.time()))
}

const READERS: usize = 2;

/// Something is lost when items are waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

struct Crowd {
    subscribers: u64,
    progress: Arc<Progress>,
    readers: Vec<JoinHandle<Result<(), Failure>>>,
}

/// What readers and the one who waits for them know together.
struct Progress {
    /// Items that have come since the beginning, and those that are waited for.
    counted: AtomicU64,
    awaited: AtomicU64,
    over: AtomicBool,
    waiting: Thread,
}

impl Progress {
    fn came(&self, count: u64) {
        let before = self.counted.fetch_add(count, Ordering::SeqCst);
        let awaited = self.awaited.load(Ordering::SeqCst);
        if before < awaited && before + count >= awaited {
            self.waiting.unpark();
        }
    }
}

impl Crowd {
    fn start(server: SocketAddr, size: usize, subscription: Subscription) -> Result<Crowd, Failure> {
        let progress = Arc::new(Progress {
            counted: AtomicU64::new(0),
            awaited: AtomicU64::new(0),
            over: AtomicBool::new(false),
            waiting: std::thread::current(),
        });
        let mut crowd = Crowd { subscribers: size as u64, progress, readers: Vec::new() };
        let mut sockets = Vec::new();
        for _ in 0..size {
            let mut socket = TcpStream::connect(server)?;
            socket.write_all(subscription.hello)?;
            socket.set_nonblocking(true)?;
            sockets.push(Subscriber { socket, held: Vec::new(), welcome: subscription.welcome });
        }
        while !sockets.is_empty() {
            let rest = sockets.split_off(sockets.len().min(size.div_ceil(READERS)));
            let (part, progress) = (std::mem::replace(&mut sockets, rest), crowd.progress.clone());
            let read = move || read_all(part, subscription.items, &progress);
            crowd.readers.push(Builder::new().name("crowd".into()).spawn(read)?);
        }
        Ok(crowd)
    }

    /// To be said before these items are sent to every subscriber.
    fn expect(&self, items: u64) {
        self.progress.awaited.fetch_add(self.subscribers * items, Ordering::SeqCst);
    }

    fn wait(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        let progress = &self.progress;
        while progress.counted.load(Ordering::SeqCst) < progress.awaited.load(Ordering::SeqCst) {
            if begun.elapsed() > PATIENCE || self.readers.iter().any(JoinHandle::is_finished) {
                let counted = progress.counted.load(Ordering::SeqCst);
                let awaited = progress.awaited.load(Ordering::SeqCst);
                return Err(format!("{counted} deliveries came of {awaited}").into());
            }
            std::thread::park_timeout(Duration::from_secs(1));
        }
        Ok(())
    }
}

impl Drop for Crowd {
    /// Whoever reads looks up at least every 50 ms.
    fn drop(&mut self) {
        self.progress.over.store(true, Ordering::SeqCst);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

struct Subscriber {
    socket: TcpStream,
    /// The beginning of a frame that has not come whole.
    held: Vec<u8>,
    /// Bytes that still come before the first frame.
    welcome: usize,
}

fn read_all(
    mut subscribers: Vec<Subscriber>,
    items: fn(&[u8]) -> u64,
    progress: &Progress,
) -> Result<(), Failure> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (index, subscriber) in subscribers.iter().enumerate() {
        let place = epoll::EventData::new_u64(index as u64);
        epoll::add(&poll, subscriber.socket.as_fd(), place, epoll::EventFlags::IN)?;
    }
    let mut bytes = vec![0; 256 << 10];
    let mut events = Vec::with_capacity(64);
    let wait = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    while !progress.over.load(Ordering::SeqCst) {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
        let mut came = 0;
        for event in &events {
            let index = usize::try_from(event.data.u64())?;
            if let Some(subscriber) = subscribers.get_mut(index) {
                came += subscriber.read(&mut bytes, items)?;
            }
        }
        progress.came(came);
    }
    Ok(())
}

impl Subscriber {
    /// What has come, at most once; how many items it was.
    fn read(&mut self, bytes: &mut [u8], items: fn(&[u8]) -> u64) -> Result<u64, Failure> {
        match self.socket.read(bytes) {
            Ok(0) => Err("the server closed a subscriber's connection".into()),
            Ok(count) => Ok(self.take(bytes.get(..count).unwrap_or_default(), items)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, came: &[u8], items: fn(&[u8]) -> u64) -> u64 {
        let greeted = self.welcome.min(came.len());
        self.welcome -= greeted;
        let came = came.get(greeted..).unwrap_or_default();
        if self.held.is_empty() {
            let (count, rest) = counted(came, items);
            self.held.extend_from_slice(rest);
            return count;
        }
        self.held.extend_from_slice(came);
        let held = std::mem::take(&mut self.held);
        let (count, rest) = counted(&held, items);
        self.held.extend_from_slice(rest);
        count
    }
}

/// The items of whole frames, and the bytes behind them.
fn counted(mut bytes: &[u8], items: fn(&[u8]) -> u64) -> (u64, &[u8]) {
    let mut count = 0;
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let Some((frame, behind)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else {
            break;
        };
        count += items(frame);
        bytes = behind;
    }
    (count, bytes)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn items_are_counted_however_their_frames_are_cut() {
        let mut sent = b"hello".to_vec();
        for size in [1_u8, 0, 200] {
            sent.extend_from_slice(&u32::from(size).to_le_bytes());
            sent.extend(std::iter::repeat_n(size, usize::from(size)));
        }
        for step in 1..sent.len() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut subscriber = Subscriber { socket, held: Vec::new(), welcome: 5 };
            let counts = sent.chunks(step).map(|part| subscriber.take(part, |frame| frame.len() as u64));
            assert_eq!(counts.sum::<u64>(), 201);
            assert!(subscriber.held.is_empty());
        }
    }
}
