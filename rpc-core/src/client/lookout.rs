//! One thread for all client connections of a process that have had streams: finds those whose consumers pause.
//!
//! Callers read their connections, and one that pauses reads nothing: items that it has credit for would fill the socket
//! until the server gives the connection up. The lookout reads nothing itself. It has the connection's attendant read, and
//! only where something lies unread; so a connection whose consumer goes on costs no thread.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::connection::Connection;
use crate::threads::{self, Thread};

/// Kept by the connections that it looks after; ends with the last of them.
#[derive(Debug)]
pub(super) struct Lookout {
    watched: Arc<Watched>,
    /// Carries nothing: its end tells the thread to leave.
    leave: Option<Sender<()>>,
    thread: Option<Thread>,
}

#[derive(Debug, Default)]
struct Watched(Mutex<Vec<Weak<Connection>>>);

/// What nobody has read for this long is read by the attendant: 1 s, or two until it is found. Well below
/// [`WRITE_STALL`](crate::limits::WRITE_STALL), at which servers give a client up.
pub(super) const UNREAD: Duration = Duration::from_secs(1);

static LOOKOUT: Mutex<Weak<Lookout>> = Mutex::new(Weak::new());

impl Lookout {
    /// The lookout of this process, which looks after `connection` from now on as long as that lives.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub(super) fn over(connection: &Arc<Connection>) -> io::Result<Arc<Lookout>> {
        let mut held = LOOKOUT.lock().unwrap_or_else(PoisonError::into_inner);
        let lookout = match held.upgrade() {
            Some(lookout) => lookout,
            None => Arc::new(Lookout::start()?),
        };
        *held = Arc::downgrade(&lookout);
        drop(held);
        lookout.watched.lock().push(Arc::downgrade(connection));
        Ok(lookout)
    }

    fn start() -> io::Result<Lookout> {
        let watched = Arc::<Watched>::default();
        let (leave, left) = bounded(0);
        let seen = watched.clone();
        let thread = threads::spawn("rpc-lookout", move || seen.watch(&left))?;
        Ok(Lookout { watched, leave: Some(leave), thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        drop(self.leave.take());
        // Its own thread may have held the last connection for a moment; then it leaves by itself.
        drop(self.thread.take());
    }
}

impl Watched {
    fn watch(&self, left: &Receiver<()>) {
        while left.recv_timeout(UNREAD) == Err(RecvTimeoutError::Timeout) {
            // Not under the lock: a connection may end with this look at it.
            let mut seen = std::mem::take(&mut *self.lock());
            seen.retain(|connection| {
                let connection = connection.upgrade();
                connection.iter().for_each(|connection| connection.have_unread_taken_in());
                connection.is_some()
            });
            self.lock().append(&mut seen);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Connection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
