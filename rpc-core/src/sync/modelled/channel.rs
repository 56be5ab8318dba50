//! The channel of crossbeam-channel, by as much as a modelled room needs: one receiver, a bound, an end.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use crossbeam_channel::{RecvError, RecvTimeoutError, TrySendError};

use super::{Condvar, Mutex, now};

#[derive(Debug)]
struct Channel<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    /// One side is gone.
    ended: bool,
}

#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Channel<T>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Channel<T>>);

pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = Mutex::new(State { queue: VecDeque::new(), ended: false });
    let channel = Arc::new(Channel { state, changed: Condvar::new(), capacity });
    (Sender(channel.clone()), Receiver(channel))
}

impl<T> Channel<T> {
    fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.changed.notify_all();
    }

    fn receive(&self, until: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.map(|until| until.saturating_duration_since(now()));
            match (state.queue.pop_front(), left) {
                (Some(item), _) => return Ok(item),
                (None, _) if state.ended => return Err(RecvTimeoutError::Disconnected),
                (None, Some(Duration::ZERO)) => return Err(RecvTimeoutError::Timeout),
                (None, left) => {
                    let left = left.unwrap_or(Duration::from_secs(1 << 30));
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

impl<T> Sender<T> {
    pub(crate) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return Err(TrySendError::Disconnected(item));
        }
        if state.queue.len() >= self.0.capacity {
            return Err(TrySendError::Full(item));
        }
        state.queue.push_back(item);
        drop(state);
        self.0.changed.notify_all();
        Ok(())
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        self.0.receive(None).map_err(|_| RecvError)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).queue.is_empty()
    }

    pub(crate) fn recv_timeout(&self, time: Duration) -> Result<T, RecvTimeoutError> {
        self.0.receive(Some(now() + time))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}
