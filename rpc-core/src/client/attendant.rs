//! A connection's own thread, started when it is first needed: it flushes started calls that nobody waits for yet, and
//! keeps a full socket moving. It ends with its connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::connection::Connection;
use crate::threads::{self, Thread};

/// Started calls leave within this time, whatever their caller does.
const CORK_TIME: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Attendant {
    connection: Weak<Connection>,
    /// One wake-up waits at most: the thread looks at everything when it comes.
    wake: Sender<Errand>,
    errands: Receiver<Errand>,
    flushing: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

#[derive(Clone, Copy, Debug)]
enum Errand {
    Flush,
    Unstick,
    Leave,
}

impl Attendant {
    pub(super) fn new(connection: Weak<Connection>) -> Attendant {
        let (wake, errands) = bounded(4);
        Attendant { connection, wake, errands, flushing: AtomicBool::new(false), thread: Mutex::new(None) }
    }

    /// Sees to it that what is queued leaves within a millisecond.
    pub(super) fn flush_soon(&self) {
        if !self.flushing.swap(true, Ordering::AcqRel) {
            self.send(Errand::Flush);
        }
    }

    /// Sees to it that a full socket is written to when it takes more.
    pub(super) fn unstick(&self) {
        self.send(Errand::Unstick);
    }

    /// Called by the thread before it flushes, so that calls started from now on ask again.
    pub(super) fn flushes_now(&self) {
        self.flushing.store(false, Ordering::Release);
    }

    fn send(&self, errand: Errand) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (connection, errands) = (self.connection.clone(), self.errands.clone());
            *thread = threads::spawn("rpc-attendant", move || attend(&connection, &errands))
                .inspect_err(|error| tracing::warn!(%error, "no thread for a connection's errands"))
                .ok();
        }
        // Full: errands enough are waiting, and each of them flushes.
        self.wake.try_send(errand).ok();
    }
}

fn attend(connection: &Weak<Connection>, errands: &Receiver<Errand>) {
    while let Ok(errand) = errands.recv() {
        let left = match errand {
            Errand::Leave => true,
            Errand::Unstick => false,
            Errand::Flush => matches!(
                errands.recv_timeout(CORK_TIME),
                Ok(Errand::Leave) | Err(RecvTimeoutError::Disconnected)
            ),
        };
        if left {
            return;
        }
        let Some(connection) = connection.upgrade() else { return };
        connection.run_errand(|| std::sync::Arc::strong_count(&connection) == 1);
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        // The thread takes errands out, so there is room soon; it is gone if nobody ever needed it.
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            self.wake.send(Errand::Leave).ok();
            thread.join();
        }
    }
}
