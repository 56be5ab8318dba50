use rpc_core::Status;

#[rpc_core::service]
trait Chat {
    #[idempotent(true)]
    fn options(&self) -> Result<(), Status>;
    #[idempotent]
    #[idempotent]
    fn twice(&self) -> Result<(), Status>;
    #[cfg(unix)]
    fn conditional(&self) -> Result<(), Status>;
}

fn main() {}
