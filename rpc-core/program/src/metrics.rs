//! `--metrics ADDR:PORT`: a small port where Prometheus, or a person with a browser, reads how the program is.
//!
//! | path | |
//! |---|---|
//! | `/metrics` | what the program tells of itself, and of its process, in Prometheus' text format |
//! | `/healthz` | `ok` as long as the program answers |
//!
//! It asks nobody who he is, so it follows the rules for [addresses](crate::listen): loopback, unless `--insecure` is said.
//! There is no port unless one is named.

mod process;

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use rpc_core::metrics::Metrics;
use thiserror::Error;

use crate::http::{Answer, Hosts, HttpServer, Kind, Request, Response, Status};
use crate::listen::{self, Exposure};

/// The variable of the environment that stands for a program's `--metrics`.
pub trait Variable {
    /// Its name.
    const METRICS: &'static str;
}

/// What a program that serves is told of metrics, to be flattened into its command line.
#[derive(Clone, Debug, Default, Args)]
pub struct MetricsPort<V: Variable> {
    /// Tell Prometheus there how the program is, at /metrics; /healthz says that it is there
    #[arg(long, value_name = "ADDR:PORT", env = V::METRICS, value_parser = listen::address)]
    metrics: Option<SocketAddr>,

    #[arg(skip)]
    variable: PhantomData<V>,
}

/// Why a program does not tell its metrics.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// Others could reach the address, and nobody said that this is wanted.
    #[error(
        "other machines could read the metrics at {0}, and nobody is asked who he is: let --metrics name a loopback \
         address such as 127.0.0.1:9464, or say --insecure"
    )]
    Exposed(SocketAddr),
    /// The port is in use.
    #[error(
        "port {} of {} is taken by another program: end that one, or choose another address with --metrics (port 0 \
         takes a free one)", .0.port(), .0.ip()
    )]
    Taken(SocketAddr),
    /// The system refuses the address, or a thread.
    #[error("metrics cannot be told at {0}")]
    Refused(SocketAddr, #[source] io::Error),
}

/// A port that tells metrics. Dropping it closes every connection to it and joins every thread.
#[derive(Debug)]
pub struct MetricsServer(HttpServer);

impl<V: Variable> MetricsPort<V> {
    /// Whether a program of this exposure may have the port that was asked for; to be asked before it serves anybody.
    ///
    /// # Errors
    /// [`MetricsError::Exposed`].
    pub fn check(&self, exposure: Exposure) -> Result<(), MetricsError> {
        let Some(address) = self.metrics else { return Ok(()) };
        listen::check(address, exposure).map_err(|_| MetricsError::Exposed(address))
    }

    /// Tells what `read` says from now on, if a port was asked for, and says so in the log. `read` runs at each scrape, on a
    /// connection's thread, and should not wait.
    ///
    /// # Errors
    /// As [`check`](MetricsPort::check), or when the address cannot be had.
    pub fn open(
        &self,
        exposure: Exposure,
        read: impl Fn() -> Metrics + Send + Sync + 'static,
    ) -> Result<Option<MetricsServer>, MetricsError> {
        self.check(exposure)?;
        let Some(address) = self.metrics else { return Ok(None) };
        let server = MetricsServer::start(address, read).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => MetricsError::Taken(address),
            _ => MetricsError::Refused(address, error),
        })?;
        tracing::info!("telling metrics at http://{}/metrics", server.address());
        Ok(Some(server))
    }
}

impl MetricsServer {
    /// Tells what `read` says, at this address; port 0 takes any free port.
    ///
    /// On a loopback address it answers to that address and `localhost` alone, so that no page of another site can read it
    /// through a visitor's browser; elsewhere to every name that the network has for the machine.
    ///
    /// # Errors
    /// What the system says of the address, or of the thread.
    pub fn start(
        address: SocketAddr,
        read: impl Fn() -> Metrics + Send + Sync + 'static,
    ) -> io::Result<MetricsServer> {
        let hosts = if address.ip().to_canonical().is_loopback() { Hosts::Own } else { Hosts::Any };
        let answer: Arc<Answer> = Arc::new(move |request: &Request| answer(request, &read));
        HttpServer::start(address, hosts, answer).map(MetricsServer)
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// What is answered at `/metrics`: these, and those of the process.
pub fn response(mut metrics: Metrics) -> Response {
    metrics.extend(process::metrics());
    Response::new(Kind::Metrics, metrics.to_string().into_bytes())
}

fn answer(request: &Request, read: &impl Fn() -> Metrics) -> Response {
    match request.path() {
        "/metrics" => response(read()),
        "/healthz" => Response::sentence(Status::Ok, "ok"),
        _ => Response::sentence(Status::NotFound, "there are /metrics and /healthz"),
    }
}

#[cfg(test)]
mod tests;
