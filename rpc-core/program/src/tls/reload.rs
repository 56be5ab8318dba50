//! Reads certificates again when the program is told so.

use std::error::Error;
use std::io::{self, IsTerminal};

use rpc_core::threads::{self, Thread};
use rpc_core::{ClientTls, ServerTls, TlsError};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::{Handle, Signals};

use crate::supervisor;

/// Reads the files of TLS again at each SIGHUP, until it is dropped. What cannot be used is logged, and what was stays.
#[derive(Debug)]
pub struct Reloader {
    handle: Handle,
    _thread: Thread,
}

impl Reloader {
    /// Begins. A program without TLS says that there is nothing to read, and goes on; with a terminal in front of it, it has
    /// no reloader (`None`) and ends with its terminal.
    ///
    /// # Errors
    /// When the system refuses the signal handler, or the thread `certificates`.
    pub fn start(server: Option<&ServerTls>, client: Option<&ClientTls>) -> io::Result<Option<Reloader>> {
        let nothing = server.is_none() && client.is_none();
        if nothing && io::stdin().is_terminal() {
            return Ok(None);
        }
        let (server, client) = (server.cloned(), client.cloned());
        let mut hangups = Signals::new([SIGHUP])?;
        let handle = hangups.handle();
        let thread = threads::spawn("certificates", move || {
            for _ in hangups.forever() {
                supervisor::reloading(|| {
                    told("this server", server.as_ref().map(ServerTls::reload));
                    told("connections to others", client.as_ref().map(ClientTls::reload));
                });
                if nothing {
                    tracing::info!("there are no certificates to read again");
                }
            }
        })?;
        Ok(Some(Reloader { handle, _thread: thread }))
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        // Ends the thread's loop; its own drop joins it.
        self.handle.close();
    }
}

fn told(whose: &str, outcome: Option<Result<(), TlsError>>) {
    match outcome {
        None => {}
        Some(Ok(())) => tracing::info!("the certificates of {whose} were read again"),
        Some(Err(error)) => {
            let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
            tracing::error!("the certificates of {whose} stay as they were: {error}{why}");
        }
    }
}
