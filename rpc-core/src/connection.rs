//! What the two ends of a connection share: the way out.

mod batch;
mod outbound;

pub(crate) use outbound::{Outbound, Progress, SendError};
