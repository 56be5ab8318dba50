//! A call whose procedure is the test's own: what surrounds the calls that are made inside it.

use std::sync::Arc;

use rpc_core::{Server, Status};

use crate::lab::{Host, Transport};

#[rpc_core::service]
pub(crate) trait Around {
    fn around(&self) -> Result<(), Status>;
}

struct Inside<F>(F);

impl<F> Around for Inside<F>
where
    F: Fn() -> Result<(), Status> + Send + Sync + 'static,
{
    fn around(&self) -> Result<(), Status> {
        self.0()
    }
}

/// A server whose one procedure is `inside`, and its client.
pub(crate) fn serve<F>(transport: Transport, inside: F) -> (Host, AroundClient)
where
    F: Fn() -> Result<(), Status> + Send + Sync + 'static,
{
    let host = transport.serve(Server::builder().service(AroundService::new(Arc::new(Inside(inside)))));
    let client = AroundClient::new(host.client());
    (host, client)
}
