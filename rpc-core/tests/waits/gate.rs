//! A gate that procedures of a test wait at, until the test lets them through.

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Context, Status};

/// What the procedures have of it.
pub(crate) struct Gate {
    /// Told before a procedure waits.
    pub(crate) entered: Sender<()>,
    /// Each message lets one of them through.
    pub(crate) opened: Receiver<()>,
    cancelled: Sender<()>,
}

impl Gate {
    /// A gate, and what the test has of it: what opens it, and who has entered, and who has gone without getting through.
    pub(crate) fn new() -> (Gate, Sender<()>, [Receiver<()>; 2]) {
        let ((entered, seen), (gate, opened), (cancelled, gone)) =
            (bounded(1000), bounded(1000), bounded(1000));
        (Gate { entered, opened, cancelled }, gate, [seen, gone])
    }

    /// Waits to be let through, or for the caller's loss of interest.
    pub(crate) fn pass(&self) -> Result<(), Status> {
        // A test that has ended, or does not look, is told nothing.
        self.entered.send(()).ok();
        crossbeam_channel::select! {
            recv(self.opened) -> _ => Ok(()),
            recv(Context::current().cancelled()) -> _ => {
                self.cancelled.send(()).ok();
                Err(Status::cancelled("nobody waits"))
            }
        }
    }
}
