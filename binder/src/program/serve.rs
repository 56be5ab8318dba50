//! `binder`: serves until a signal.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use binder::{
    Access, BinderOptions, BinderServer, Damaged, Lookups, PageServer, Rights, StartError, StateError, Terms,
};
use rpc_core::ServerTls;
use rpc_program::listen::{self, Exposure};
use rpc_program::supervisor::{self, Word};
use rpc_program::tls::{Reloader, TlsFailure};
use rpc_program::{activation, log, signals};

use super::{Failure, Serve};

pub(super) fn run(line: &Serve) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::INFO);
    let mut sockets = activation::sockets(&["listen"])?;
    let stop = signals::stop().map_err(Failure::Signals)?;
    let seat = sockets.seat("listen", line.listen);
    let options = options(line, seat.address())?;
    let exposure = if line.insecure { Exposure::INSECURE } else { Exposure::LOOPBACK };
    line.metrics.check(exposure)?;
    let _reloader = Reloader::start(options.tls.as_ref(), None).map_err(Failure::Signals)?;
    let server = BinderServer::start_on(seat.bind()?, options).map_err(|error| match error {
        StartError::State(error @ StateError::Damaged { .. }) => Failure::Damaged(error),
        StartError::State(error) => Failure::State(error),
        error => Failure::Start(error),
    })?;
    let meter = server.meter();
    let metrics = line.metrics.open(exposure, move || meter.read())?;
    let page = line.http.map(|address| page(address, &server)).transpose()?;
    if let Some(page) = &page {
        tracing::info!("showing a page at http://{}/", page.address());
    }
    tracing::info!("listening on {}", server.address());
    supervisor::tell(Word::Ready(format!("serving names on {}", server.address())));
    // The thread of `stop` lives as long as it: this only ends with a signal.
    if let Ok(signal) = stop.signals().recv() {
        tracing::info!("stopping: {signal:?}");
    }
    supervisor::tell(Word::Stopping);
    drop((page, metrics));
    if let Err(still) = server.shutdown(GRACE) {
        tracing::warn!("{still}");
    }
    Ok(ExitCode::SUCCESS)
}

fn page(address: SocketAddr, server: &BinderServer) -> Result<PageServer, Failure> {
    PageServer::start(address, server).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Failure::TakenPage(address),
        _ => Failure::Page(address, error),
    })
}

fn options(line: &Serve, address: SocketAddr) -> Result<BinderOptions, Failure> {
    let loopback = listen::check(address, Exposure::LOOPBACK).is_ok();
    let lookups = lookups(line);
    let access = match access(line, lookups)? {
        Some(access) => access,
        None if loopback || line.insecure => Access::default(),
        None => return Err(Failure::Unprotected(address)),
    };
    let tls = line.tls.server()?;
    if !loopback && line.token_file.is_some() && tls.is_none() {
        tracing::warn!("tokens travel unencrypted: whoever can listen in on the network can read them");
    }
    let tls = match lookups {
        Lookups::Open => tls.map(ServerTls::with_anonymous_clients).transpose().map_err(TlsFailure::from)?,
        _ => tls,
    };
    if let Some(http) = line.http {
        let exposure = if line.insecure { Exposure::INSECURE } else { Exposure::LOOPBACK };
        listen::check(http, exposure).map_err(|_| Failure::ExposedPage(http))?;
        if lookups != Lookups::Open {
            return Err(Failure::OpenPage);
        }
    }
    let terms = Terms { lease: line.lease, ..Terms::default() };
    let damaged = if line.reset_state { Damaged::SetAside } else { Damaged::Refuse };
    Ok(BinderOptions { terms, access, state: line.state.clone(), damaged, tls })
}

fn lookups(line: &Serve) -> Lookups {
    match line.lookups {
        Some(who) => who.into(),
        None if line.tls.asks_clients() => Lookups::WithCertificate,
        None => Lookups::Open,
    }
}

/// Who may do what; `None` if that is not said.
fn access(line: &Serve, lookups: Lookups) -> Result<Option<Access>, Failure> {
    let rights = line.token_file.as_deref().map(Rights::read).transpose()?;
    Ok(match (rights, &line.token_file) {
        (Some(rights), Some(file)) if rights.name_certificates() && !line.tls.asks_clients() => {
            return Err(Failure::UnaskedCertificates(file.clone()));
        }
        (Some(rights), _) if line.tls.asks_clients() => {
            Some(Access::with_rights(rights, lookups).and_certificates())
        }
        (Some(rights), _) => Some(Access::with_rights(rights, lookups)),
        (None, _) => line.tls.asks_clients().then(|| Access::with_certificates(lookups)),
    })
}

/// How long calls that run are waited for at the end.
const GRACE: Duration = Duration::from_secs(2);
