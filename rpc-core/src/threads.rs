//! Threads with a name and an owner.
//!
//! The one place that starts a thread. A [`Thread`] is joined when it is dropped, unless it drops itself.

mod pool;

use std::io;

use crate::sync::thread::{self, JoinHandle};

pub(crate) use self::pool::{Crew, Place, Pool};

/// A running thread; dropping it waits for its end.
#[derive(Debug)]
pub struct Thread(Option<JoinHandle<()>>);

/// Starts a thread of this name (at most 15 bytes are shown by Linux).
///
/// # Errors
/// When the machine allows no further thread.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    thread::Builder::new().name(name.to_owned()).spawn(body).map(|handle| Thread(Some(handle)))
}

impl Thread {
    /// Waits for the thread's end. A thread that joins itself returns at once.
    pub fn join(mut self) {
        self.wait();
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn wait(&mut self) {
        let Some(handle) = self.0.take() else { return };
        if handle.thread().id() == thread::current().id() {
            return;
        }
        if handle.join().is_err() {
            tracing::error!("a thread of rpc-core panicked");
        }
    }

    /// Gives up waiting for a thread that would not end; it is named by who calls this.
    pub(crate) fn abandon(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.wait();
    }
}
