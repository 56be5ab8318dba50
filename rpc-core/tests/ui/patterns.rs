use rpc_core::Status;

#[rpc_core::service]
trait Chat {
    fn tuple(&self, (room, user): (String, String)) -> Result<(), Status>;
    fn mutable(&self, mut room: String) -> Result<(), Status>;
}

fn main() {}
