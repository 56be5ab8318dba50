//! Items to subscribers: the first connections, as many as are announced. The last is told how many items to send.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

use bench_harness::crowd::Subscription;
use bench_harness::peer::{Failure, listening};

use crate::frames::frame;

/// As many bytes of payload as make a frame of 120 bytes, ours or this.
const SIZE: usize = 116;

/// Items that wait for a writer.
const QUEUE: usize = 4096;

/// Bytes that one subscriber is given at once.
const GATHERED: usize = 16 << 10;

/// Items are frames of their own; there is no greeting.
pub(crate) const SUBSCRIPTION: Subscription = Subscription { hello: &[], welcome: 0, items: |_| 1 };

/// Sends so many items to every subscriber.
type Send = Box<dyn FnMut(u64) -> io::Result<()>>;

pub(crate) fn serve(
    subscribers: usize,
    ready: fn(Vec<TcpStream>) -> io::Result<Send>,
) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listening(listener.local_addr()?)?;
    let mut sockets = Vec::new();
    for _ in 0..subscribers {
        let socket = listener.accept()?.0;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    let mut send = ready(sockets)?;
    let (mut control, mut count) = (listener.accept()?.0, [0; 8]);
    loop {
        control.read_exact(&mut count)?;
        send(u64::from_le_bytes(count))?;
    }
}

/// The thread that sends writes each item to each socket.
pub(crate) fn write_each(mut sockets: Vec<TcpStream>) -> io::Result<Send> {
    let item = frame(&[7; SIZE])?;
    Ok(Box::new(move |count| {
        for _ in 0..count {
            sockets.iter_mut().try_for_each(|socket| socket.write_all(&item))?;
        }
        Ok(())
    }))
}

/// Two writers share the sockets; each gives a socket everything that is queued, in one write.
pub(crate) fn write_gathered(mut sockets: Vec<TcpStream>) -> io::Result<Send> {
    let item = frame(&[7; SIZE])?;
    let others = sockets.split_off(sockets.len() / 2);
    let mut queues: Vec<SyncSender<()>> = Vec::new();
    for part in [sockets, others] {
        let ((queue, items), item) = (sync_channel(QUEUE), item.clone());
        // A subscriber that is gone ends the measurement.
        Builder::new().name("writer".into()).spawn(move || drop(write(part, &items, &item)))?;
        queues.push(queue);
    }
    Ok(Box::new(move |count| {
        for _ in 0..count {
            queues.iter().try_for_each(|queue| queue.send(())).map_err(io::Error::other)?;
        }
        Ok(())
    }))
}

fn write(mut sockets: Vec<TcpStream>, items: &Receiver<()>, item: &[u8]) -> io::Result<()> {
    let mut gathered = Vec::new();
    while items.recv().is_ok() {
        gathered.clear();
        gathered.extend_from_slice(item);
        while gathered.len() < GATHERED && items.try_recv().is_ok() {
            gathered.extend_from_slice(item);
        }
        sockets.iter_mut().try_for_each(|socket| socket.write_all(&gathered))?;
    }
    Ok(())
}

/// Tells the server, over a connection of its own, how many items to send.
pub(crate) fn publisher(server: SocketAddr) -> Result<impl FnMut(u64) -> Result<(), Failure>, Failure> {
    let mut control = TcpStream::connect(server)?;
    control.set_nodelay(true)?;
    Ok(move |count: u64| Ok(control.write_all(&count.to_le_bytes())?))
}
