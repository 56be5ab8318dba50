use std::sync::Arc;

use rpc_core::Status;

#[rpc_core::service]
trait Chat {
    fn nothing() -> Result<(), Status>;
    fn no_self(room: String) -> Result<(), Status>;
    fn exclusive(&mut self) -> Result<(), Status>;
    fn by_value(self) -> Result<(), Status>;
    fn typed(self: Arc<Self>) -> Result<(), Status>;
    fn named<'a>(&'a self) -> Result<(), Status>;
}

fn main() {}
