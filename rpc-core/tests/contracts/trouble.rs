//! What goes wrong in a service of a test: an error of its own, and a status within it.

use rpc_core::Status;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Trouble {
    Empty,
    Rpc(Status),
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Trouble {
        Trouble::Rpc(status)
    }
}
