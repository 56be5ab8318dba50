//! Ctrl-C while calls are measured: it ends them, and what was measured until then is kept.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Sender, bounded, select};
use rpc_core::threads::{self, Thread};
use rpc_core::{Canceller, Context};
use rpc_program::signals::{self, Signal, Stop};

use crate::program::Failure;

/// The stop signals of the process while calls are measured.
pub(super) struct Interruption {
    life: Context,
    came: Arc<OnceLock<Signal>>,
    // Dropped in this order: its end lets the thread end, which is joined.
    _measuring: Sender<Infallible>,
    _thread: Thread,
    _stop: Stop,
}

impl Interruption {
    /// Begins to wait for one.
    ///
    /// # Errors
    /// When signals cannot be caught, or there is no thread.
    pub(super) fn awaited() -> Result<Interruption, Failure> {
        let stop = signals::stop().map_err(Failure::Signals)?;
        let (life, canceller) = Context::cancellable();
        let (measuring, over) = bounded::<Infallible>(0);
        let came = Arc::<OnceLock<Signal>>::default();
        let (noted, signals) = (came.clone(), stop.signals().clone());
        let waiting = move || {
            let _until_here: Canceller = canceller;
            select! {
                recv(signals) -> signal => {
                    signal.into_iter().for_each(|signal| noted.set(signal).unwrap_or(()));
                }
                recv(over) -> _ => {}
            }
        };
        let thread = threads::spawn("rpc-bench-stop", waiting).map_err(Failure::Threads)?;
        Ok(Interruption { life, came, _measuring: measuring, _thread: thread, _stop: stop })
    }

    /// In what the calls are made: cancelled when a signal comes.
    pub(super) fn life(&self) -> &Context {
        &self.life
    }

    /// The one that came.
    pub(super) fn came(&self) -> Option<Signal> {
        self.came.get().copied()
    }
}
