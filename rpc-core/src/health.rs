//! Whether services serve: built-in procedures that every server answers, and the handle by which its program says so.
//!
//! The states and their meaning are those of gRPC's health protocol (`grpc/doc/health-checking.md`). A service is called
//! what [`Service::name`](crate::Service::name) says; the empty name is the server as a whole. Who shuts a server down
//! need not say so: before it says goodbye, nothing serves any more.

mod board;

use serde::{Deserialize, Serialize};

pub use self::board::Health;
use crate::status::Status;
use crate::stream::Stream;

/// Whether a service serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// It does.
    Serving,
    /// It does not now; others may.
    NotServing,
    /// Nobody knows a service of this name. Only [`watch`](HealthCheck::watch) says so, since it may come.
    ServiceUnknown,
}

/// The built-in procedures by which others learn whether a service serves: `rpc.health.check` and `rpc.health.watch`.
#[crate::service(prefix = "rpc.health")]
pub trait HealthCheck {
    /// Whether a service serves; the empty name is the server. Refused with `NotFound` for a service that nobody knows.
    #[idempotent]
    fn check(&self, service: String) -> Result<Standing, Status>;

    /// Whether a service serves, at once and whenever that changes, until the server shuts down: then it is not serving, and
    /// the stream ends. Who is more than 1,024 changes behind is let go with `ResourceExhausted`.
    fn watch(&self, service: String) -> Result<Stream<Standing>, Status>;
}
