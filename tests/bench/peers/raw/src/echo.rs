//! Echo: a thread a connection, and a caller who reads his answer himself.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bench_harness::blocking::Client;
use bench_harness::peer::{Failure, listening};

use crate::frames::{Frames, frame};

/// A server's buffer for reading, in bytes.
const BUFFER: usize = 4 << 10;

/// Replies that wait for further requests which have come already: this many bytes at most.
const GATHERED: usize = 64 << 10;

/// Serves each connection by a thread of its own.
pub(crate) fn serve(connection: fn(TcpStream) -> io::Result<()>) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listening(listener.local_addr()?)?;
    for socket in listener.incoming() {
        let socket = socket?;
        socket.set_nodelay(true)?;
        // A peer that is gone ends its thread, and nobody else.
        let body = move || drop(connection(socket));
        std::thread::Builder::new().name("connection".into()).stack_size(256 << 10).spawn(body)?;
    }
    Ok(())
}

/// Answers each frame with itself; all that have come are answered with one write, large ones from where they lie.
pub(crate) fn mirror(mut socket: TcpStream) -> io::Result<()> {
    let (mut frames, mut replies) = (Frames::new(BUFFER), Vec::new());
    while let Some(frame) = frames.next(&mut socket)? {
        if frame.len() >= GATHERED {
            socket.write_all(&replies)?;
            replies.clear();
            socket.write_all(frame)?;
            continue;
        }
        replies.extend_from_slice(frame);
        if replies.len() >= GATHERED || !frames.is_complete() {
            socket.write_all(&replies)?;
            replies.clear();
        }
    }
    Ok(())
}

/// A connection, and what it sends.
pub(crate) struct Direct {
    socket: TcpStream,
    frames: Frames,
    frame: Vec<u8>,
    out: Vec<u8>,
}

pub(crate) fn connect(address: SocketAddr, payload: &[u8]) -> Result<Direct, Failure> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    Ok(Direct { socket, frames: Frames::new(BUFFER), frame: frame(payload)?, out: Vec::new() })
}

impl Client for Direct {
    fn call(&mut self) -> Result<usize, Failure> {
        self.socket.write_all(&self.frame)?;
        self.finish()
    }

    /// Leaves with the others, when an answer is waited for that has not come.
    fn start(&mut self) -> Result<(), Failure> {
        self.out.extend_from_slice(&self.frame);
        Ok(())
    }

    fn finish(&mut self) -> Result<usize, Failure> {
        if !self.frames.is_complete() && !self.out.is_empty() {
            self.socket.write_all(&self.out)?;
            self.out.clear();
        }
        let answer = self.frames.next(&mut self.socket)?.ok_or(CLOSED)?;
        Ok(answer.len() - 4)
    }
}

const CLOSED: &str = "the server closed the connection";

/// Frames of 100 bytes without end, as many in a write as 16 KiB hold.
pub(crate) fn pour(mut socket: TcpStream) -> io::Result<()> {
    let frames = frame(&[7; 100])?.repeat((16 << 10) / 104);
    loop {
        socket.write_all(&frames)?;
    }
}

/// Takes such frames; each call takes those of one read.
pub(crate) fn taken(address: SocketAddr) -> Result<impl FnMut() -> Result<u64, Failure>, Failure> {
    let mut socket = TcpStream::connect(address)?;
    let mut frames = Frames::new(16 << 10);
    Ok(move || {
        let mut count = 0;
        while count == 0 || frames.is_complete() {
            frames.next(&mut socket)?.ok_or(CLOSED)?;
            count += 1;
        }
        Ok(count)
    })
}
