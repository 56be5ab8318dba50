//! What both servers do once they know what to serve.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use crossbeam_channel::{Receiver, select};
use rpc_core::ServerBuilder;
use rpc_program::{listen, signals};
use thiserror::Error;

use crate::shop::BANK_TIME;

/// Why a server ended other than by its last procedure.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServingError {
    /// The system refuses to tell of signals.
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    /// The port is taken, or not allowed.
    #[error("cannot listen on port {0}")]
    Listen(u16, #[source] io::Error),
    /// The last procedure has run, and nobody can read what it printed.
    #[error("cannot print")]
    Output(#[source] io::Error),
}

/// Longer than any procedure takes: those that run are answered before the server ends.
const GRACE: Duration = BANK_TIME.saturating_mul(2).saturating_add(Duration::from_secs(2));

/// Serves on all interfaces until the last procedure sends to `end`, or a signal comes.
///
/// # Errors
/// [`ServingError`].
pub fn serve(
    server: ServerBuilder,
    port: u16,
    end: &Receiver<io::Result<()>>,
) -> Result<ExitCode, ServingError> {
    let stop = signals::stop().map_err(ServingError::Signals)?;
    let server = server.bind(&listen::everywhere(port)[..]);
    let server = server.map_err(|error| ServingError::Listen(port, error))?;
    let printed = select! {
        recv(end) -> printed => printed.unwrap_or(Ok(())),
        recv(stop.signals()) -> _ => Ok(()),
    };
    server.shutdown(GRACE).ok();
    printed.map_err(ServingError::Output)?;
    Ok(ExitCode::SUCCESS)
}
