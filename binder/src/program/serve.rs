//! `binder`: serves until a signal.

use std::process::ExitCode;
use std::time::Duration;

use binder::{Access, BinderOptions, BinderServer, Damaged, StartError, StateError, Terms, Tokens};
use rpc_program::listen::{self, Exposure};
use rpc_program::{log, signals};

use super::{Failure, Serve};

pub(super) fn run(line: &Serve) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::INFO);
    let stop = signals::stop().map_err(Failure::Signals)?;
    let options = options(line)?;
    let server = BinderServer::start_with(line.listen, options).map_err(|error| match error {
        StartError::System(error) => Failure::Listen(listen::failed(line.listen, error)),
        StartError::State(error @ StateError::Damaged { .. }) => Failure::Damaged(error),
        StartError::State(error) => Failure::State(error),
        error => Failure::Start(error),
    })?;
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

fn options(line: &Serve) -> Result<BinderOptions, Failure> {
    let loopback = listen::check(line.listen, Exposure::LOOPBACK).is_ok();
    let access = match &line.token_file {
        Some(file) => Access::with_tokens(Tokens::read(file)?, line.lookups.into()),
        None if loopback || line.insecure => Access::default(),
        None => return Err(Failure::Unprotected(line.listen)),
    };
    if !loopback && line.token_file.is_some() {
        tracing::warn!("tokens travel unencrypted: whoever can listen in on the network can read them");
    }
    let terms = Terms { lease: line.lease, ..Terms::default() };
    let damaged = if line.reset_state { Damaged::SetAside } else { Damaged::Refuse };
    Ok(BinderOptions { terms, access, state: line.state.clone(), damaged })
}

/// How long calls that run are waited for at the end.
const GRACE: Duration = Duration::from_secs(2);
