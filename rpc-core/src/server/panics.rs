//! What a panic in a user's code costs: its call, its connection, or the process.

use std::io;
use std::sync::Arc;

use super::connection::Connection;
use crate::panics::{self, Panicked};
use crate::status::Status;
use crate::stream::Nudge;

/// What a server does when a procedure panics, or what makes, encodes, takes or drops the items of one of its streams, or
/// the `Drop` of what such a stream [keeps](crate::Stream::keeping).
///
/// The caller is told `Internal` and which procedure it was. The panic's message goes to the log (`tracing`, level
/// `ERROR`) and to nobody else: it may hold what a stranger must not read.
///
/// # Poison
/// Unless the process aborts, it goes on with whatever the panic left half done. A [`Mutex`](std::sync::Mutex) that was
/// held is poisoned: where it is locked with `unwrap`, every later call that needs it panics too and fails as loudly. A
/// procedure that goes on with [`PoisonError::into_inner`](std::sync::PoisonError::into_inner) says that its data is whole at
/// every point where it can panic. State that cannot promise that is safest with [`AbortProcess`](PanicPolicy::AbortProcess)
/// and somebody who starts the program again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicPolicy {
    /// That call fails, and nothing else.
    #[default]
    FailCall,
    /// That call fails, and its connection ends: its other calls fail with `Unavailable`, may have run, and the name of the
    /// procedure that panicked. The peer is told goodbye, so that later calls go to a new connection. For state that belongs
    /// to a connection.
    CloseConnection,
    /// The process aborts, once the panic is logged.
    AbortProcess,
}

impl PanicPolicy {
    /// Runs a user's code for `procedure`; its panic is logged.
    pub(super) fn guard<T>(self, procedure: &str, body: impl FnOnce() -> T) -> Result<T, Panicked> {
        panics::catch(body).inspect_err(|panicked| {
            tracing::error!(procedure, "a procedure panicked: {}", panicked.message());
            if self == PanicPolicy::AbortProcess {
                std::process::abort();
            }
        })
    }
}

/// What the caller of a procedure that panicked is told.
pub(super) fn told(procedure: &str) -> Status {
    Status::internal(format!("{procedure} panicked"))
}

impl Connection {
    /// Runs `job` for this connection on a thread of the server's; what it panics with is not a procedure's, and ends this
    /// connection alone.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn spawn(self: &Arc<Self>, job: impl FnOnce(&Arc<Self>) + Send + 'static) -> io::Result<()> {
        let this = self.clone();
        self.shared.pool.run(move || this.contain(|| job(&this)))
    }

    /// Runs `job`; if it panics, this connection ends.
    pub(super) fn contain(&self, job: impl FnOnce()) {
        if let Err(panicked) = panics::catch(job) {
            tracing::error!("what serves a connection panicked: {}", panicked.message());
            self.close("what serves it panicked");
        }
    }

    /// Tells streams of a call of `procedure` what has happened; no lock may be held. What they hold and keep is a user's:
    /// its panic is caught, and the others are told all the same.
    pub(super) fn tell(
        &self,
        procedure: &str,
        nudges: impl IntoIterator<Item = Nudge>,
    ) -> Result<(), Panicked> {
        let mut outcome = Ok(());
        for nudge in nudges {
            outcome = outcome.and(self.shared.panics.guard(procedure, || nudge.run()));
        }
        outcome
    }

    /// A panic outside a procedure, where only its thread knows the message.
    pub(super) fn note_panic(self: &Arc<Self>, id: u64) {
        let procedure = self.lock().find(id).map_or("a procedure", |call| call.procedure);
        tracing::error!(procedure, "what fills or takes a stream panicked");
        if self.shared.panics == PanicPolicy::AbortProcess {
            std::process::abort();
        }
        self.suffer(id, procedure);
    }

    /// Call `id` of `procedure` has panicked; its connection ends with it, if that is the policy. Never waits.
    pub(super) fn suffer(self: &Arc<Self>, id: u64, procedure: &str) {
        if self.shared.panics != PanicPolicy::CloseConnection {
            return;
        }
        let why = Status::unavailable(format!("{procedure} panicked, and its connection ended with it"));
        self.say_goodbye(&why.clone().not_run());
        let own = told(procedure);
        let ids: Vec<u64> = self.lock().calls().iter().map(|call| call.id).collect();
        for other in ids {
            // One more panic changes nothing: the connection ends already.
            self.fail(other, if other == id { &own } else { &why }).ok();
        }
        self.push_out_aside();
        let reason = why.message().to_owned();
        if self.spawn(move |this| this.linger(&reason)).is_err() {
            self.close(why.message());
        }
    }
}
