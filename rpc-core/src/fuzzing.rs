//! What fuzzing runs: bytes from a stranger, and what must be true of whatever they are.
//!
//! Each function takes one input and panics when a promise is broken. They are here, and not in `fuzz/`, so that they
//! reach the floors inside and so that the corpus is run again by the ordinary tests. Part of no ordinary build.

mod client;
#[cfg(feature = "json")]
mod json;
mod pieces;
mod server;
#[cfg(test)]
mod tests;

pub use client::client;
#[cfg(feature = "json")]
pub use json::json;
pub use pieces::{frame, message, preface};
pub use server::server;

use crate::status::Status;
use crate::stream::Stream;

/// The service that inputs talk to, on either side: the one of PROTOCOL.md's conversations, so that these are inputs too.
#[rpc_core::service]
trait Desk {
    fn echo(&self, text: String) -> Result<String, Status>;
    fn withdraw(&self, amount: u64) -> Result<u64, Status>;
    /// Waits until nobody waits for it.
    fn wait(&self) -> Result<(), Status>;
    fn entries(&self) -> Result<Stream<u64>, Status>;
    fn deposit(&self, amounts: Stream<u64>) -> Result<u64, Status>;
    fn change(&self, amounts: Stream<u64>) -> Result<Stream<u64>, Status>;
}
