use rpc_core::Status;

struct Stream<T>(T);

#[rpc_core::service]
trait Chat {
    fn events(&self, room: String) -> Result<Stream<String>, Status>;
    fn upload(&self, room: String, parts: Stream<Vec<u8>>) -> Result<(), Status>;
    fn inside(&self) -> Result<Option<crate::Stream<String>>, Status>;
}

fn main() {
    let _ = Stream(());
}
