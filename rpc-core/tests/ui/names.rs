use rpc_core::Status;

#[rpc_core::service]
trait Twice {
    fn join(&self) -> Result<(), Status>;
    fn r#join(&self, room: String) -> Result<(), Status>;
}

#[rpc_core::service]
trait Hidden {
    fn client(&self) -> Result<(), Status>;
    fn start(&self) -> Result<(), Status>;
    fn wait_for_ready(&self) -> Result<(), Status>;
    fn with_deadline(&self) -> Result<(), Status>;
    fn with_metadata(&self) -> Result<(), Status>;
}

#[rpc_core::service(prefix = "p2345678901234567890")]
#[rustfmt::skip]
trait Long {
    fn m123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234(&self) -> Result<(), Status>;
    fn m1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012(&self) -> Result<(), Status>;
}

fn main() {}
