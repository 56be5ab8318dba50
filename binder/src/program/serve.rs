//! `binder`: serves until a signal.

use std::process::ExitCode;
use std::time::Duration;

use binder::{BinderServer, Terms};
use rpc_program::listen::{self, Exposure};
use rpc_program::{log, signals};

use super::{Failure, Serve};

pub(super) fn run(line: &Serve) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::INFO);
    let stop = signals::stop().map_err(Failure::Signals)?;
    let exposure = if line.insecure { Exposure::INSECURE } else { Exposure::LOOPBACK };
    listen::check(line.listen, exposure)?;
    let terms = Terms { lease: line.lease, ..Terms::default() };
    let server =
        BinderServer::start_with(line.listen, terms).map_err(|error| listen::failed(line.listen, error))?;
    tracing::info!("listening on {}", server.address());
    // The thread of `stop` lives as long as it: this only ends with a signal.
    if let Ok(signal) = stop.signals().recv() {
        tracing::info!("stopping: {signal:?}");
    }
    if let Err(still) = server.shutdown(GRACE) {
        tracing::warn!("{still}");
    }
    Ok(ExitCode::SUCCESS)
}

/// How long calls that run are waited for at the end.
const GRACE: Duration = Duration::from_secs(2);
