//! What the guests come for, and the process that serves it.

use std::io::Read;
use std::sync::Arc;

use rpc_core::{Bytes, Context, Server, Status, Stream};

#[rpc_core::service]
pub(crate) trait Mill {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn bulk(&self, size: u32) -> Result<Bytes, Status>;
    /// Waits for the caller's loss of interest.
    fn hold(&self) -> Result<(), Status>;
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
}

struct Works;

impl Mill for Works {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn bulk(&self, size: u32) -> Result<Bytes, Status> {
        Ok(vec![7; usize::try_from(size).unwrap()].into())
    }

    fn hold(&self) -> Result<(), Status> {
        // The channel carries nothing: it ends.
        Context::current().cancelled().recv().unwrap_err();
        Err(Status::cancelled("nobody waits"))
    }

    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn sum(&self, mut numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.try_fold(0, |sum, number| Ok(sum + number?))
    }

    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(numbers.map(|number| Ok(2 * number?))))
    }
}

/// What the serving process says first, before its address.
pub(crate) const LISTENS: &str = "listens on ";

/// Serves until standard input ends.
pub(crate) fn serve() {
    let server = Server::builder().service(MillService::new(Arc::new(Works))).bind("127.0.0.1:0").unwrap();
    println!("\n{LISTENS}{}", server.address());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    server.shutdown(Server::DROP_GRACE).unwrap();
}
