//! What the two ends of a connection share: the way in and the way out.

mod batch;
mod intake;
#[cfg(all(test, shuttle))]
mod models;
mod outbound;

pub(crate) use intake::{IntakeError, read, read_or_wake};
pub(crate) use outbound::{Outbound, Progress, SendError};
