//! A connection's own thread, started when it is first needed: it flushes started calls that nobody waits for yet, keeps
//! a full socket moving, and reads for streams that their producers have left or whose consumers pause. It ends with its
//! connection.

use std::io;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use super::connection::Connection;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crate::sync::{Mutex, MutexGuard};
use crate::threads::{self, Thread};
use crate::transport::Waiter;

/// Started calls, and items of a stream that have waited for credit, leave within this time, whatever their producer does.
const CORK_TIME: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Attendant {
    connection: Weak<Connection>,
    flushing: AtomicBool,
    taking_in: AtomicBool,
    at_work: Mutex<Option<AtWork>>,
    /// Its thread, while that reads.
    reading: Mutex<Option<Waiter>>,
}

/// The thread, and the channel whose end tells it to leave.
#[derive(Debug)]
struct AtWork {
    wake: Sender<Errand>,
    thread: Thread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Flush,
    Unstick,
    Tend,
    TakeIn,
}

/// There is no thread for an errand, and none can be started.
#[derive(Debug)]
pub(super) struct NobodyThere;

impl Attendant {
    pub(super) fn new(connection: Weak<Connection>) -> Attendant {
        Attendant {
            connection,
            flushing: AtomicBool::new(false),
            taking_in: AtomicBool::new(false),
            at_work: Mutex::new(None),
            reading: Mutex::new(None),
        }
    }

    /// Sees to it that what is queued leaves within a millisecond.
    pub(super) fn flush_soon(&self) -> Result<(), NobodyThere> {
        if self.flushing.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.send(Errand::Flush).inspect_err(|NobodyThere| self.flushes_now())
    }

    /// Sees to it that a full socket is written to when it takes more.
    pub(super) fn unstick(&self) -> Result<(), NobodyThere> {
        self.send(Errand::Unstick)
    }

    /// Sees to it that somebody reads while a stream's last items wait for credit.
    pub(super) fn tend(&self) -> Result<(), NobodyThere> {
        self.send(Errand::Tend)
    }

    /// Sees to it that what lies unread for streams is read.
    pub(super) fn take_in(&self) -> Result<(), NobodyThere> {
        self.taking_in.store(true, Ordering::Release);
        self.send(Errand::TakeIn)
    }

    /// Whether that was asked for since this was last asked.
    pub(super) fn takes_in_now(&self) -> bool {
        self.taking_in.swap(false, Ordering::AcqRel)
    }

    /// Runs `read`, from which this thread is woken when there is something else to do.
    pub(super) fn read_by(&self, read: impl FnOnce()) {
        *self.reading() = Some(Waiter::current());
        read();
        *self.reading() = None;
    }

    fn reading(&self) -> MutexGuard<'_, Option<Waiter>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called before a flush, so that calls started from now on ask again.
    pub(super) fn flushes_now(&self) {
        self.flushing.store(false, Ordering::Release);
    }

    fn send(&self, errand: Errand) -> Result<(), NobodyThere> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let started = match at_work.take() {
            Some(held) => held,
            None => start(self.connection.clone()).map_err(|error| {
                tracing::warn!(%error, "no thread for a connection's errands");
                NobodyThere
            })?,
        };
        // Full: errands enough are waiting, and each of them does everything.
        at_work.insert(started).wake.try_send(errand).ok();
        drop(at_work);
        self.reading().iter().for_each(Waiter::wake);
        Ok(())
    }
}

fn start(connection: Weak<Connection>) -> io::Result<AtWork> {
    let (wake, errands) = bounded(4);
    let thread = threads::spawn("rpc-attendant", move || attend(&connection, &errands))?;
    Ok(AtWork { wake, thread })
}

fn attend(connection: &Weak<Connection>, errands: &Receiver<Errand>) {
    while let Ok(errand) = errands.recv() {
        // Started calls leave with others, and a producer that goes on at once reads its credit by itself.
        let waits = matches!(errand, Errand::Flush | Errand::Tend);
        if waits && errands.recv_timeout(CORK_TIME) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        let Some(connection) = connection.upgrade() else { return };
        connection.run_errand(|| !errands.is_empty(), || Arc::strong_count(&connection) == 1);
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(AtWork { wake, thread }) = at_work {
            drop(wake);
            thread.join();
        }
    }
}
