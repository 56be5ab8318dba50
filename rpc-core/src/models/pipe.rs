//! A modelled connection: two ends, bytes cut at random, as many under way as there is room.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shuttle::rand::{Rng, thread_rng};

use crate::sync::outside;
use crate::transport::{Readiness, Transport, Wake};

/// One end. Only one thread may read it at a time, and one write it.
#[derive(Debug)]
pub(crate) struct End {
    near: Arc<Way>,
    far: Arc<Way>,
    reading: AtomicBool,
    writing: AtomicBool,
}

/// One direction. No thread is preempted while it holds the lock.
#[derive(Debug)]
struct Way {
    state: Mutex<State>,
    room: usize,
    /// Readable while there is something to read: what polls a descriptor polls this.
    mark: UnixStream,
    marker: UnixStream,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Nothing more is sent.
    ended: bool,
    /// Nothing more is taken.
    refused: bool,
}

/// A connection that holds `room` bytes each way.
pub(crate) fn pipe(room: usize) -> (Arc<End>, Arc<End>) {
    let way = || {
        let (mark, marker) = UnixStream::pair().unwrap();
        mark.set_nonblocking(true).unwrap();
        Arc::new(Way { state: Mutex::default(), room, mark, marker })
    };
    let (here, there) = (way(), way());
    let end = |near: &Arc<Way>, far: &Arc<Way>| {
        let (reading, writing) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(End { near: near.clone(), far: far.clone(), reading, writing })
    };
    (end(&here, &there), end(&there, &here))
}

/// Fails the model when two threads do what one may do.
struct Alone<'a>(&'a AtomicBool);

impl<'a> Alone<'a> {
    fn enter(busy: &'a AtomicBool, what: &str) -> Alone<'a> {
        assert!(!busy.swap(true, Ordering::SeqCst), "two threads {what} at the same time");
        Alone(busy)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Way {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let before = state.is_readable();
        let outcome = change(&mut state);
        match (before, state.is_readable()) {
            (false, true) => (&self.marker).write_all(&[1]).unwrap(),
            (true, false) => (&self.mark).read_exact(&mut [0]).unwrap(),
            _ => {}
        }
        outcome
    }
}

impl State {
    fn is_readable(&self) -> bool {
        !self.bytes.is_empty() || self.ended
    }
}

/// All of it, or as much as chance has it.
fn some_of(count: usize) -> usize {
    let mut random = thread_rng();
    if count < 2 || random.gen_bool(0.5) { count } else { random.gen_range(1..=count) }
}

impl End {
    fn take(&self, into: &mut Vec<u8>) -> Option<usize> {
        self.near.change(|state| {
            if !state.is_readable() {
                return None;
            }
            let count = some_of(state.bytes.len());
            into.extend(state.bytes.drain(..count));
            Some(count)
        })
    }

    fn readiness(&self, wanted: Readiness) -> Option<Readiness> {
        let readable = self.near.state.lock().unwrap().is_readable();
        let far = self.far.state.lock().unwrap();
        let writable = far.refused || far.bytes.len() < self.far.room;
        let ready = Readiness {
            readable: wanted.readable && readable,
            writable: wanted.writable && writable,
            broken: far.refused,
        };
        (ready != Readiness::default()).then_some(ready)
    }
}

impl Transport for End {
    fn read(&self, into: &mut Vec<u8>, deadline: Option<Instant>) -> io::Result<usize> {
        let _alone = Alone::enter(&self.reading, "read");
        let read = outside::wait(deadline, || self.take(into));
        outside::announce();
        read.ok_or_else(|| ErrorKind::TimedOut.into())
    }

    fn read_or_wake(&self, into: &mut Vec<u8>, deadline: Option<Instant>, wake: &Wake) -> io::Result<usize> {
        let _alone = Alone::enter(&self.reading, "read");
        let read = outside::wait(deadline, || {
            let woken = || {
                let mut polled = [PollFd::new(wake, PollFlags::IN)];
                (poll(&mut polled, Some(&Timespec::default())) != Ok(0))
                    .then(|| ErrorKind::Interrupted.into())
            };
            self.take(into).map(Ok).or_else(|| woken().map(Err))
        });
        outside::announce();
        read.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()))
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let _alone = Alone::enter(&self.writing, "write");
        // Others may run while this thread is in the system call.
        outside::announce();
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let written = self.far.change(|state| {
            if state.refused || state.ended {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let room = self.far.room.saturating_sub(state.bytes.len()).min(bytes.len());
            if room == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let count = some_of(room);
            state.bytes.extend(bytes.iter().take(count));
            Ok(count)
        });
        outside::announce();
        written
    }

    fn wait(&self, wanted: Readiness, deadline: Option<Instant>) -> io::Result<Readiness> {
        Ok(outside::wait(deadline, || self.readiness(wanted)).unwrap_or_default())
    }

    fn shutdown(&self, how: Shutdown) {
        if how != Shutdown::Read {
            self.far.change(|state| state.ended = true);
        }
        if how != Shutdown::Write {
            self.near.change(|state| {
                state.refused = true;
                state.ended = true;
                state.bytes.clear();
            });
        }
        outside::announce();
    }

    fn peer(&self) -> Option<SocketAddr> {
        None
    }

    fn local(&self) -> Option<SocketAddr> {
        None
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.near.mark.as_fd()
    }
}
