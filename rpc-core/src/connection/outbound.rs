//! The way out of a connection: many threads append frames, one of them writes.
//!
//! ```text
//!             flush                 socket full
//!   Free ───────────────▶ Writing ───────────────▶ Stuck
//!    ▲                     │    ▲                    │
//!    └──── queue empty ────┘    └────── resume ──────┘
//! ```
//! Whoever flushes while nobody writes becomes the writer and goes on until the queue is empty; frames that came meanwhile
//! leave together. Nothing here waits for the socket: a stuck writer's caller decides who resumes it. User code never runs
//! under the lock.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::batch::Batch;
use crate::codec::{EncodeError, Payload};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{self, Mutex, MutexGuard, thread};
use crate::transport::{Transport, Waiter, wake_all};
use crate::wire::{CallHeader, Message, Preface, begin_frame, end_frame};

/// One connection's queue of frames.
#[derive(Debug)]
pub(crate) struct Outbound {
    queue: Mutex<Queue>,
    /// As the queue's `bytes`, for who only looks: written under its lock.
    queued: AtomicUsize,
    transport: Arc<dyn Transport>,
}

#[derive(Debug)]
struct Queue {
    waiting: Box<Batch>,
    /// What the writer was given: gone while it writes, and empty when it has; one that is stuck leaves the rest here.
    taken: Option<Box<Batch>>,
    writer: Writer,
    /// Bytes queued and not yet taken by the socket.
    bytes: usize,
    /// Bytes that the socket has taken so far.
    sent: u64,
    last_call: u64,
    introduced: bool,
    /// Threads that wait for room: told when queued bytes have left, and when the way out closes.
    waiters: Vec<Waiter>,
    /// Somebody who found no room wants to be told when all is gone.
    asked: bool,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Free,
    Writing,
    Stuck,
}

/// How a flush ended.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing is left for this thread to do.
    Done,
    /// As before, and who has asked for room is to be told that there is.
    Room,
    /// The socket is full: someone must wait until it is writable and call [`Outbound::resume`].
    Stuck,
    /// The socket takes nothing any more.
    Broken(io::Error),
}

/// A frame that was not queued; nothing of it will be sent.
#[derive(Debug, Error)]
pub(crate) enum SendError {
    #[error("the message has {length} bytes, the peer takes at most {limit}")]
    TooLarge { length: usize, limit: u32 },
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("the connection is closed")]
    Closed,
}

impl Outbound {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Outbound {
        let queue = Queue {
            waiting: Box::default(),
            taken: None,
            writer: Writer::Free,
            bytes: 0,
            sent: 0,
            last_call: 0,
            introduced: false,
            waiters: Vec::new(),
            asked: false,
            closed: false,
        };
        Outbound { queue: Mutex::new(queue), queued: AtomicUsize::new(0), transport }
    }

    /// Queues the preface, unless that was done before. It must be the first thing that is queued.
    pub(crate) fn introduce(&self, preface: &Preface) {
        let mut queue = self.lock();
        if std::mem::replace(&mut queue.introduced, true) {
            return;
        }
        let bytes = preface.encode();
        queue.waiting.tail().extend_from_slice(&bytes);
        queue.bytes += bytes.len();
        self.show(&queue);
    }

    /// Queues one message; a large payload is taken, a small one copied. Says how many bytes are queued now.
    pub(crate) fn send(
        &self,
        message: &Message<'_>,
        payload: &mut Payload,
        limit: u32,
    ) -> Result<usize, SendError> {
        let mut queue = self.lock();
        queue.append(message, payload, limit)?;
        self.show(&queue);
        Ok(queue.bytes)
    }

    /// Queues a message that has no payload.
    pub(crate) fn say(&self, message: &Message<'_>, limit: u32) -> Result<usize, SendError> {
        self.send(message, &mut Payload::default(), limit)
    }

    /// As [`send`](Outbound::send), with a payload that other connections send too.
    pub(crate) fn send_shared(
        &self,
        message: &Message<'_>,
        payload: Arc<[u8]>,
        limit: u32,
    ) -> Result<(), SendError> {
        let mut queue = self.lock();
        queue.head(message, payload.len(), limit)?;
        queue.waiting.append_shared(payload);
        self.show(&queue);
        Ok(())
    }

    /// Queues a call under the next id; `admit` learns the id before the frame can leave.
    pub(crate) fn send_call(
        &self,
        mut header: CallHeader<'_>,
        payload: &mut Payload,
        limit: u32,
        admit: impl FnOnce(u64),
    ) -> Result<u64, SendError> {
        let mut queue = self.lock();
        let id = queue.last_call + 1;
        header.id = id;
        queue.append(&Message::Call(header), payload, limit)?;
        queue.last_call = id;
        self.show(&queue);
        admit(id);
        Ok(id)
    }

    /// Bytes that the socket has not taken yet.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Acquire)
    }

    fn show(&self, queue: &Queue) {
        self.queued.store(queue.bytes, Ordering::Release);
    }

    /// Whether fewer than `bound` bytes are queued. If not, the flush that sends the last of them says [`Progress::Room`].
    pub(crate) fn room_or_ask(&self, bound: usize) -> bool {
        let mut queue = self.lock();
        let full = queue.is_full(bound);
        queue.asked |= full;
        !full
    }

    /// Bytes that the socket has taken so far: while it grows, the peer reads.
    pub(crate) fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Whether frames wait for the socket to take more.
    pub(crate) fn is_stuck(&self) -> bool {
        let queue = self.lock();
        queue.writer == Writer::Stuck && !queue.closed
    }

    /// Writes what is queued, unless another thread does already.
    pub(crate) fn flush(&self) -> Progress {
        let mut queue = self.lock();
        if queue.writer != Writer::Free || queue.closed {
            return Progress::Done;
        }
        queue.writer = Writer::Writing;
        self.write(queue)
    }

    /// Goes on where a stuck writer stopped.
    pub(crate) fn resume(&self) -> Progress {
        let mut queue = self.lock();
        if queue.writer != Writer::Stuck || queue.closed {
            return Progress::Done;
        }
        queue.writer = Writer::Writing;
        self.write(queue)
    }

    fn write<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> Progress {
        let mut batch = queue.taken.take().unwrap_or_default();
        loop {
            if batch.is_empty() {
                std::mem::swap(&mut batch, &mut queue.waiting);
            }
            if batch.is_empty() || queue.closed {
                queue.taken = Some(batch);
                queue.writer = Writer::Free;
                return if std::mem::take(&mut queue.asked) { Progress::Room } else { Progress::Done };
            }
            drop(queue);
            let (count, result) = batch.write_to(&*self.transport);
            queue = self.lock();
            queue.bytes = queue.bytes.saturating_sub(count);
            queue.sent = queue.sent.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            self.show(&queue);
            wake_all(&queue.waiters);
            let Err(error) = result else { continue };
            queue.taken = Some(batch);
            if error.kind() == io::ErrorKind::WouldBlock {
                queue.writer = Writer::Stuck;
                return Progress::Stuck;
            }
            queue.closed = true;
            wake_all(&queue.waiters);
            return Progress::Broken(error);
        }
    }

    /// Waits until fewer than `bound` bytes are queued, the way out is closed, or `deadline`; false at the deadline, and
    /// when `is_over`, which is asked whenever this thread is woken.
    pub(crate) fn wait_for_room(&self, bound: usize, deadline: Instant, is_over: impl Fn() -> bool) -> bool {
        loop {
            let over = is_over();
            let queue = self.lock();
            if !queue.is_full(bound) {
                return true;
            }
            let left = deadline.saturating_duration_since(sync::now());
            if left.is_zero() || over {
                return false;
            }
            drop(self.wait(queue, left));
        }
    }

    /// As [`wait_for_room`](Outbound::wait_for_room), as long as the peer takes something every `stall`; false when it
    /// does not.
    pub(crate) fn outlast(&self, bound: usize, stall: Duration) -> bool {
        if self.queued() < bound.max(1) {
            return true;
        }
        let mut queue = self.lock();
        let (mut sent, mut since) = (queue.sent, sync::now());
        while queue.is_full(bound) {
            if queue.sent != sent {
                (sent, since) = (queue.sent, sync::now());
            }
            let left = stall.saturating_sub(sync::now().saturating_duration_since(since));
            if left.is_zero() {
                return false;
            }
            queue = self.wait(queue, left);
        }
        true
    }

    fn wait<'a>(&'a self, mut queue: MutexGuard<'a, Queue>, time: Duration) -> MutexGuard<'a, Queue> {
        let waiter = Waiter::current();
        queue.waiters.push(waiter.clone());
        drop(queue);
        thread::park_timeout(time);
        let mut queue = self.lock();
        queue.waiters.retain(|other| other.id() != waiter.id());
        queue
    }

    /// Lets nothing more out; what is queued is dropped.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        wake_all(&queue.waiters);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_full(&self, bound: usize) -> bool {
        self.bytes >= bound.max(1) && !self.closed
    }

    fn append(&mut self, message: &Message<'_>, payload: &mut Payload, limit: u32) -> Result<(), SendError> {
        self.head(message, payload.len(), limit)?;
        self.waiting.append(payload);
        Ok(())
    }

    /// Begins a frame whose payload of `length` bytes comes next.
    fn head(&mut self, message: &Message<'_>, length: usize, limit: u32) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let tail = self.waiting.tail();
        let before = tail.len();
        let start = begin_frame(message, tail)?;
        end_frame(tail, start, length, limit).map_err(|length| SendError::TooLarge { length, limit })?;
        self.bytes += tail.len() - before + length;
        Ok(())
    }
}
